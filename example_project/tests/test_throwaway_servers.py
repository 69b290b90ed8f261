"""What happens if a server that a test needs is not installed?"""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# PATH is not the only place for programs, so it cannot be emptied. This program does not exist.
TEST = """
from contextlib import contextmanager

from conftest import or_skipped
from throwaway_servers.processes import find


@contextmanager
def serving():
    yield find("pgbouncer-of-nobody", "pgbouncer")


def test_it():
    with or_skipped(serving):
        raise AssertionError("there is no server")
"""
MISSING = "pgbouncer-of-nobody is not installed (on Debian: the package pgbouncer)"


def run(directory: Path, **variables: str) -> str:
    """Run a test of such a server in this project, and return pytest's output."""
    test = directory / "test_it.py"
    test.write_text(TEST)
    environ = {name: value for name, value in os.environ.items() if name not in ("CI", "DB_POOLER")}
    # It needs no database, so no server is started for it.
    environ["DATABASE_URL"] = "sqlite://:memory:"
    options = ("-c", "pytest.ini", "-p", "conftest", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=PROJECT,
        env={**environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_a_test_is_skipped_without_its_program(tmp_path: Path) -> None:
    """The reason names the program and its package."""
    written = run(tmp_path)

    assert "1 skipped" in written
    assert MISSING in written


def test_in_ci_a_missing_program_is_an_error(tmp_path: Path) -> None:
    """In CI, a test that is always skipped would test nothing."""
    written = run(tmp_path, CI="true")

    assert "1 failed" in written
    assert f"ProgramMissing: {MISSING}" in written

"""What if a server is not installed that a test needs?"""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# Where programs are looked for cannot be emptied, as it is not only PATH. So this one is nowhere.
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
    """Run a test of such a server as one of this project, and return what pytest wrote."""
    test = directory / "test_it.py"
    test.write_text(TEST)
    environ = {name: value for name, value in os.environ.items() if name not in ("CI", "DB_POOLER")}
    # It asks for no database, and so none is started for it.
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
    """The reason names the program, and the package that it is in."""
    written = run(tmp_path)

    assert "1 skipped" in written
    assert MISSING in written


def test_in_ci_a_missing_program_is_an_error(tmp_path: Path) -> None:
    """A test that is always skipped there would be none."""
    written = run(tmp_path, CI="true")

    assert "1 failed" in written
    assert f"ProgramMissing: {MISSING}" in written

"""Is what we publish complete? `python3 run.py matrix -e package` runs the first three of these.

build DIST    build both archives, and compare their files and their description with what is expected
try DIST      install the wheel into an empty environment, and run a small suite there
unpack DIST   run the unit tests from the unpacked source archive, as a Linux distribution does
tag NAME      compare a tag with the version and the changelog, before a release
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
SUITE = Path(__file__).with_name("suite")
# What a build adds to the files that git tracks.
MADE_FOR_WHEEL = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
MADE_FOR_SOURCES = {"PKG-INFO", ".gitignore"}
# They would change what a test counts, or which package it imports.
NOT_INHERITED = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS", "PYTHONPATH"}
PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def main() -> None:
    """Run one of the commands."""
    match sys.argv[1:]:
        case ["build", dist]:
            build(Path(dist))
        case ["try", dist]:
            try_wheel(only(Path(dist), "*.whl"))
        case ["unpack", dist]:
            try_sources(only(Path(dist), "*.tar.gz"), only(Path(dist), "*.whl"))
        case ["tag", name]:
            check_tag(name)
        case _:
            sys.exit(__doc__)


def build(dist: Path) -> None:
    """Build the source archive, and the wheel from it. The environment has the pinned build backend."""
    for built_before in (*dist.glob("*.tar.gz"), *dist.glob("*.whl")):
        built_before.unlink()
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, HOME)
    sources, wheel = only(dist, "*.tar.gz"), only(dist, "*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", sources, wheel)
    tracked = run("git", "ls-files", cwd=HOME).splitlines()
    compare(sources.name, files_of_sources(sources), expected_sources(tracked))
    compare(wheel.name, files_of_wheel(wheel), expected_wheel(tracked, wheel))


def expected_sources(tracked: Iterable[str]) -> set[str]:
    """Everything that git tracks except names with a dot: only GitHub, CI and editors read those."""
    return {file for file in tracked if not file.startswith(".")} | MADE_FOR_SOURCES


def expected_wheel(tracked: Iterable[str], wheel: Path) -> set[str]:
    """The package with its `py.typed`, the licence, and what describes the wheel. No tests."""
    name, version, *_ = wheel.name.split("-")
    made = {f"{name}-{version}.dist-info/{file}" for file in MADE_FOR_WHEEL}
    return {file for file in tracked if file.startswith("pytest_dbperf/")} | made


def files_of_sources(archive: Path) -> set[str]:
    """The files of a source archive, without the folder that all of them are in."""
    with tarfile.open(archive) as opened:
        return {member.name.partition("/")[2] for member in opened if member.isfile()}


def files_of_wheel(wheel: Path) -> set[str]:
    """The files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if not name.endswith("/")}


def compare(archive: str, found: set[str], expected: set[str]) -> None:
    """Say which files are missing, and which ones should not be there."""
    missing = [f"  missing: {file}" for file in sorted(expected - found)]
    unexpected = [f"  not expected: {file}" for file in sorted(found - expected)]
    if missing or unexpected:
        sys.exit("\n".join([f"{archive}:", *missing, *unexpected]))
    print(f"{archive}: {len(found)} files, as expected")


def try_wheel(wheel: Path) -> None:
    """Install the wheel and pytest-django, and run a test that keeps to its budget and one that breaks it."""
    with tempfile.TemporaryDirectory() as folder:
        environment, suite = Path(folder, "environment"), Path(folder, "suite")
        venv.create(environment, with_pip=True)
        python = environment / PROGRAMS / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel, "pytest-django")
        shutil.copytree(SUITE, suite)
        expect(python, suite / "holds.py", exit_code=0, line="dbperf: 1 test, 1 query, 0 over limit")
        over = "queries 3 > 1 (+2)   query_budget(1) at breaks.py:7"
        expect(python, suite / "breaks.py", exit_code=1, line=over)


def expect(python: Path, file: Path, *, exit_code: int, line: str) -> None:
    """Run a file of the suite, and compare how it ends and one line of what it says."""
    said = run(python, "-m", "pytest", file.name, cwd=file.parent, exit_code=exit_code)
    if line not in said.splitlines():
        sys.exit(f"{file.name} does not say {line!r}, but:\n{said}")
    print(f"{file.name}: exit code {exit_code}, {line}")


def try_sources(archive: Path, wheel: Path) -> None:
    """Run the tests that need no server. One of them asks for the version of the installed package."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        sources = Path(folder, archive.name.removesuffix(".tar.gz"))
        installed = Path(folder, "installed")
        with zipfile.ZipFile(wheel) as opened_wheel:
            opened_wheel.extractall(installed)
        tests = ("tests/unit", *sorted(file.relative_to(sources) for file in sources.glob("tests/test_*.py")))
        settings = {"DATABASE_URL": f"sqlite:///{folder}/tests.sqlite3", "PYTHONPATH": str(installed)}
        said = run(sys.executable, "-m", "pytest", "-q", "-n", "2", *tests, cwd=sources, **settings)
        print(f"{archive.name}: {said.splitlines()[-1]}")


def check_tag(name: str) -> None:
    """Refuse a tag that differs from the version, or that has no section in the changelog."""
    version = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if name != f"v{version}":
        sys.exit(f"the tag is {name}, and pyproject.toml has version {version}")
    if f"## [{version}]" not in (HOME / "CHANGELOG.md").read_text(encoding="utf-8"):
        sys.exit(f"CHANGELOG.md has no section ## [{version}]")


def only(folder: Path, pattern: str) -> Path:
    """Find the one file of its kind."""
    match list(folder.glob(pattern)):
        case [file]:
            return file.resolve()
        case found:
            sys.exit(f"{folder} has to have one {pattern}, and has {len(found)}")


def run(*command: str | Path, cwd: Path | None = None, exit_code: int = 0, **more: str) -> str:
    """Run a program, and show what it said if it ends in another way than expected."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != exit_code:
        sys.exit(f"{' '.join(map(str, command))} ended with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()

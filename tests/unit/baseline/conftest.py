"""Repositories of git to work in."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dbperf.baseline.files import NAME
from pytest_dbperf.baseline.text import HEADER
from pytest_dbperf.cli import main

HOW_TO = Path(__file__).parents[3] / "docs/how-to/merge-baselines.md"


class Repository:
    """A repository of git, in the current directory."""

    def __init__(self, path, capsys):
        self.path = path
        self.file = path / NAME
        self.capsys = capsys
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments, check=True):
        """Run git, and return what it says."""
        done = subprocess.run(["git", *arguments], cwd=self.path, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return (done.stdout if check else done.stderr + done.stdout).strip()

    def use_driver(self):
        """Do what the how-to says: two lines for a shell, with `dbperf` where it is not on PATH."""
        attributes, driver = re.findall(r"^(?:echo|git config) .*$", HOW_TO.read_text(), re.MULTILINE)
        program = shlex.join([sys.executable, "-m", "pytest_dbperf"])
        for command in (attributes, driver.replace("'dbperf ", f"'{program} ")):
            subprocess.run(command, cwd=self.path, shell=True, check=True)

    def write(self, *lines):
        """Write the file of debts. A line `a=3` is that of a test with this number."""
        lines = [
            line if "\t" in line or not line[:1].isalpha() else f"test\t{line[0]}\tx={line[2:]}"
            for line in lines
        ]
        self.file.write_text("\n".join([HEADER, *lines, ""]))

    def commit(self, *lines):
        """Write it, and commit all that there is."""
        self.write(*lines)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=m")

    def branch(self, name, *lines, start="main"):
        """Commit it on a new branch."""
        self.git("checkout", "--quiet", "-B", name, start)
        self.commit(*lines)

    @property
    def lines(self):
        """The lines of the file, but for the first."""
        return self.file.read_text().splitlines()[1:]

    def dbperf(self, *arguments):
        """Run `dbperf baseline`, and return its exit code and what it says."""
        self.capsys.readouterr()
        code = main(["baseline", *map(str, arguments)])
        said = self.capsys.readouterr()
        return code, said.out + said.err


@pytest.fixture
def repository(tmp_path, monkeypatch, capsys):
    """An empty repository, without the settings of whom the tests run for."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.com")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    path = tmp_path / "repository"
    path.mkdir()
    monkeypatch.chdir(path)
    return Repository(path, capsys)

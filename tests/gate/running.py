"""How are pytest and `dbperf` run in a generated suite?"""

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.gate.generated_suite import INI, LIMITS, GeneratedSuite

BASELINE = "dbperf-baseline.tsv"


@dataclass(frozen=True)
class Ran:
    """A command that has ended: what it said, and the processor time of all its processes."""

    command: str
    exit_code: int
    text: str
    seconds: float

    def expect(self, exit_code: int) -> "Ran":
        """Raise an error with the text of the command, unless it has ended in this way."""
        if self.exit_code != exit_code:
            raise AssertionError(f"{self.command}: {self.exit_code}, not {exit_code}\n{self.text}")
        return self


class Project:
    """A directory with a generated suite."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.baseline = path / BASELINE

    def write(self, suite: GeneratedSuite, *, has_limits: bool = True) -> None:
        """Write the files of a suite, and the settings of pytest with limits or without."""
        suite.write(self.path)
        (self.path / "pytest.ini").write_text(INI.lstrip() + (LIMITS if has_limits else ""), encoding="utf-8")

    def debts(self) -> list[str]:
        """The lines of the baseline that are debts."""
        lines = self.baseline.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if not line.startswith("#")]

    def pytest(self, *arguments: str) -> Ran:
        """Run the suite, or a part of it, in a process of its own."""
        return self._run("pytest", *arguments)

    def dbperf(self, *arguments: str) -> Ran:
        """Run the command line tool."""
        return self._run("pytest_dbperf", *arguments)

    def _run(self, module: str, *arguments: str) -> Ran:
        started = cpu_of_children()
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        command = " ".join((module, *arguments))
        return Ran(command, done.returncode, done.stdout, cpu_of_children() - started)


def environment() -> dict[str, str]:
    """The environment of this process, without what is about the plugin's own tests or about CI.

    Plugins that the suite does not need take half of the time in which pytest starts.
    """
    left_out = ("CI", "BUILD_NUMBER", "DJANGO_SETTINGS_MODULE", "GITHUB_ACTIONS", "PYTEST_ADDOPTS")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "COLUMNS": "120", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def cpu_of_children() -> float:
    """Return the processor time of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

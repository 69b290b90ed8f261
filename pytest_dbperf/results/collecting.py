"""How do the results of a run come together? From the reports of all phases and all workers."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pytest_dbperf.results.circumstances import Selection
from pytest_dbperf.results.model import Json, Measurements, Run, TestResult
from pytest_dbperf.results.phase_numbers import PhaseNumbers

if TYPE_CHECKING:
    import pytest

_PHASES_AROUND = ("setup", "teardown")
_PACKAGES = ("asgiref", "django", "psycopg", "pytest", "pytest-dbperf")


@dataclass(slots=True)
class _TestInProgress:
    outcome: str = "crashed"  # Until the body of the test has ended.
    awaits_call: bool = True
    ended: float = 0.0
    numbers: PhaseNumbers = field(default_factory=PhaseNumbers)


def outcome_of(report: pytest.TestReport) -> str:
    """Return the outcome of a phase, with xfailed and xpassed as outcomes of their own."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return report.outcome


class RunInProgress:
    """The results so far. A test that runs again replaces its earlier result.

    When budgets are enforced, a test that broke one and still passed has caught the error, as a test of a
    budget does: its violations are dropped, with the findings and numbers that caused them.
    """

    def __init__(self, *, enforces: bool = False, project: str = "", directory: str = "") -> None:
        self.is_complete = True
        self._project = project
        self._versions: dict[str, str] = {}
        self._collected = self._selected = 0
        self._directory = directory
        self._started: float | None = None
        self._enforces = enforces
        self._tests: dict[str, _TestInProgress] = {}

    def add(
        self, nodeid: str, phase: str, outcome: str, numbers: Json, during: tuple[float, float] = (0, 0)
    ) -> None:
        """Add the report of a phase: setup starts a new result, the other phases add to it.

        `numbers` is a `PhaseNumbers` as a dict, `during` the start and the end in seconds since the epoch.
        """
        started, ended = during
        self._started = started if self._started is None else min(self._started, started)
        test = _TestInProgress() if phase == "setup" else self._tests.get(nodeid, _TestInProgress())
        test.ended = ended
        if phase == "call" or (phase == "setup" and outcome != "passed"):
            test.awaits_call = False
        self._tests[nodeid] = test
        if phase == "call" or outcome != "passed":
            test.outcome = outcome if phase == "call" or outcome != "failed" else "error"
        added = PhaseNumbers.from_dict(numbers)
        self._versions.update(added.versions)
        test.numbers = test.numbers.followed_by(added)
        if self._enforces and phase == "call" and outcome == "passed":
            test.numbers = replace(
                test.numbers,
                violations=(),
                findings=[finding for finding in test.numbers.findings if finding.is_accepted],
                over=[number for number in test.numbers.over if number.is_accepted],
            )

    def add_counts(self, collected: int, selected: int) -> None:
        """Note how many tests were found, and how many of them were to run; each worker finds the same."""
        self._collected = max(self._collected, collected)
        self._selected = max(self._selected, selected)

    def result_of(self, nodeid: str) -> TestResult:
        """Return the result of a test, as far as its phases are known."""
        return _result(nodeid, self._tests[nodeid])

    def run(self, exit_code: int) -> Run:
        """Return the run, its tests sorted by id: with xdist they arrive in any order."""
        return Run(
            complete=self.is_complete and not any(test.awaits_call for test in self._tests.values()),
            exit_code=exit_code,
            versions=dict(sorted({**self._versions, **_python(), **dict(installed(_PACKAGES))}.items())),
            tests=[_result(nodeid, test) for nodeid, test in sorted(self._tests.items())],
            project=self._project,
            directory=self._directory,
            started=self._started or 0,
            selection=Selection(
                collected=self._collected, deselected=max(0, self._collected - self._selected)
            ),
        )


def _python() -> dict[str, str]:
    return {"python": platform.python_version()}


def _result(nodeid: str, test: _TestInProgress) -> TestResult:
    numbers = test.numbers
    return TestResult(
        id=nodeid,
        outcome=test.outcome,
        call=numbers.call or Measurements(),
        phases={phase: {"queries": numbers.queries.get(phase, 0)} for phase in _PHASES_AROUND},
        violations=numbers.violations,
        warnings=numbers.warnings,
        allowances=numbers.allowances,
        findings=numbers.findings,
        over=numbers.over,
        is_checked=numbers.is_checked,
        warm_caches=numbers.warm_caches,
        source=numbers.source,
        budgets=numbers.budgets,
        defaults=numbers.defaults,
        ended=test.ended,
    )


def installed(packages: Iterable[str]) -> Iterator[tuple[str, str]]:
    """List those of the packages that are installed, each with its version."""
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue

"""How do the results of a run come together? From the reports of all phases, of all workers of xdist."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pytest_dbperf.results.model import (
    AllowanceResult,
    BudgetResult,
    Json,
    Measurements,
    Run,
    SourceResult,
    TestResult,
    ViolationResult,
    WarningResult,
    measurements_from,
)

if TYPE_CHECKING:
    import pytest

_PHASES_AROUND = ("setup", "teardown")
_PACKAGES = ("asgiref", "django", "psycopg", "pytest", "pytest-dbperf")


@dataclass(slots=True)
class _Parts:
    outcome: str = "crashed"  # Until its body has ended.
    ended: float = 0.0
    numbers: Json = field(default_factory=dict)


def outcome_of(report: pytest.TestReport) -> str:
    """Tell the outcome of a phase, with those of expected failures told apart."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return report.outcome


class RunInProgress:
    """The results until now. A test that runs again replaces its earlier result.

    Where budgets are enforced, a test that passed has caught what it broke, as a test of a budget does.
    """

    def __init__(self, *, enforces: bool = False, project: str = "") -> None:
        self.is_complete = True
        self._project = project
        self._started: float | None = None
        self._enforces = enforces
        self._tests: dict[str, _Parts] = {}

    def add(
        self, nodeid: str, phase: str, outcome: str, numbers: Json, during: tuple[float, float] = (0, 0)
    ) -> None:
        """Add what the report of a phase brought: setup begins a result, the others go on with it.

        `during` is when it began and ended, in seconds since the epoch.
        """
        started, ended = during
        self._started = started if self._started is None else min(self._started, started)
        parts = _Parts() if phase == "setup" else self._tests.get(nodeid, _Parts())
        parts.ended = ended
        self._tests[nodeid] = parts
        if phase == "call" or outcome != "passed":
            parts.outcome = outcome if phase == "call" or outcome != "failed" else "error"
        for part, value in numbers.items():
            # The setUp of a unittest runs in the call phase, and adds to what the fixtures did.
            earlier = parts.numbers.get(part) if part in _PHASES_AROUND else None
            parts.numbers[part] = {"queries": value["queries"] + earlier["queries"]} if earlier else value
        if self._enforces and phase == "call" and outcome == "passed":
            parts.numbers.pop("violations", None)

    def run(self, exit_code: int) -> Run:
        """Put the results in order: by id, so that a distributed run reads as any other."""
        return Run(
            complete=self.is_complete,
            exit_code=exit_code,
            versions=dict(_installed()),
            tests=[_result(nodeid, parts) for nodeid, parts in sorted(self._tests.items())],
            project=self._project,
            started=self._started or 0,
        )


def _result(nodeid: str, parts: _Parts) -> TestResult:
    numbers = parts.numbers
    return TestResult(
        id=nodeid,
        outcome=parts.outcome,
        call=measurements_from(numbers["call"]) if "call" in numbers else Measurements(),
        phases={phase: numbers.get(phase, {"queries": 0}) for phase in _PHASES_AROUND},
        violations=[ViolationResult(**violation) for violation in numbers.get("violations", ())],
        warnings=[WarningResult(**warning) for warning in numbers.get("warnings", ())],
        allowances=[AllowanceResult(**allowance) for allowance in numbers.get("allowances", ())],
        warm_caches=numbers.get("warm_caches", ()),
        source=SourceResult(**numbers["source"]) if "source" in numbers else None,
        held=[BudgetResult(**held) for held in numbers.get("held", ())],
        ended=parts.ended,
    )


def _installed() -> Any:
    for package in _PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue

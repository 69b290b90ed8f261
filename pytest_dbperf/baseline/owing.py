"""Which debts would a run need? Those of its tests that passed, or that failed by a budget alone."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_dbperf.baseline.debts import Debt, Key, without_parameters
from pytest_dbperf.results.model import Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult, NumberResult


def debts_needed(run: Run) -> Mapping[Key, Debt]:
    """Return the debts without which a run would break a limit that a baseline can lift.

    Each has the highest number of all tests and parameters. A test that failed for another reason, or that
    was expected to fail, adds nothing.
    """
    numbers: dict[Key, dict[str, int]] = {}
    for test in filter(passed_otherwise, run.tests):
        for finding in test.findings:
            if not finding.limit_is_hard:
                numbers.setdefault(key_of_finding(finding), {})
        for over in test.over:
            highest = numbers.setdefault(key_of_number(over), {})
            highest[over.name] = max(over.measured, highest.get(over.name, 0))
    return {key: Debt(key, numbers[key]) for key in sorted(numbers)}


def key_of_finding(finding: FindingResult) -> Key:
    """Return what the debt of a finding would be about."""
    return Key("finding", (finding.budget, finding.subject, finding.function))


def key_of_number(over: NumberResult) -> Key:
    """Return what the debt of a number over a limit would be about."""
    if over.debt_type == "test":
        return Key("test", (without_parameters(over.key),))
    return Key("route", (over.key,))


def passed_otherwise(test: TestResult) -> bool:
    """Tell whether a test passed, or would have passed without its budgets."""
    if not test.is_checked:
        return False
    return test.outcome in ("passed", "xpassed") or (test.outcome == "failed" and bool(test.violations))

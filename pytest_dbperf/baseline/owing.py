"""Which debts would a run need? Those of its tests that passed, or that failed by a budget alone."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_dbperf.baseline.debts import Debt, Key, without_parameters
from pytest_dbperf.results.model import Run, TestResult


def debts_needed(run: Run) -> Mapping[Key, Debt]:
    """Return the debts without which a run would break a limit that a baseline can lift.

    Each has the highest number of all tests and parameters. A test that failed for another reason, or that
    was expected to fail, adds nothing.
    """
    numbers: dict[Key, dict[str, int]] = {}
    for test in filter(passed_otherwise, run.tests):
        for finding in test.findings:
            if not finding.limit_is_hard:
                numbers.setdefault(Key("finding", (finding.budget, finding.subject, finding.function)), {})
        for over in test.over:
            name = without_parameters(over.key) if over.debt_type == "test" else over.key
            key = Key("test" if over.debt_type == "test" else "route", (name,))
            highest = numbers.setdefault(key, {})
            highest[over.name] = max(over.measured, highest.get(over.name, 0))
    return {key: Debt(key, numbers[key]) for key in sorted(numbers)}


def passed_otherwise(test: TestResult) -> bool:
    """Tell whether a test passed, or would have passed without its budgets."""
    if not test.is_checked:
        return False
    return test.outcome in ("passed", "xpassed") or (test.outcome == "failed" and bool(test.violations))

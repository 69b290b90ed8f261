"""Did a run execute the whole suite? Only then is a debt that no test needed of no more use."""

from __future__ import annotations

from collections import Counter

from pytest_dbperf.baseline.owing import passed_otherwise
from pytest_dbperf.results.model import Run

# Such a test said nothing about its debts, as everywhere where its reason holds.
_NOT_TO_RUN = ("skipped", "xfailed")


def why_not_whole(run: Run) -> str:
    """Return why a run says nothing about debts that it did not need; empty if it does."""
    if not run.complete:
        return "the run is incomplete: results are missing"
    if not run.selection.is_whole:
        selected_by = " ".join((*run.selection.options, *run.selection.arguments))
        return f"not all tests were selected ({selected_by or f'{run.selection.deselected} left out'})"
    failed = sum(not passed_otherwise(test) for test in run.tests if test.outcome not in _NOT_TO_RUN)
    if failed:
        return f"{failed} {'test' if failed == 1 else 'tests'} did not pass"
    return "" if any(map(passed_otherwise, run.tests)) else "no test has passed"


def not_run(run: Run) -> Counter[str]:
    """Count the tests that were skipped, and those that were expected to fail."""
    return Counter(test.outcome for test in run.tests if test.outcome in _NOT_TO_RUN)

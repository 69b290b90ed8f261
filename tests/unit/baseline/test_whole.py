"""A run of some tests, or one that failed, does not know which debts are of no more use."""

from dataclasses import replace

import pytest

from pytest_dbperf.baseline.whole import not_run, why_not_whole
from pytest_dbperf.results.circumstances import Selection
from pytest_dbperf.results.model import TestResult
from tests.factories import checked_test, run_of, violation_result

PASSED = checked_test("a.py::a")
BROKE_A_BUDGET = checked_test("a.py::b", outcome="failed", violations=[violation_result()])
FAILED, SKIPPED, XFAILED = (TestResult(f"a.py::{name}", name) for name in ("failed", "skipped", "xfailed"))


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (run_of(PASSED, BROKE_A_BUDGET, SKIPPED, XFAILED), ""),
        (run_of(PASSED, complete=False), "the run is incomplete: results are missing"),
        (run_of(PASSED, FAILED), "1 test did not pass"),
        (run_of(PASSED, FAILED, FAILED), "2 tests did not pass"),
        (run_of(SKIPPED), "no test has passed"),
        (run_of(), "no test has passed"),
        (
            replace(run_of(PASSED), selection=Selection(["tests/a.py"], ["-k books"])),
            "not all tests were selected (-k books tests/a.py)",
        ),
        (
            replace(run_of(PASSED), selection=Selection(deselected=3)),
            "not all tests were selected (3 left out)",
        ),
    ],
)
def test_a_run_is_whole_or_says_why_not(run, why):
    """A test that breaks a budget has run, and one that is skipped everywhere stops nothing."""
    assert why_not_whole(run) == why


def test_tests_that_were_not_to_run_are_counted():
    """What only they need cannot be known."""
    assert not_run(run_of(PASSED, SKIPPED, SKIPPED, XFAILED)) == {"skipped": 2, "xfailed": 1}

"""A run has the sums of its tests."""

from pytest_dbperf.results.model import Measurements, RequestResult, TestResult
from tests.factories import run_of, violation_result


def test_totals_are_those_of_the_call_phases():
    """Budgets limit the call phase, so totals are about it, too."""
    one = TestResult("a", "passed", Measurements(queries=2, hops={"project": 1, "django": 2}, db_ms=1.5))
    two = TestResult(
        "b",
        "passed",
        Measurements(blocking_calls=2, queries=3, new_connections=1, checkouts=1, bookkeeping=4, db_ms=1),
    )

    assert run_of(one, two).totals == {
        "tests": 2,
        "queries": 5,
        "bookkeeping": 4,
        "new_connections": 1,
        "leaked_connections": 0,
        "checkouts": 1,
        "hops": 3,
        "blocking_calls": 2,
        "db_ms": 2.5,
    }


def test_the_reuse_of_a_run_is_that_of_its_requests_and_checkouts():
    """Tests with neither are left out."""
    served = [RequestResult("GET /", 1)] * 10
    by_requests = TestResult("a", "passed", Measurements(requests=served, new_connections=1, reuse=0.9))
    by_pool = TestResult("b", "passed", Measurements(checkouts=10, new_connections=3, reuse=0.7))
    neither = TestResult("c", "passed", Measurements(new_connections=5))

    assert run_of(by_requests, by_pool, neither).reuse == 0.8
    assert run_of(neither).reuse is None


def test_an_expected_failure_is_not_over_the_limit():
    """The last line counts only the tests that need a change."""
    tests = [
        TestResult(name, outcome, violations=[violation_result()])
        for name, outcome in (("a", "failed"), ("b", "xfailed"))
    ]

    assert [test.id for test in run_of(*tests).over_limit] == ["a"]

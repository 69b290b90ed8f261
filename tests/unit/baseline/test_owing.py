"""A run needs debts for what is over a limit in tests that are fine apart from that."""

import pytest

from pytest_dbperf.baseline.debts import Debt, Key
from pytest_dbperf.baseline.owing import debts_needed, passed_otherwise
from pytest_dbperf.results.model import TestResult
from tests.factories import checked_test, finding_result, number_result, run_of, violation_result

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_a.py::test_a",))


def test_a_finding_is_needed_once_for_all_tests():
    """It has no count, however many tests pass through that function."""
    run = run_of(checked_test("a.py::a", finding_result()), checked_test("a.py::b", finding_result()))

    assert debts_needed(run) == {FINDING: Debt(FINDING)}


def test_a_number_is_the_highest_of_all_tests_and_parameters():
    """A route is served in many tests, and a test has many parameters."""
    run = run_of(
        checked_test(
            "tests/test_a.py::test_a[1]",
            number_result(measured=90),
            number_result("GET books/", "queries", 30),
        ),
        checked_test(
            "tests/test_a.py::test_a[2]",
            number_result("tests/test_a.py::test_a[2]", measured=80),
            number_result("GET books/", "queries", 26),
            number_result("GET books/", "hops", 18),
        ),
    )

    assert debts_needed(run) == {
        ROUTE: Debt(ROUTE, {"queries": 30, "hops": 18}),
        TEST: Debt(TEST, {"query_budget": 90}),
    }


def test_a_hard_limit_is_not_lifted_by_a_debt():
    """Its finding needs another marker, or another view."""
    assert debts_needed(run_of(checked_test("a.py::a", finding_result(limit_is_hard=True)))) == {}


def test_a_number_of_zero_queries_is_a_number():
    """Nothing is below it, and it is kept like any other."""
    assert debts_needed(run_of(checked_test("a.py::a", number_result(measured=0)))) == {
        TEST: Debt(TEST, {"query_budget": 0})
    }


@pytest.mark.parametrize(
    ("outcome", "fields", "passed"),
    [
        ("passed", {}, True),
        ("passed", {"violations": [violation_result()]}, True),
        ("xpassed", {}, True),
        ("failed", {"violations": [violation_result()]}, True),
        # By a warning that is an error, or because it should have failed.
        ("failed", {}, False),
        ("error", {"violations": [violation_result()]}, False),
        ("xfailed", {"violations": [violation_result()]}, False),
        ("rerun", {}, False),
        ("crashed", {}, False),
    ],
)
def test_only_tests_that_passed_otherwise_need_debts(outcome, fields, passed):
    """A broken budget alone is no other reason to fail."""
    test = checked_test("a.py::a", finding_result(), outcome=outcome, **fields)

    assert passed_otherwise(test) is passed
    assert bool(debts_needed(run_of(test))) is passed


def test_a_test_that_was_not_checked_needs_nothing():
    """Its body failed, or a window in it, before the other budgets were checked."""
    test = TestResult("a.py::a", "failed", violations=[violation_result()], findings=[finding_result()])

    assert not passed_otherwise(test)

"""A debt can lift the numbers of tests and of routes, if the limit is not written for the test itself."""

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.numbers import highest_of_each, numbers_over
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.placed import FARTHER, NEARER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.results.of_budgets import NumberResult
from tests.factories import hop, new_connection, query, recording, request, response

ID = "tests/test_a.py::test_a"
TEST, ROUTE = Key("test", (ID,)), Key("route", ("GET books/",))
BASELINE = Baseline(
    {
        TEST: Debt(TEST, {"query_budget": 9, "max_thread_hops": 1, "query_budget_on_re_plica": 7}),
        ROUTE: Debt(ROUTE, {"queries": 8}),
    }
)
BOOKS, BOOKS_AGAIN, AUTHORS = request(1), request(2), request(3, path="/authors/")
WINDOW = recording(
    new_connection(1, open_now=1),
    new_connection(2, open_now=2),
    *(query(request=BOOKS) for _ in range(3)),
    *(query(request=BOOKS_AGAIN) for _ in range(4)),
    query(request=AUTHORS),
    query(using="re-plica"),
    *(hop(number=number, request=AUTHORS) for number in range(1, 4)),
    response(1, view="books/"),
    response(2, view="books/"),
    response(3, view=""),
)


def over(budget, nearness=FARTHER):
    """The numbers that break a budget."""
    return numbers_over(PlacedBudget(budget, "in pytest.ini", nearness), WINDOW, f"{ID}[1]", BASELINE)


@pytest.mark.parametrize(
    ("budget", "name", "measured", "accepted"),
    [
        (QueryBudget(4), "query_budget", 9, 9),
        (QueryBudget(0, using="re-plica"), "query_budget_on_re_plica", 1, 7),
        (MaxThreadHops(2), "max_thread_hops", 3, 1),
        (MaxNewConnections(1), "max_new_connections", 2, None),
        (MaxOpenConnections(1), "max_open_connections", 2, None),
    ],
)
def test_a_test_has_one_number_for_each_budget(budget, name, measured, accepted):
    """All of its parameters have the same one, and each alias with a limit its own."""
    assert over(budget) == [NumberResult("test", ID, name, measured, budget.limit, accepted)]


@pytest.mark.parametrize(
    "budget",
    [
        QueryBudget(9),
        QueryBudget(None, at_least=10),
        QueryBudget(9, tables={"x": 0}, insert=0),
        QueryBudget(4, per_request=True),
        MaxDbTime(0),
        NoWriteLoops(),
    ],
)
def test_what_is_no_number_over_its_limit_needs_no_debt(budget):
    """Nor does a time: it differs from run to run."""
    assert over(budget) == []


@pytest.mark.parametrize("nearness", [NEARER, ON_FUNCTION])
def test_a_marker_of_the_test_itself_is_not_lifted(nearness):
    """It is a limit that was written for this test."""
    assert over(QueryBudget(4), nearness) == []


def test_a_route_has_the_number_of_its_worst_request():
    """Whatever the test does besides. A request without a route is known by its path."""
    assert over(QueryBudget(2, per_request=True)) == [NumberResult("route", "GET books/", "queries", 4, 2, 8)]
    assert over(MaxThreadHops(2, per_request=True)) == [
        NumberResult("route", "GET /authors/", "hops", 3, 2, None)
    ]


def test_of_several_examples_the_highest_number_is_kept():
    """Each of them was checked by itself."""
    low, high, other = (
        NumberResult("test", ID, name, measured, 2, None)
        for name, measured in (("query_budget", 3), ("query_budget", 5), ("max_thread_hops", 4))
    )

    assert highest_of_each([low, high, other, low]) == [high, other]

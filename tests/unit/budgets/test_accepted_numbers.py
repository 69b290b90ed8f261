"""A number that was accepted is the limit where it is the higher one, and only where a limit is soft."""

import pytest

from pytest_dbperf.budgets.accepted_numbers import (
    NOTHING_ACCEPTED,
    AcceptedNumbers,
    NumberOver,
    check_with_accepted,
    numbers_over,
)
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import FARTHER, NEARER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from tests.factories import hop, new_connection, query, recording, request, response

BOOKS, AUTHORS, MORE_BOOKS = (
    request(number, path=path) for number, path in enumerate(("/books/1/", "/authors/", "/books/2/"), 1)
)
ROUTES = (
    response(1, view="books/<int:pk>/"),
    response(2, view="authors/"),
    response(3, view="books/<int:pk>/"),
)
OF_BOOKS, OF_AUTHORS = "GET books/<int:pk>/", "GET authors/"

# 2 + 3 queries in two requests of one route, 2 in another route, and 1 outside; 2 connections and 3 hops.
WINDOW = recording(
    *[query(request=BOOKS)] * 2,
    *[query(request=MORE_BOOKS)] * 2,
    query("INSERT INTO t VALUES (1)", request=MORE_BOOKS, using="other"),
    *[query(request=AUTHORS)] * 2,
    query(),
    new_connection(1),
    new_connection(2, using="other"),
    *[hop(request=BOOKS)] * 2,
    hop(),
    *ROUTES,
)


def of_suite(budget):
    """A budget in the ini file."""
    return PlacedBudget(budget, "in pytest.ini", FARTHER, is_default=True)


def accepting(*, routes=None, **of_test):
    """The numbers that were accepted: of the test by name, of routes by route and name."""
    return AcceptedNumbers(of_test.get, lambda route, name: (routes or {}).get((route, name)))


def first_line(budget, accepted, nearness=FARTHER):
    """The first line of the violation, empty if there is none."""
    violation = check_with_accepted(PlacedBudget(budget, "in pytest.ini", nearness), WINDOW, accepted)
    return "" if violation is None else violation.first_line


@pytest.mark.parametrize(
    ("budget", "over"),
    [
        (QueryBudget(8), []),
        (QueryBudget(7), [("query_budget", 8, 7, "")]),
        (QueryBudget(6, using="default"), [("query_budget_on_default", 7, 6, "")]),
        (MaxNewConnections(1), [("max_new_connections", 2, 1, "")]),
        (MaxNewConnections(0, using="the-other"), []),
        (MaxNewConnections(0, using="other"), [("max_new_connections_on_other", 1, 0, "")]),
        (MaxOpenConnections(1), [("max_open_connections", 2, 1, "")]),
        (MaxThreadHops(2), [("max_thread_hops", 3, 2, "")]),
        (QueryBudget(3, per_request=True), []),
        (QueryBudget(2, per_request=True), [("queries", 3, 2, OF_BOOKS)]),
        (QueryBudget(1, per_request=True), [("queries", 3, 1, OF_BOOKS), ("queries", 2, 1, OF_AUTHORS)]),
        (QueryBudget(0, per_request=True, using="other"), [("queries_on_other", 1, 0, OF_BOOKS)]),
        (MaxThreadHops(1, per_request=True), [("hops", 2, 1, OF_BOOKS)]),
        # Without a limit of the number there is nothing over it.
        (QueryBudget(None, insert=0), []),
        # Times flake, and causes are no numbers.
        (MaxDbTime(0), []),
        (NoSyncToAsync(), []),
    ],
)
def test_the_numbers_over_a_limit_are_those_of_the_test_or_of_its_routes(budget, over):
    """The highest of a route, by the name that a baseline has for it."""
    found = [*numbers_over(of_suite(budget), WINDOW)]

    assert found == [NumberOver(name, measured, limit, None, route) for name, measured, limit, route in over]


@pytest.mark.parametrize("nearness", [NEARER, ON_FUNCTION])
def test_a_limit_of_the_test_itself_is_hard(nearness):
    """What was accepted does not matter for it."""
    placed = PlacedBudget(QueryBudget(1), "at a.py:3", nearness)

    assert placed.is_hard
    assert [*numbers_over(placed, WINDOW)] == []
    assert check_with_accepted(placed, WINDOW, accepting(query_budget=99)).first_line == (
        "queries 8 > 1 (+7)   query_budget(1) at a.py:3"
    )


def test_a_number_over_a_limit_has_what_was_accepted():
    """Each by its name, and by its route."""
    accepted = accepting(query_budget=134, routes={(OF_BOOKS, "queries"): 26})

    assert [one.accepted for one in numbers_over(of_suite(QueryBudget(1)), WINDOW, accepted)] == [134]
    of_requests = of_suite(QueryBudget(1, per_request=True))
    assert [one.accepted for one in numbers_over(of_requests, WINDOW, accepted)] == [26, None]


@pytest.mark.parametrize(
    ("budget", "accepted", "line"),
    [
        (QueryBudget(5), accepting(query_budget=8), ""),
        (
            QueryBudget(5),
            accepting(query_budget=7),
            "queries 8 > 7 (+1)   query_budget(5) in pytest.ini, with 7 accepted for this test",
        ),
        # The higher one of both is the limit.
        (QueryBudget(7), accepting(query_budget=5), "queries 8 > 7 (+1)   query_budget(7) in pytest.ini"),
        (QueryBudget(7), accepting(query_budget=7), "queries 8 > 7 (+1)   query_budget(7) in pytest.ini"),
        (QueryBudget(7), NOTHING_ACCEPTED, "queries 8 > 7 (+1)   query_budget(7) in pytest.ini"),
        (QueryBudget(8), NOTHING_ACCEPTED, ""),
        # Another number is not this one, and a limit of one alias has its own.
        (QueryBudget(7), accepting(max_thread_hops=99), "queries 8 > 7 (+1)   query_budget(7) in pytest.ini"),
        (
            QueryBudget(6, using="default"),
            accepting(query_budget=99),
            "queries 7 > 6 (+1)   query_budget(6, using='default') in pytest.ini",
        ),
        (QueryBudget(6, using="default"), accepting(query_budget_on_default=7), ""),
        (MaxNewConnections(0), accepting(max_new_connections=2), ""),
        (MaxOpenConnections(0), accepting(max_open_connections=2), ""),
        (MaxThreadHops(0), accepting(max_thread_hops=3), ""),
        # What no number is accepted for is checked as it is.
        (
            QueryBudget(5, insert=0),
            accepting(query_budget=8),
            "insert queries 1 > 0 (+1)   query_budget(5, insert=0) in pytest.ini, with 8 accepted for this "
            "test   GET /books/2/",
        ),
        (
            QueryBudget(None, insert=0),
            accepting(query_budget=99),
            "insert queries 1 > 0 (+1)   query_budget(None, insert=0) in pytest.ini   GET /books/2/",
        ),
        (NoSyncToAsync(), accepting(), "sync_to_async hops 3 > 0 (+3)   no_sync_to_async in pytest.ini"),
        (NoSyncToAsync(allow=["load"]), accepting(), ""),
    ],
)
def test_the_higher_of_the_limit_and_the_accepted_number_holds(budget, accepted, line):
    """The text names the limit, and the number if that is what held."""
    assert first_line(budget, accepted) == line


@pytest.mark.parametrize(
    ("budget", "routes", "line"),
    [
        (QueryBudget(1, per_request=True), {(OF_BOOKS, "queries"): 3, (OF_AUTHORS, "queries"): 2}, ""),
        (
            QueryBudget(1, per_request=True),
            {(OF_BOOKS, "queries"): 3},
            "queries 2 > 1 (+1)   query_budget(1, per_request=True) in pytest.ini   GET /authors/",
        ),
        (
            QueryBudget(1, per_request=True),
            {(OF_BOOKS, "queries"): 2, (OF_AUTHORS, "queries"): 9},
            "queries 3 > 2 (+1)   query_budget(1, per_request=True) in pytest.ini, with 2 accepted for "
            "GET books/<int:pk>/   GET /books/2/ (books/<int:pk>/)",
        ),
        # The higher one of both is the limit, and each number has its own name.
        (
            QueryBudget(2, per_request=True),
            {(OF_BOOKS, "queries"): 1, (OF_BOOKS, "hops"): 9},
            "queries 3 > 2 (+1)   query_budget(2, per_request=True) in pytest.ini   "
            "GET /books/2/ (books/<int:pk>/)",
        ),
        (MaxThreadHops(1, per_request=True), {(OF_BOOKS, "hops"): 2}, ""),
        (
            MaxThreadHops(0, per_request=True),
            {(OF_BOOKS, "hops"): 1},
            "thread hops 2 > 1 (+1)   max_thread_hops(0, per_request=True) in pytest.ini, with 1 accepted "
            "for GET books/<int:pk>/   GET /books/1/ (books/<int:pk>/)",
        ),
    ],
)
def test_each_route_has_its_own_accepted_number(budget, routes, line):
    """The number of the whole test is another one."""
    accepted = accepting(routes=routes, query_budget=99, max_thread_hops=99)

    assert first_line(budget, accepted) == line


@pytest.mark.parametrize(
    "budget",
    [
        QueryBudget(1),
        QueryBudget(1, per_request=True),
        QueryBudget(9, insert=0),
        MaxNewConnections(0),
        MaxOpenConnections(0),
        MaxThreadHops(0),
        MaxThreadHops(0, per_request=True),
        MaxDbTime(0),
        NoSyncToAsync(),
    ],
)
def test_nothing_changes_where_nothing_was_accepted(budget):
    """The violation is the one that the budget itself returns."""
    placed = of_suite(budget)

    assert check_with_accepted(placed, WINDOW, NOTHING_ACCEPTED) == budget.check(WINDOW).placed_as(
        str(placed)
    )

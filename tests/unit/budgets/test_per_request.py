"""A limit of each request looks at one request at a time, and at nothing outside of requests."""

from pathlib import Path

import pytest

from pytest_dbperf.budgets.budget import WrongArguments, is_per_request, make, needed_probes, written
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.violations.text import explain
from tests.factories import hop, query, recording, request, response, site

VIEW = site("view", "/srv/app/views.py", 7)
ASK = "SELECT a FROM t WHERE id = %s"

BOOKS, AUTHORS, OTHER_BOOKS = (
    request(number, path=path) for number, path in enumerate(("/books/1/", "/authors/", "/books/2/"), 1)
)
ROUTES = (
    response(1, view="books/<int:pk>/"),
    response(2, view="authors/"),
    response(3, view="books/<int:pk>/"),
)


def ran(number, *, sql=ASK, **fields):
    """So many queries with different parameters."""
    return [query(sql, parameters=value, path=[VIEW], **fields) for value in range(number)]


def first_line(budget, *events):
    """The first line of a failure, empty if the budget is kept."""
    violation = budget.check(recording(*events, *ROUTES))
    return "" if violation is None else violation.first_line


@pytest.mark.parametrize(
    ("budget", "line"),
    [
        (QueryBudget(3, per_request=True), ""),
        (QueryBudget(2, per_request=True), "queries 3 > 2 (+1)   GET /books/1/ (books/<int:pk>/)"),
        (QueryBudget(6), ""),
        (QueryBudget(5), "queries 6 > 5 (+1)"),
        (QueryBudget(2, using="default", per_request=True), ""),
        (
            QueryBudget(1, using="default", per_request=True),
            "queries 2 > 1 (+1)   GET /books/1/ (books/<int:pk>/)",
        ),
        (QueryBudget(None, insert=1, per_request=True), ""),
        (QueryBudget(None, insert=0, per_request=True), "insert queries 1 > 0 (+1)   GET /authors/"),
        (QueryBudget(None, tables={"t": 3}, per_request=True), ""),
        (
            QueryBudget(9, tables={"t": 2}, per_request=True),
            "queries on t 3 > 2 (+1)   GET /books/1/ (books/<int:pk>/)",
        ),
    ],
)
def test_each_request_has_its_own_numbers(budget, line):
    """Three queries in one request, one in another, and two outside of both."""
    events = [
        *ran(2, request=BOOKS),
        *ran(1, request=BOOKS, using="other"),
        *ran(1, sql="INSERT INTO u VALUES (1)", request=AUTHORS),
        *ran(2),
    ]

    assert first_line(budget, *events) == line


@pytest.mark.parametrize(
    ("budget", "measured"),
    [(QueryBudget(9, per_request=True), 3), (QueryBudget(9), 6), (MaxThreadHops(9, per_request=True), 2)],
)
def test_its_number_is_that_of_the_request_with_most(budget, measured):
    """So that a lower limit can be suggested."""
    hops = [hop(request=one) for one in (BOOKS, AUTHORS, AUTHORS)]

    assert (
        budget.measured(recording(*ran(1, request=BOOKS), *ran(3, request=AUTHORS), *ran(2), *hops))
        == measured
    )


@pytest.mark.parametrize("budget_class", [QueryBudget, MaxThreadHops])
def test_a_test_without_requests_has_nothing_to_limit(budget_class):
    """Its queries and hops count for the whole test only."""
    window = recording(*ran(2), hop())

    assert budget_class(0, per_request=True).check(window) is None
    assert budget_class(0, per_request=True).measured(window) == 0


def test_a_failure_shows_the_queries_of_the_worst_request_alone():
    """The other requests that are over the limit are counted by route."""
    events = [
        *ran(1),
        *ran(2, request=AUTHORS),
        *ran(3, request=BOOKS),
        *ran(4, request=OTHER_BOOKS),
    ]
    violation = QueryBudget(1, per_request=True).check(recording(*events, *ROUTES))

    assert explain([violation], Path("/srv/app")) == [
        "queries 4 > 1 (+3)   GET /books/2/ (books/<int:pk>/)",
        "",
        "    4x  SELECT a FROM t WHERE id = %s   N+1: 4 different parameters",
        "        views.py:7 view",
        "",
        "  note  3 requests are over the limit: 2 to GET books/<int:pk>/ (up to 4), 1 to GET authors/ (2)",
    ]
    assert violation.route == "GET books/<int:pk>/"


def test_the_first_of_equal_requests_is_shown():
    """The text does not depend on anything but the order of the requests."""
    assert first_line(QueryBudget(0, per_request=True), *ran(1, request=AUTHORS), *ran(1, request=BOOKS)) == (
        "queries 1 > 0 (+1)   GET /authors/"
    )


@pytest.mark.parametrize(
    ("routes", "rest"), [(3, ""), (4, ", the rest to 1 more route"), (5, ", the rest to 2 more routes")]
)
def test_few_routes_are_listed(routes, rest):
    """The rest is a number, so that the line stays short."""
    events = [hop(request=request(number, path=f"/{number}/")) for number in range(1, routes + 1)]
    violation = MaxThreadHops(0, per_request=True).check(recording(*events))

    assert violation.advice[-1].text == (
        f"{routes} requests are over the limit: 1 to GET /1/ (1), 1 to GET /2/ (1), 1 to GET /3/ (1){rest}"
    )


def test_equal_numbers_of_a_route_are_exact():
    """`up to` is for numbers that differ."""
    events = [hop(request=BOOKS), hop(request=OTHER_BOOKS)]
    violation = MaxThreadHops(0, per_request=True).check(recording(*events, *ROUTES))

    assert violation.advice[-1].text == "2 requests are over the limit: 2 to GET books/<int:pk>/ (1)"
    assert violation.route == "GET books/<int:pk>/"


def test_a_limit_of_a_route_holds_for_its_requests():
    """The request that is farthest over its own limit is shown, not the one with most queries."""
    events = [*ran(9, request=BOOKS), *ran(4, request=AUTHORS)]
    limits = {"GET books/<int:pk>/": 8, "GET authors/": 1}
    window = recording(*events, *ROUTES, hop(request=BOOKS), hop(request=BOOKS), hop(request=AUTHORS))

    queries = QueryBudget(0, per_request=True).check_requests(window, limits.get)
    hops = MaxThreadHops(9, per_request=True).check_requests(window, {"GET authors/": 0}.get)

    assert (queries.measured, queries.limit, queries.route) == (4, 1, "GET authors/")
    assert (hops.measured, hops.limit, hops.route) == (1, 0, "GET authors/")


def test_the_numbers_of_requests_have_routes():
    """They are what a baseline holds."""
    window = recording(*ran(2, request=BOOKS), *ran(1), hop(request=AUTHORS), hop(), *ROUTES)

    assert QueryBudget(0, per_request=True).counts(window) == [("GET books/<int:pk>/", 2)]
    assert MaxThreadHops(0, per_request=True).counts(window) == [("GET authors/", 1)]


@pytest.mark.parametrize(
    ("budget", "is_lifted"),
    [
        (QueryBudget(None, per_request=True), True),
        (QueryBudget(None, per_request=True, reason="a report"), True),
        (QueryBudget(None, select=1, per_request=True), False),
        (QueryBudget(0, per_request=True), False),
        (MaxThreadHops(None, per_request=True), True),
    ],
)
def test_none_lifts_the_limit_of_each_request(budget, is_lifted):
    """As it does for the whole test."""
    assert budget.is_lifted is is_lifted
    assert budget.check(recording()) is None


def test_a_lifted_limit_breaks_nothing():
    """A route without a limit has no number to compare with."""
    window = recording(*ran(2, request=BOOKS), hop(request=BOOKS), *ROUTES)

    assert QueryBudget(None, per_request=True).check(window) is None
    assert MaxThreadHops(None, per_request=True).check(window) is None


def test_the_fewest_queries_are_those_of_the_whole_test():
    """A test that makes no request any more would pass; the error says what to write instead."""
    with pytest.raises(WrongArguments) as refused:
        make(QueryBudget, (3,), {"at_least": 1, "per_request": True})

    assert str(refused.value).startswith(
        "query_budget at_least cannot be used with per_request=True: a test without a request would pass. "
        "Write query_budget(None, at_least=1) as well, for the whole test"
    )


@pytest.mark.parametrize("budget_class", [QueryBudget, MaxThreadHops])
@pytest.mark.parametrize("value", ["yes", 1, None])
def test_per_request_is_true_or_false(budget_class, value):
    """Anything else would be a guess."""
    with pytest.raises(WrongArguments, match=f"{budget_class.name} per_request must be True or False"):
        make(budget_class, (3,), {"per_request": value})


def test_a_budget_of_requests_is_written_with_its_argument():
    """The failure names it as the marker has it."""
    assert written(QueryBudget(3, per_request=True)) == "query_budget(3, per_request=True)"
    assert is_per_request(QueryBudget(3, per_request=True))
    assert not is_per_request(QueryBudget(3))


def test_only_a_limit_of_requests_needs_to_know_them():
    """Where requests cannot be recorded, a limit of the whole test works all the same."""
    assert set(needed_probes(QueryBudget(3))) == {"queries"}
    assert set(needed_probes(QueryBudget(3, per_request=True))) == {"queries", "requests"}

"""The result of a budget has its own number, and tells which allowances were needed."""

import pytest

from pytest_dbperf.budgets.accepted_numbers import AcceptedNumbers
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import FARTHER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.results.of_budgets import AllowanceResult, NumberResult
from pytest_dbperf.session.budget_results import (
    allowance_results_of,
    budget_result_of,
    highest_of_each,
    number_results_of,
)
from tests.factories import closed_connection, hop, new_connection, query, recording, request, response, site

VIEW = site("view", "/srv/app/views.py", 7)


def result_of(budget, *events, nearness=FARTHER):
    """The result of a budget."""
    return budget_result_of(PlacedBudget(budget, "at a.py:1", nearness), recording(*events))


FIRST, SECOND = request(1), request(2)


@pytest.mark.parametrize(
    ("budget", "events", "limit", "measured"),
    [
        (QueryBudget(9), [query(), query(using="other"), query("BEGIN")], 9, 2),
        (QueryBudget(9, using="other"), [query(), query(using="other")], 9, 1),
        (QueryBudget(None), [query()], None, 1),
        (MaxNewConnections(5), [new_connection(1), new_connection(2, using="other")], 5, 2),
        (MaxNewConnections(5, using="other"), [new_connection(1), new_connection(2, using="other")], 5, 1),
        (MaxOpenConnections(5), [new_connection(1), closed_connection(1), new_connection(2)], 5, 1),
        (MaxThreadHops(9), [hop(request=FIRST), hop(request=SECOND), hop(request=SECOND)], 9, 3),
        (MaxThreadHops(9, per_request=True), [hop(request=FIRST), hop(request=SECOND), hop()], 9, 1),
        (NoSyncToAsync(), [hop()], None, None),
    ],
)
def test_a_result_has_the_number_that_its_budget_limits(budget, events, limit, measured):
    """That of its alias or its busiest request, not that of the whole test."""
    result = result_of(budget, *events)

    assert (result.limit, result.measured) == (limit, measured)


def test_a_result_has_the_other_arguments_of_its_budget():
    """The reason is kept only for a marker on the function, which it was written for."""
    budget = QueryBudget(9, at_least=1, tables={"a": 2}, reason="why")

    assert result_of(budget).arguments == "at_least=1, tables={'a': 2}"
    assert result_of(budget, nearness=ON_FUNCTION).arguments == "at_least=1, tables={'a': 2}, reason='why'"
    assert result_of(budget).text == "query_budget(9, at_least=1, tables={'a': 2}) at a.py:1"


def test_an_allowance_knows_whether_it_was_needed():
    """By a name, by a call site, or not at all; a budget without allowances has no results."""
    budget = NoSyncToAsync(allow=["load", "views.py", "nobody"])
    window = recording(hop("Model.load"), hop("save", path=[VIEW]), hop("nobody", origin="django"))

    results = list(
        allowance_results_of(
            [
                PlacedBudget(budget, "at a.py:1"),
                PlacedBudget(QueryBudget(0), ""),
                PlacedBudget(NoSyncToAsync(), ""),
            ],
            window,
        )
    )

    assert results == [
        AllowanceResult("no_sync_to_async", "at a.py:1", "load", is_used=True),
        AllowanceResult("no_sync_to_async", "at a.py:1", "views.py", is_used=True),
        AllowanceResult("no_sync_to_async", "at a.py:1", "nobody", is_used=False),
    ]
    assert budget.check(window) is None


def number(measured, *, key="GET books/", limit=1, accepted=None):
    """The number of a route over its limit."""
    return NumberResult("route", key, "queries", measured, limit, accepted)


def test_numbers_over_a_limit_are_kept_by_test_and_by_route():
    """The id has no parameters: a debt of a test holds for all of them."""
    budgets = [
        PlacedBudget(QueryBudget(1), "in pytest.ini"),
        PlacedBudget(QueryBudget(1, per_request=True), "in pytest.ini"),
        PlacedBudget(QueryBudget(0), "at a.py:1", ON_FUNCTION),
    ]
    window = recording(query(request=FIRST), query(request=FIRST), query(), response(view="books/"))
    accepted = AcceptedNumbers(
        {"query_budget": 9}.get, lambda route, name: {("GET books/", "queries"): 7}[route, name]
    )

    assert [*number_results_of("a.py::test_it[1]", budgets, window, accepted)] == [
        NumberResult("test", "a.py::test_it", "query_budget", 3, 1, 9),
        NumberResult("route", "GET books/", "queries", 2, 1, 7),
    ]


def test_the_highest_number_of_a_route_is_kept():
    """Examples of a test, and several markers, measure the same route."""
    numbers = [number(2), number(5, limit=3), number(4), number(1, key="GET authors/")]

    assert highest_of_each(numbers) == [number(5, limit=3), number(1, key="GET authors/")]

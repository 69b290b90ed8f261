"""The result of a budget has its own number, and tells which allowances were needed."""

import pytest

from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import FARTHER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.results.of_budgets import AllowanceResult
from pytest_dbperf.session.budget_results import allowance_results_of, budget_result_of
from tests.factories import closed_connection, hop, new_connection, query, recording, request, site

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

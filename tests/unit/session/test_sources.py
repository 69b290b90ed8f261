"""What a budget is compared with is kept with it, for a tighter one."""

import pytest

from pytest_dbperf.budgets.enforcement import PlacedBudget
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.budgets.resolution import FARTHER, ON_FUNCTION, Near
from pytest_dbperf.session.sources import held_by
from tests.factories import closed_connection, hop, new_connection, query, recording, request


def held(budget, *events, nearness=FARTHER):
    """What is kept of a budget."""
    return held_by(Near(PlacedBudget(budget, "at a.py:1"), nearness), recording(*events))


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
def test_a_budget_is_kept_with_its_own_number(budget, events, limit, measured):
    """That of its alias or request, and not that of the test."""
    kept = held(budget, *events)

    assert (kept.limit, kept.measured) == (limit, measured)


def test_a_budget_is_kept_with_its_other_arguments():
    """The reason stays with the function that it was given for."""
    budget = QueryBudget(9, at_least=1, tables={"a": 2}, reason="why")

    assert held(budget).arguments == "at_least=1, tables={'a': 2}"
    assert held(budget, nearness=ON_FUNCTION).arguments == "at_least=1, tables={'a': 2}, reason='why'"
    assert held(budget).text == "query_budget(9, at_least=1, tables={'a': 2}) at a.py:1"

"""A recording is summarised in numbers and, on request, in groups."""

from pathlib import Path

from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.results.measuring import measure, violation_result_of
from pytest_dbperf.results.model import AliasResult, GroupResult
from pytest_dbperf.results.of_budgets import ViolationResult
from tests.factories import (
    blocking_call,
    checkout,
    closed_connection,
    driver_query,
    hop,
    new_connection,
    query,
    recording,
    request,
    response,
    returned_connection,
    site,
)

ROOT = Path("/srv/app")
VIEW = site("view", "/srv/app/views.py", 7)


def measured(*events, with_groups=True, **state):
    """Return the measurements of these events."""
    return measure(recording(*events, **state), ROOT, with_groups=with_groups)


def test_a_recording_is_summarised_in_numbers():
    """Each kind of event has its number."""
    result = measured(
        query("BEGIN", seconds=0.001),
        query(seconds=0.0015),
        new_connection(open_now=2),
        closed_connection(open_now=1),
        hop(),
        hop(origin="django"),
        blocking_call(),
        open_connections=1,
    )

    assert (result.queries, result.bookkeeping, result.new_connections, result.closed_connections) == (
        1,
        1,
        1,
        1,
    )
    assert (result.peak_connections, result.checkouts, result.db_ms) == (2, 0, 2.5)
    assert result.hops == {"django": 1, "project": 1}
    assert result.blocking_calls == 1


def test_connections_that_are_not_given_back_are_leaked():
    """The number is the one that `no_connection_leaks` compares with its limit."""
    window = recording(
        new_connection(), checkout(1), checkout(2), returned_connection(2), checkout(3, using=None)
    )

    result = measure(window, ROOT, with_groups=False)

    assert (result.leaked_connections, result.checkouts) == (3, 2)
    assert NoConnectionLeaks().check(window).measured == result.leaked_connections


def test_each_request_has_its_queries():
    """A test may make many requests; one without queries is listed, too."""
    first, second = request(1), request(2, path="/empty/")

    result = measured(first, query(request=first), query(request=first), second, query())

    assert [(each.request, each.queries) for each in result.requests] == [
        ("GET /api/campaigns/", 2),
        ("GET /empty/", 0),
    ]


def test_each_request_has_its_response():
    """A request that did not end within the recording has none."""
    result = measured(request(1), request(2), response(2), response(3))

    assert [(each.view, each.status, each.ms) for each in result.requests] == [
        ("", None, None),
        ("api/campaigns/", 200, 12.3),
    ]


def test_each_database_has_its_numbers():
    """Transaction control does not count, and a statement of the driver may have no alias."""
    result = measured(
        query(),
        query("BEGIN"),
        query(using="replica"),
        new_connection(using="other"),
        driver_query(),
        driver_queries=True,
    )

    assert result.by_alias == {
        "default": AliasResult(1, 0),
        "other": AliasResult(0, 1),
        "replica": AliasResult(1, 0),
    }


def test_groups_say_what_ran_from_where():
    """A group is made of plain values."""
    result = measured(query("SELECT a FROM t WHERE id = 1", path=[VIEW], request=request(), seconds=0.001))

    assert result.groups == [
        GroupResult(
            count=1,
            distinct=1,
            fingerprint="SELECT a FROM t WHERE id = %s",
            kind="select",
            tables=["t"],
            using="default",
            call_path=["views.py:7 view"],
            request="GET /api/campaigns/",
            ms=1.0,
        )
    ]


def test_a_statement_of_the_driver_need_not_have_an_alias():
    """It may run on a connection that is not Django's."""
    result = measured(query(), driver_query(), driver_queries=True)

    assert [group.using for group in result.groups] == ["default", None]


def test_groups_are_made_on_request_only():
    """Without groups no statement is read."""
    assert measured(query(), with_groups=False).groups == []


def test_a_violation_is_kept_with_its_text_and_location():
    """Reports show the rest of its text where no test fails."""
    broken = QueryBudget(0).check(recording(query(path=[VIEW]))).placed_as("query_budget(0) at a.py:1")

    assert violation_result_of(broken, ROOT) == ViolationResult(
        "query_budget",
        1,
        0,
        "queries 1 > 0 (+1)   query_budget(0) at a.py:1",
        "views.py:7",
        ["", "    1x  SELECT %s", "        views.py:7 view"],
    )

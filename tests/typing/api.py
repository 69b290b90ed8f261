"""The public API as its users write it: never run, checked by mypy and pyright in their strict modes."""

import asyncio
from typing import assert_type

import pytest

from pytest_dbperf import (
    AsgiClient,
    BlockingCall,
    BudgetExceeded,
    BudgetFixture,
    BudgetWindow,
    DatabaseSettings,
    Hop,
    LiveRecording,
    MaxDbTimeFixture,
    MaxNewConnectionsFixture,
    MaxOpenConnectionsFixture,
    MaxThreadHopsFixture,
    NewConnection,
    NoBlockingCallsFixture,
    NoConnectionLeaksFixture,
    NoIdleInTransactionFixture,
    NoNPlusOneFixture,
    NoRepeatedQueriesFixture,
    NoSyncToAsyncFixture,
    NoUnindexedFiltersFixture,
    NoWriteLoopsFixture,
    Query,
    QueryBudgetFixture,
    Recording,
    Request,
    WsgiClient,
    record,
)


@pytest.mark.query_budget(4, at_least=1, select=3, tables={"users_user": 1}, using="default", reason="why")
@pytest.mark.query_budget(3, tables={"users_user": 1}, per_request=True)
@pytest.mark.max_new_connections(0)
@pytest.mark.no_sync_to_async(allow=["check_password"])
@pytest.mark.max_thread_hops(15, per_request=True)
@pytest.mark.no_blocking_calls(allow=["verify_password"], reason="why")
@pytest.mark.max_db_time(20.5, using="default")
@pytest.mark.no_idle_in_transaction(50, reason="why")
@pytest.mark.no_unindexed_filters(allow=["django_content_type"])
@pytest.mark.no_n_plus_one(3, allow=["Campaign.owner"])
@pytest.mark.no_repeated_queries(5)
@pytest.mark.no_write_loops
def test_markers() -> None:
    """Markers take what they take; pytest does not type their arguments."""


def test_recording(dbperf: Recording) -> None:
    """The live recording has lists of events."""
    assert_type(dbperf.queries, list[Query])
    assert_type(dbperf.new_connections, list[NewConnection])
    assert_type(dbperf.hops, list[Hop])
    assert_type(dbperf.hops[0].waited, float | None)
    assert_type(dbperf.hops[0].part, str)
    assert_type(dbperf.requests, list[Request])
    assert_type(dbperf.blocking_calls, list[BlockingCall])
    assert_type(dbperf.queries[0].using, str | None)
    assert_type(dbperf.queries[0].statement.tables, tuple[str, ...])
    assert_type(next(dbperf.each_statement()), Query)
    with dbperf.pause():
        pass
    with dbperf.record(task=True) as part:
        assert_type(part, Recording)


def make(number: int) -> list[str]:
    """Make rows."""
    return [str(number)]


async def amake(number: int) -> None:
    """Make rows, later."""
    await asyncio.sleep(number)


def test_growth(dbperf: LiveRecording, wsgi_client: WsgiClient) -> None:
    """Without a loop, there is nothing to await."""
    dbperf.assert_constant(lambda: wsgi_client.get("/"), populate=make)
    dbperf.assert_constant(lambda: None, populate=make, scales=[1, 2, 5], slope=0.1, warm_up=False)


async def test_growth_of_coroutine(dbperf: LiveRecording, asgi_client: AsgiClient) -> None:
    """What can be awaited has to be."""
    await dbperf.assert_constant(lambda: asgi_client.aget("/"), populate=make)
    await dbperf.assert_constant(lambda: asyncio.sleep(0), populate=amake)


def test_budget(query_budget: BudgetFixture) -> None:
    """A budget is a context manager that has a recording."""
    with query_budget(3, select=2) as recording:
        assert_type(recording, Recording)


def test_typed_budget(query_budget: QueryBudgetFixture) -> None:
    """Its type knows the budget's parameters, and fits where any budget does."""
    with query_budget(3, at_least=1, tables={"users_user": 2}, reason="why") as recording:
        assert_type(recording, Recording)
    assert_type(query_budget(None), BudgetWindow)
    test_budget(query_budget)


def test_the_other_typed_budgets(
    max_db_time: MaxDbTimeFixture,
    max_new_connections: MaxNewConnectionsFixture,
    max_open_connections: MaxOpenConnectionsFixture,
    max_thread_hops: MaxThreadHopsFixture,
    no_blocking_calls: NoBlockingCallsFixture,
    no_connection_leaks: NoConnectionLeaksFixture,
    no_idle_in_transaction: NoIdleInTransactionFixture,
    no_n_plus_one: NoNPlusOneFixture,
    no_repeated_queries: NoRepeatedQueriesFixture,
    no_sync_to_async: NoSyncToAsyncFixture,
    no_unindexed_filters: NoUnindexedFiltersFixture,
    no_write_loops: NoWriteLoopsFixture,
) -> None:
    """Each has a type of its own."""
    with max_db_time(20.5, using="default"), max_new_connections(0), max_open_connections(2):
        pass
    with max_thread_hops(15, per_request=True), no_blocking_calls(allow=["verify_password"]):
        pass
    with no_connection_leaks(allowed=1), no_idle_in_transaction(50), no_n_plus_one(3, allow=["Book.author"]):
        pass
    with no_repeated_queries(5), no_unindexed_filters(allow=["django_content_type"]), no_write_loops():
        pass
    with no_sync_to_async(allow=["save"]) as recording:
        assert_type(recording, Recording)


async def test_budget_of_coroutine(no_sync_to_async: BudgetFixture, dbperf: Recording) -> None:
    """It is an asynchronous context manager, too."""
    async with no_sync_to_async(allow=["save"]) as recording, dbperf.record():
        assert_type(recording, Recording)
        await asyncio.sleep(0)


def test_error() -> None:
    """The error has what was broken."""
    try:
        with record(driver_queries=True) as recording:
            assert_type(recording, Recording)
    except BudgetExceeded as error:
        assert_type(error.violations[0].measured, float)


def test_requests(
    wsgi_client: WsgiClient, asgi_client: AsgiClient, database_settings: DatabaseSettings
) -> None:
    """Clients are as loosely typed as Django's; what comes back is what a view made."""
    database_settings("default", CONN_MAX_AGE=600)
    assert_type(wsgi_client.new(workers=4), WsgiClient)
    wsgi_client.new().post("/join/", json={"a": 1})
    wsgi_client.gather(["/", lambda: wsgi_client.get("/")])
    asgi_client.gather(["/", asgi_client.apost("/", json=[])])
    asgi_client.raise_request_exception = False


async def test_requests_of_coroutine(asgi_client: AsgiClient) -> None:
    """The twins are awaited."""
    await asyncio.gather(asgi_client.aget("/"), asgi_client.apost("/", {"a": 1}))

"""Physical connections are counted when they are opened, not when code asks for one."""

import asyncio
import gc
import threading
import warnings

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections, transaction
from django.db import connection as default_connection
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteWrapper

from pytest_dbperf.recording.connections import Why
from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def in_a_thread(function):
    """Run it in a plain thread."""
    thread = threading.Thread(target=function, name="worker")
    thread.start()
    thread.join()


def query_and_close(using):
    """Use the ORM in a thread, and close its connections."""
    try:
        Author.objects.using(using).count()
    finally:
        connections[using].close()


def test_a_connection_has_alias_thread_and_call_site(recorder, using):
    """The ORM opens one in each thread that uses it."""
    with recorder.record() as recording:
        in_a_thread(lambda: query_and_close(using))

    (opened,) = recording.new_connections
    assert (opened.using, opened.thread) == (using, "worker")
    assert opened.call_path[0][0].co_name == "query_and_close"
    assert [closed.dropped for closed in recording.closed_connections if closed.using == using] == [False]


def test_a_connection_that_is_open_already_is_not_new(recorder, using):
    """Most tests use one that was opened before."""
    Author.objects.using(using).count()

    with recorder.record() as recording:
        Author.objects.using(using).count()

    assert recording.new_connections == []


def test_connections_are_known_while_nothing_is_recorded(recorder, using):
    """A connection from before counts for the peak, and its end is recorded."""
    connections[using].close()
    before = len(recorder.connections)
    connections[using].ensure_connection()

    with recorder.record() as recording:
        connections[using].close()

    assert recording.peak_connections == before + 1
    assert [(closed.using, closed.open_now) for closed in recording.closed_connections] == [(using, before)]


def test_the_peak_is_what_was_open_at_once(recorder, using):
    """Three threads that meet have three connections."""
    meeting = threading.Barrier(3)

    def work():
        try:
            Author.objects.using(using).count()
            meeting.wait(10)
        finally:
            connections[using].close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    with recorder.record() as recording:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(recording.new_connections) == 3
    assert recording.peak_connections - recording.open_at_start == 3


def test_a_connection_that_was_not_closed_is_dropped(recorder, using):
    """Only the garbage collector closes it, and the event says so."""

    def leak():
        Author.objects.using(using).count()

    with recorder.record() as recording, warnings.catch_warnings(action="ignore"):
        in_a_thread(leak)
        gc.collect()

    assert [closed.dropped for closed in recording.closed_connections if closed.using == using] == [True]


def test_a_connection_that_may_not_be_closed_stays_open(recorder, using):
    """Django refuses to close a connection of another thread."""
    connection = connections[using]
    connection.ensure_connection()

    def close():
        with pytest.raises(DatabaseError, match="thread"):
            connection.close()

    with recorder.record() as recording:
        in_a_thread(close)

    assert recording.closed_connections == []


def test_closing_twice_is_closing_once(recorder, using):
    """The second call has nothing to close."""
    connections[using].close()
    connections[using].ensure_connection()
    with recorder.record() as recording:
        connections[using].close()
        connections[using].close()

    assert len(recording.closed_connections) == 1


def test_a_connection_that_closes_within_a_transaction_is_closed(recorder, using):
    """Django keeps the closed connection until the block ends, but the server has lost it."""
    connections[using].close()
    connections[using].ensure_connection()
    before = len(recorder.connections)
    with recorder.record() as recording, pytest.raises(DatabaseError), transaction.atomic(using=using):
        connections[using].close()
        assert len(recorder.connections) == before - 1
        Author.objects.using(using).count()

    assert len(recording.closed_connections) == 1


def test_reconnecting_without_closing_drops_the_old_connection(recorder):
    """A generic backend is one Python object with one connection at a time."""
    wrapper = connections["sqlite"].copy()
    with recorder.record() as recording, warnings.catch_warnings(action="ignore"):
        wrapper.connect()
        wrapper.connect()
        wrapper.close()
        gc.collect()

    assert len(recording.new_connections) == 2
    assert recording.new_connections[-1].open_now == recording.new_connections[0].open_now


def test_sqlite_in_memory_is_never_closed(recorder):
    """Django's close() leaves it open, or its tables would be gone."""
    wrapper = SqliteWrapper({**connections["sqlite"].settings_dict, "NAME": ":memory:"}, alias="memory")
    with recorder.record() as recording:
        wrapper.connect()
        wrapper.close()

    assert [opened.using for opened in recording.new_connections] == ["memory"]
    assert recording.closed_connections == []
    wrapper.connection.close()
    # Or its end would be an event in some later test.
    del wrapper
    gc.collect()


def test_a_failed_connection_is_none(recorder, tmp_path):
    """It opened nothing."""
    nowhere = {**connections["sqlite"].settings_dict, "NAME": str(tmp_path / "no" / "where.sqlite3")}
    with recorder.record() as recording, pytest.raises(Exception, match="unable to open"):
        SqliteWrapper(nowhere, alias="nowhere").connect()

    assert recording.new_connections == []


def test_a_backend_process_is_named(recorder, postgres):
    """Its number finds the connection in the server's log and views."""
    default_connection.close()
    with recorder.record() as recording, default_connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend_pid,) = cursor.fetchone()

    assert [opened.backend_pid for opened in recording.new_connections] == [backend_pid]


def test_a_raw_connection_has_no_alias(recorder, raw_conninfo):
    """psycopg used without Django opens connections, too."""
    import psycopg

    with recorder.record() as recording, psycopg.connect(**raw_conninfo):
        pass

    assert [(opened.using, opened.driver) for opened in recording.new_connections] == [(None, "psycopg")]
    assert len(recording.closed_connections) == 1


def test_an_async_raw_connection_counts(recorder, raw_conninfo):
    """So does psycopg's asynchronous twin."""
    import psycopg

    async def connect():
        async with await psycopg.AsyncConnection.connect(**raw_conninfo):
            pass

    with recorder.record() as recording:
        asyncio.run(connect())

    assert len(recording.new_connections) == len(recording.closed_connections) == 1


@pytest.fixture
def pooled(postgres, monkeypatch):
    """The default alias with Django's connection pool, as a connection of its own."""
    settings = default_connection.settings_dict
    options = {**settings["OPTIONS"], "pool": {"min_size": 1, "max_size": 1, "timeout": 60}}
    wrapper = type(connections["default"])(
        {**settings, "OPTIONS": options, "CONN_MAX_AGE": 0}, alias="pooled"
    )
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def test_a_checkout_from_a_pool_is_not_a_connection(recorder, pooled):
    """Ten requests share what the pool has opened."""
    pooled.ensure_connection()
    pooled.close()

    with recorder.record() as recording:
        for _ in range(10):
            with pooled.cursor() as cursor:
                cursor.execute("SELECT 1")
            pooled.close()

    assert [checkout.using for checkout in recording.checkouts] == ["pooled"] * 10
    assert recording.checkouts[0].call_path
    assert recording.new_connections == recording.closed_connections == []


def test_an_idle_probe_forwards_a_checkout(recorder, pooled):
    """While nothing is recorded, the wrapped function works as before."""
    pooled.ensure_connection()

    assert recorder.log == []


def test_a_pool_connects_in_its_own_thread_for_its_alias(recorder, pooled):
    """The alias is found although Django's connection is not involved."""
    with recorder.record() as recording:
        pooled.ensure_connection()

    (opened,) = recording.new_connections
    assert opened.using == "pooled"
    assert opened.thread.startswith("pool-")


def test_a_connection_that_goes_back_to_its_pool_is_not_closed(recorder, raw_conninfo):
    """close() of such a connection is a return."""
    from psycopg_pool import ConnectionPool

    with ConnectionPool(kwargs=raw_conninfo, min_size=1, max_size=1, close_returns=True) as pool:
        pool.wait(10)
        with recorder.record() as recording:
            pool.getconn().close()

    assert recording.closed_connections == []


def test_an_async_connection_that_goes_back_to_its_pool_is_not_closed(recorder, raw_conninfo):
    """Nor is its asynchronous twin."""
    from psycopg_pool import AsyncConnectionPool

    async def run():
        async with AsyncConnectionPool(
            kwargs=raw_conninfo, min_size=1, max_size=1, close_returns=True, open=False
        ) as pool:
            await pool.wait(10)
            with recorder.record() as recording:
                await (await pool.getconn()).close()
        return recording

    assert asyncio.run(run()).closed_connections == []


def test_a_pool_of_your_own_has_no_alias(recorder, raw_conninfo):
    """Only Django's pools belong to an alias."""
    from psycopg_pool import ConnectionPool

    with recorder.record() as recording:
        with ConnectionPool(kwargs=raw_conninfo, min_size=1, max_size=1) as pool:
            pool.wait(10)

    assert [opened.using for opened in recording.new_connections] == [None]


def test_what_a_pool_opens_is_no_leak(recorder, raw_conninfo):
    """A pool keeps its connections open on purpose."""
    from psycopg_pool import ConnectionPool

    with ConnectionPool(kwargs=raw_conninfo, min_size=1, max_size=1) as pool:
        with recorder.record() as recording:
            pool.resize(2, 2)

        assert [(opened.why, opened.is_kept) for opened in recording.new_connections] == [(Why.POOL, True)]
        assert recording.leaked_connections == []


def test_what_an_async_pool_opens_is_no_leak(recorder, raw_conninfo):
    """Nor is what its asynchronous twin opens, while other tasks connect by themselves."""
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    async def run():
        pool = AsyncConnectionPool(kwargs=raw_conninfo, min_size=1, max_size=1, open=False)
        with recorder.record() as recording:
            await pool.open()
            connection = await AsyncConnection.connect(**raw_conninfo)
            await pool.wait(10)
            leaked = recording.leaked_connections
            await connection.close()
        await pool.close()
        return recording, leaked

    recording, leaked = asyncio.run(run())
    assert {opened.why for opened in recording.new_connections} == {Why.POOL, Why.DRIVER}
    assert [opened.why for opened in leaked] == [Why.DRIVER]
    assert recording.leaked_connections == []


def test_the_reason_for_a_connection_is_known(recorder, using):
    """First use, or the end of the connection before, each with its call path."""
    connection = connections[using]
    connection.close()

    with recorder.record() as recording:
        connection.ensure_connection()
        connection.close()
        connection.ensure_connection()
        connection.close_at = 0
        connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()

    assert [opened.why for opened in recording.new_connections] == [Why.CLOSED, Why.CLOSED, Why.OUT_OF_AGE]
    assert [[code.co_name for code, _ in opened.because_of] for opened in recording.new_connections[1:]] == [
        ["test_the_reason_for_a_connection_is_known"]
    ] * 2
    assert all(opened.seconds > 0 and opened.is_kept for opened in recording.new_connections)


def test_a_thread_knows_the_call_path_of_its_start(recorder, using):
    """The start of the thread is the reason for its first connection."""

    def start():
        in_a_thread(work)

    def work():
        Author.objects.using(using).count()
        connections[using].close()

    with recorder.record() as recording:
        start()

    (opened,) = recording.new_connections
    assert opened.why is Why.FIRST_IN_THREAD
    assert [code.co_name for code, _ in opened.because_of[:2]] == ["in_a_thread", "start"]
    assert not opened.is_kept


def test_asgirefs_thread_keeps_its_connections(recorder, using):
    """Tests and requests share it."""

    async def run():
        with recorder.record() as recording:
            await Author.objects.using(using).acount()
        return recording

    recording = asyncio.run(run())
    close_on_asgiref_thread()
    assert [opened.is_kept for opened in recording.new_connections] == [True]
    assert recording.leaked_connections == []


def test_a_connection_with_another_autocommit_is_replaced(recorder, using):
    """Django replaces it when the request ends; no setting is the reason."""
    connection = connections[using]
    connection.ensure_connection()
    connection.set_autocommit(False)

    with recorder.record() as recording:
        connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()

    assert [opened.why for opened in recording.new_connections] == [Why.AUTOCOMMIT]


async def test_asgirefs_thread_can_close_its_own(using):
    """Code in that thread does not wait for the thread."""
    await Author.objects.using(using).acount()

    assert using in await sync_to_async(close_on_asgiref_thread)()


def test_a_standing_connection_of_asgirefs_thread_is_not_new(recorder):
    """It counts as open before, once: after it was closed, the next one is new."""

    def run():
        asyncio.run(sync_to_async(Author.objects.count)())

    close_on_asgiref_thread()
    recorder.connections.standing = {"default"}
    with recorder.record() as recording:
        before = recording.open_at_start
        run()
        late = recording.open_at_start
        close_on_asgiref_thread()
        run()
    close_on_asgiref_thread()

    assert (late - before, len(recording.new_connections)) == (1, 1)
    assert recording.peak_connections == late

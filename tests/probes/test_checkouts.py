"""A connection that is taken from a pool and not given back is a leak."""

import asyncio
import gc
import threading
import warnings

import psycopg
import pytest
from django.db import OperationalError, connections
from psycopg_pool import AsyncConnectionPool, ConnectionPool, NullConnectionPool, PoolTimeout

from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.clients.database_settings import changeable
from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author
from tests.factories import functions_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("postgres")]


@pytest.fixture
def pooled():
    """Give the default database a pool of two connections."""
    with changeable() as change:
        change("default", pool={"min_size": 1, "max_size": 2, "timeout": 0.2})
        yield


@pytest.fixture
def conninfo(raw_conninfo):
    """How a pool of psycopg's own connects."""
    return psycopg.conninfo.make_conninfo(**raw_conninfo)


def in_a_thread(job):
    """Run it in a thread that has no connection yet."""
    thread = threading.Thread(target=job)
    thread.start()
    thread.join()


def count():
    """Use a connection, and keep it."""
    Author.objects.count()


def count_and_close():
    """Use a connection, and give it back."""
    Author.objects.count()
    connections.close_all()


def test_a_thread_that_keeps_its_connection_leaks_it(recorder, pooled):
    """The pool has no connection left, which proves the leak."""
    refused = []

    def ask():
        try:
            count_and_close()
        except OperationalError as error:
            refused.append(error)

    with recorder.record() as recording:
        in_a_thread(count_and_close)
        in_a_thread(count)
        in_a_thread(count)
        gc.collect()
        in_a_thread(ask)

    assert len(refused) == 1
    assert len(recording.checkouts) == 3
    leaked = recording.unreturned_checkouts
    assert [functions_of(taken) for taken in leaked] == [["count"]] * 2
    assert all(taken.because_of for taken in leaked)
    dropped = {closed.number for closed in recording.closed_connections if closed.dropped}
    assert {taken.connection for taken in leaked} == dropped
    assert NoConnectionLeaks().check(recording).measured == 2


def test_a_thread_that_still_uses_a_connection_has_not_given_it_back(recorder, pooled):
    """A thread that goes on after the test, or waits for ever."""
    taken, go_on = threading.Event(), threading.Event()

    def wait():
        count()
        taken.set()
        go_on.wait(30)
        connections.close_all()

    thread = threading.Thread(target=wait)
    with recorder.record() as recording:
        thread.start()
        taken.wait(30)
    go_on.set()
    thread.join()

    assert len(recording.unreturned_checkouts) == 1
    assert recording.closed_connections == []


def test_the_tests_own_thread_keeps_its_connection(recorder, pooled):
    """On purpose, as without a pool."""
    connections["default"].close()
    with recorder.record() as recording:
        count()

    assert [taken.is_kept for taken in recording.checkouts] == [True]
    assert recording.unreturned_checkouts == []


def test_what_was_taken_before_is_not_counted(recorder, pooled):
    """A recording sees its own checkouts only."""

    def work():
        count()
        with recorder.record() as recording:
            connections.close_all()
        return recording

    recordings = []
    in_a_thread(lambda: recordings.append(work()))

    assert recordings[0].events == []


def test_a_connection_that_cannot_be_given_back_is_a_leak(recorder, pooled, monkeypatch):
    """Django forgets it, and the pool does not get it."""

    def refuse(self, conn):
        raise psycopg.OperationalError

    def work():
        count()
        monkeypatch.setattr(ConnectionPool, "putconn", refuse)
        with pytest.raises(OperationalError):
            connections["default"].close()
        monkeypatch.undo()

    with recorder.record() as recording:
        in_a_thread(work)

    assert len(recording.unreturned_checkouts) == 1


def give_back(pool):
    """Do it as psycopg's documentation says."""
    pool.putconn(pool.getconn())
    with pool.connection() as connection:
        connection.execute("SELECT 1")


def close(pool):
    """Close a connection, which this pool takes for giving it back."""
    pool.getconn().close()


def close_only(pool):
    """Close a connection, which does not tell the pool that it may open another."""
    pool.getconn().close()


def keep(pool):
    """Forget it."""
    pool.kept = pool.getconn()


@pytest.mark.parametrize(
    ("pool_class", "options", "work", "leaked"),
    [
        (ConnectionPool, {}, give_back, 0),
        (ConnectionPool, {"close_returns": True}, close, 0),
        (ConnectionPool, {}, close_only, 1),
        (ConnectionPool, {}, keep, 1),
        (NullConnectionPool, {"min_size": 0}, give_back, 0),
        (NullConnectionPool, {"min_size": 0}, keep, 1),
    ],
)
def test_a_pool_of_your_own_loses_connections_in_the_same_way(
    recorder, conninfo, pool_class, options, work, leaked
):
    """That it gives out no other one is the witness."""
    with pool_class(conninfo, **{"min_size": 1, "max_size": 1, "timeout": 5, **options}) as pool:
        with recorder.record() as recording:
            work(pool)
        if leaked:
            with pytest.raises(PoolTimeout):
                pool.getconn(timeout=0.1)
        else:
            pool.putconn(pool.getconn())
        if hasattr(pool, "kept"):
            pool.putconn(pool.kept)

    assert [functions_of(taken)[0] for taken in recording.unreturned_checkouts] == [work.__name__] * leaked
    assert [taken.using for taken in recording.unreturned_checkouts] == [None] * leaked
    # Only those that Django takes count as checkouts.
    assert recording.checkouts == []


async def async_give_back(pool):
    """Do it as psycopg's documentation says."""
    await pool.putconn(await pool.getconn())
    async with pool.connection() as connection:
        await connection.execute("SELECT 1")


async def async_keep(pool):
    """Forget it."""
    pool.kept = await pool.getconn()


@pytest.mark.parametrize(("work", "leaked"), [(async_give_back, 0), (async_keep, 1)])
def test_an_asynchronous_pool_does_so_too(recorder, conninfo, work, leaked):
    """Its tasks share a thread."""

    async def run():
        async with AsyncConnectionPool(conninfo, min_size=1, max_size=1, open=False) as pool:
            with recorder.record() as recording:
                await work(pool)
            if leaked:
                with pytest.raises(PoolTimeout):
                    await pool.getconn(timeout=0.1)
                await pool.putconn(pool.kept)
        return recording

    recording = asyncio.run(run())

    assert [functions_of(taken)[0] for taken in recording.unreturned_checkouts] == [work.__name__] * leaked


def test_a_connection_that_is_dropped_is_told_as_such(recorder, conninfo):
    """psycopg warns of it, too."""
    with ConnectionPool(conninfo, min_size=1, max_size=1) as pool, recorder.record() as recording:
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            pool.getconn()
            gc.collect()

    (evidence,) = NoConnectionLeaks().check(recording).evidence
    assert evidence.note == "dropped, not given back"


def test_a_connection_of_another_pool_is_still_taken(recorder, conninfo):
    """The pool refuses it."""
    with ConnectionPool(conninfo, min_size=1) as one, ConnectionPool(conninfo, min_size=1) as other:
        with recorder.record() as recording:
            connection = one.getconn()
            with pytest.raises(ValueError, match="can't return"):
                other.putconn(connection)
            wrong = len(recording.unreturned_checkouts)
            one.putconn(connection)

    assert (wrong, len(recording.unreturned_checkouts)) == (1, 0)


def test_a_standing_connection_is_taken_before_the_test(recorder, pooled):
    """As asgiref's thread in a synchronous test that runs an event loop."""
    recorder.connections.standing = {"default"}
    recorder.connections.opened_late.clear()
    with recorder.record() as recording:
        before = recording.open_at_start
        asyncio.run(Author.objects.acount())
    opened = recorder.connections.opened_late
    close_on_asgiref_thread()

    assert opened == ["default"]
    assert recording.checkouts == []
    assert recording.open_at_start == before

"""Whatever breaks in a probe, your code gets its normal result, and the bug is noted as ours."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from importlib import import_module

import psycopg
import pytest
import trio
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, transaction
from django.test import AsyncClient, Client, override_settings
from psycopg_pool import ConnectionPool

from pytest_dbperf import record
from pytest_dbperf.probes.listening import listening_to
from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author, Book

pytestmark = pytest.mark.django_db(transaction=True)


class OnlySync:
    """A middleware."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


def boom(*_, **__):
    """Break."""
    raise ZeroDivisionError("on purpose")


def count():
    """A query."""
    return Author.objects.count()


def rows():
    """Rows, with those that are selected with them."""
    Author.objects.all().delete()
    author = Author.objects.create(name="Ada")
    author.books.create(title="By Ada")
    return [book.author.name for book in Book.objects.select_related("author")]


def streamed():
    """Rows of a related manager."""
    return rows() + [book.title for author in Author.objects.all() for book in author.books.all()]


def procedure():
    """A call of a procedure, which SQLite has not."""
    with connection.cursor() as cursor:
        cursor.db.features.supports_callproc = True
        try:
            cursor.cursor.callproc = lambda *_: 5
        except AttributeError:  # psycopg's cursors have no such attribute.
            return 5
        return cursor.callproc("p")


def in_transaction():
    """BEGIN and COMMIT."""
    with transaction.atomic():
        return 5


def first_connection():
    """The first connection of a thread."""

    def connect():
        connection.ensure_connection()
        connection.close()
        return 5

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(connect).result()


def reconnect():
    """A new connection."""
    connection.close()
    connection.ensure_connection()
    return connection.is_usable()


def in_thread():
    """A thread."""
    done = []
    thread = threading.Thread(target=partial(done.append, 5))
    thread.start()
    thread.join()
    return done


def submitted():
    """A call in an executor."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(max, 1, 2).result()


async def hop():
    """A hop by asgiref."""
    return await sync_to_async(max)(1, 2)


async def hop_in_context():
    """A hop in a context of its own."""
    return await sync_to_async(max, context=copy_context())(1, 2)


async def executor_hop():
    """Hops by asyncio."""
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(max, 1, 2) + await loop.run_in_executor(None, max, 1, 2)


def trio_hop_without_queries():
    """A hop of trio itself."""
    return trio.run(trio.to_thread.run_sync, str)


async def anyio_hop():
    """A hop by anyio."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(max, 1, 2)


async def task():
    """A task."""
    return await asyncio.get_running_loop().create_task(asyncio.sleep(0, 5))


async def password():
    """A check that blocks the loop."""
    return check_password("x", make_password("x"))


def back():
    """From a thread to a loop."""
    return async_to_sync(asyncio.sleep)(0, 5)


def request():
    """A request."""
    return Client().get("/books/").status_code


def streamed_body():
    """A body that queries while it is read."""
    return Client().get("/stream/").getvalue()


async def streamed_body_async():
    """The same on an event loop."""
    response = await AsyncClient().get("/stream/async/")
    return [part async for part in response.streaming_content]


async def async_request():
    """An asynchronous request, through a middleware that needs a hop."""
    with override_settings(MIDDLEWARE=[f"{__name__}.OnlySync"]):
        return (await AsyncClient().get("/count/")).status_code


BROKEN = [
    ("probes.queries.hash_of_asked", count),
    ("probes.queries.project_frames_from", count),
    ("probes.queries._emit", in_transaction),
    ("probes.queries._emit", procedure),
    ("probes.queries._sample", count),
    ("probes.queries.load_of", rows),
    ("recording.recorder.Recorder.compact", count),
    ("probes.querysets.nearby_sites", rows),
    ("probes.fetched_rows._mark_rows", rows),
    ("probes.fetched_rows._marks_of", rows),
    ("probes.fetched_rows._mark_related", rows),
    ("probes.querysets._clones_left", streamed),
    ("probes.connections._first_use", first_connection),
    ("probes.connections._closing_function", reconnect),
    ("probes.connection_events.ConnectionEvents.opened", reconnect),
    ("probes.connection_events.ConnectionEvents.closed", reconnect),
    ("probes.threads.cause.frames_here", in_thread),
    ("probes.executors.context_of", submitted),
    ("probes.executors.emit_hop", executor_hop),
    ("probes.worker_threads.emit_hop", anyio_hop),
    ("probes.worker_threads.emit_hop", trio_hop_without_queries),
    ("probes.executors.cause.extended", task),
    ("probes.hops.emit_hop", hop),
    ("probes.hops.emit_hop", back),
    ("probes.hops.emit_hop_end", hop),
    ("probes.hops.emit_hop_end", back),
    ("probes.hops.first_to_blame", hop),
    ("probes.hops.task_here", hop),
    ("probes.hops._of_one_mode", request),
    ("probes.hops._adapted_for", async_request),
    ("probes.hop_events.emit_hop_end", hop_in_context),
    ("probes.passwords.TimedCall", password),
    ("probes.blocking.BlockingCall", password),
    ("recording.cause.restore", request),
    ("recording.cause.restore", async_request),
    ("recording.cause.restore", task),
    ("recording.cause.restore", anyio_hop),
    ("recording.cause.restore", back),
    ("probes.requests.Request", request),
    ("probes.streaming._OfRequest._now", streamed_body),
    ("probes.streaming._OfRequest._now", streamed_body_async),
    ("probes.requests.Response", request),
    ("probes.requests.Response", async_request),
    ("probes.requests.cause.frames_here", async_request),
]


def broken_attribute(monkeypatch, name):
    """Break a function of the package, by its module and name."""
    module, _, attribute = name.rpartition(".")
    try:
        owner = import_module(f"pytest_dbperf.{module}")
    except ModuleNotFoundError:
        above, _, last = module.rpartition(".")
        owner = getattr(import_module(f"pytest_dbperf.{above}"), last)
    monkeypatch.setattr(owner, attribute, boom)


def result_of(action):
    """What the code returns, in a context of its own: something broken may leave a cause behind."""
    return copy_context().run(result_here, action)


def result_here(action):
    """What the code returns, a coroutine in a loop of its own."""
    if not asyncio.iscoroutinefunction(action):
        return action()
    try:
        return asyncio.run(action())
    finally:
        close_on_asgiref_thread()


def require_the_same(recorder, monkeypatch, name, action):
    """Run an action before and while something is broken, and compare the results."""
    expected = result_of(action)
    with recorder.record(samples=True, driver_queries=True):
        if name.endswith("compact"):
            recorder.compact_at = 0
        with monkeypatch.context() as patch:
            broken_attribute(patch, name)
            result = result_of(action)

    bugs = BUGS.take()
    assert result == expected
    assert {(bug.owner, bug.error) for bug in bugs} == {("pytest-dbperf", "ZeroDivisionError: on purpose")}


@pytest.mark.parametrize(("name", "action"), BROKEN)
def test_a_broken_probe_is_noted_and_your_code_runs(recorder, monkeypatch, name, action):
    """The result is the one without the plugin."""
    require_the_same(recorder, monkeypatch, name, action)


async def driver(conninfo):
    """Statements and the end of a transaction in the thread of a loop."""
    with psycopg.connect(**conninfo) as raw:
        raw.execute("SELECT 1")
        raw.cursor().executemany("SELECT %s", [(1,)])
        raw.commit()
        return raw.execute("SELECT 5").fetchall()


def pool(conninfo):
    """A connection of a pool."""
    with ConnectionPool(kwargs=conninfo, min_size=1, max_size=1) as connections:
        connections.wait()
        with connections.connection() as raw:
            return raw.execute("SELECT 5").fetchall()


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("probes.drivers.text_of", driver),
        ("probes.drivers._Statement", driver),
        ("probes.drivers.TimedCall", driver),
        ("probes.connections.emit_connect", driver),
        ("probes.connection_events.ConnectionEvents.opened", driver),
        ("probes.connection_events.ConnectionEvents.closed", driver),
        ("probes.pools._alias_of", pool),
        ("probes.checkouts.Checkout", pool),
        ("probes.checkouts.ConnectionReturned", pool),
        ("recording.open_connections.OpenConnections.expect", pool),
        ("recording.open_connections.OpenConnections.arrived", pool),
    ],
)
def test_a_broken_probe_of_psycopg_is_noted(recorder, monkeypatch, raw_conninfo, name, action):
    """It may run without Django."""
    bound = partial(action, raw_conninfo)
    if asyncio.iscoroutinefunction(action):
        require_the_same(recorder, monkeypatch, name, lambda: asyncio.run(bound()))
    else:
        require_the_same(recorder, monkeypatch, name, bound)


def test_a_broken_origin_of_a_clone_is_noted(recorder):
    """Your code gets its queryset."""
    author = Author.objects.create(name="Ada")
    queryset = Author.objects.all()
    queryset._query._dbperf_origin = "not an origin"
    with recorder.record():
        assert queryset._clone().get() == author

    assert "pytest-dbperf" in {bug.owner for bug in BUGS.take()}


def test_a_broken_finalizer_is_noted(recorder, monkeypatch, raw_conninfo):
    """The garbage collector runs it, and would only print the error."""
    with recorder.record(), monkeypatch.context() as patch:
        broken_attribute(patch, "probes.connection_events.ConnectionEvents._ended")
        with pytest.warns(ResourceWarning):
            psycopg.connect(**raw_conninfo)

    assert [bug.during for bug in BUGS.take()] == ["recording a connection that was dropped"]


def test_a_probe_that_cannot_be_installed_is_noted():
    """The others record; one of another plugin is told by its name."""

    def install(_):
        raise LookupError

    def install_well(_):
        def undo():
            raise LookupError

        return undo

    with listening_to([install, install_well]):
        pass

    assert [(bug.during, bug.owner, bug.error) for bug in BUGS.take()] == [
        (
            "installing or removing a probe",
            f"the probe test_a_probe_that_cannot_be_installed_is_noted in {__name__}",
            "LookupError",
        )
    ] * 2


def test_a_recording_without_pytest_warns_of_a_bug(monkeypatch):
    """There is no end of a run that could tell it."""
    broken_attribute(monkeypatch, "probes.queries.hash_of_asked")

    def recorded():
        with record():
            count()

    with pytest.warns(RuntimeWarning, match="^a bug of pytest-dbperf, while recording a query: ZeroDivision"):
        recorded()
    assert len(BUGS.take()) == 1

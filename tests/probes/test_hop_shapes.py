"""Every shape of a hop, on every kind of loop, is one hop with the right origin."""

import asyncio
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import anyio
import anyio.to_thread
import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from channels.db import aclose_old_connections, database_sync_to_async
from django.test import TestCase
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author
from tests.unit.callsites.test_callsite import imported_from

pytestmark = pytest.mark.django_db(transaction=True)


def load(*_):
    """Something that is sent to a thread."""
    return 42


decorated = sync_to_async(load)  # Made at import, before any recording.
decorated_by_channels = database_sync_to_async(load)


class Shop:
    """Something whose method hops."""

    @sync_to_async
    def save(self):
        """Hop, as a method."""
        return 42

    def load(self):
        """Be sent to a thread, bound."""
        return 42


async def in_executor(executor=None):
    """Use the loop's own way to a thread."""
    return await asyncio.get_running_loop().run_in_executor(executor, load)


async def in_a_pool(send):
    """Use a pool of your own."""
    with ThreadPoolExecutor(1) as pool:
        return await send(pool)


async def in_a_context():
    """Do as an ASGI server does for each request."""
    async with ThreadSensitiveContext():
        return await sync_to_async(load)()


async def count_of_authors():
    """Ask Django's ORM."""
    return 42 + await Author.objects.acount()


async def in_a_task():
    """Let a task of its own hop."""
    return await asyncio.create_task(sync_to_async(load)())


async def later_by_starlette():
    """Let a library decide."""
    await BackgroundTask(load)()
    return 42


async def file_by_anyio():
    """Let another library decide."""
    return 42 + 0 * len(await anyio.Path(__file__).read_bytes())


async def look_up():
    """Look up a name: the loop does it in a thread of its own."""
    await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    return 42


async def close_by_channels():
    """Let channels close what is old."""
    await aclose_old_connections()
    return 42


async def nothing():
    """Stay on the loop."""
    await asyncio.sleep(0)
    return 42


LIBRARY = """
import asyncio
import functools

import anyio.to_thread
from asgiref.sync import sync_to_async


def in_thread(function):
    return sync_to_async(function)


def threaded(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await sync_to_async(function)(*args)

    return wrapper


def prepared(function):
    def wrapper(*args):
        def call():
            return function(*args)

        return sync_to_async(call)()

    return wrapper


def by_anyio(function):
    async def wrapper(*args):
        return await anyio.to_thread.run_sync(functools.partial(function, *args))

    return wrapper


def by_executor(function):
    async def wrapper(*args):
        return await asyncio.get_running_loop().run_in_executor(None, functools.partial(function, *args))

    return wrapper


class DatabaseAdapter(sync_to_async(len).__class__):
    def __call__(self, *args):
        return super().__call__(*args)


async def send(function):
    return await sync_to_async(function)()


async def count(queryset):
    return 42 + await sync_to_async(queryset.count)()


async def send_each(functions):
    async def send_one(function):
        return await sync_to_async(function)()

    return [await send_one(function) for function in functions][0]


def work():
    return 42


awork = sync_to_async(work)
athread = in_thread(work)
ainfo = sync_to_async(asyncio.Lock)


async def run(adapter):
    return await adapter()
"""
library = imported_from("/venv/lib/python3.13/site-packages/sender.py", LIBRARY)

decorated_by_library = library.in_thread(load)
decorated_by_wrapper = library.threaded(load)


async def count_by_library():
    """Give a function of Django's to a library's factory."""
    return 42 + await library.in_thread(Author.objects.count)()


async def count_by_wrapper():
    """Give it to another one."""
    return 42 + await library.threaded(Author.objects.count)()


async def library_made_it_for_itself():
    """Await what a library has made of a function of Python's."""
    await library.ainfo()
    return 42


SHAPES = {
    "sync_to_async": (lambda: sync_to_async(load)(), "sync_to_async", "project", True),
    "decorated at import": (lambda: decorated(), "sync_to_async", "project", True),
    "decorated method": (lambda: Shop().save(), "sync_to_async", "project", True),
    "bound method": (lambda: sync_to_async(Shop().load)(), "sync_to_async", "project", True),
    "partial": (lambda: sync_to_async(partial(load))(), "sync_to_async", "project", True),
    "not thread-sensitive": (
        lambda: sync_to_async(load, thread_sensitive=False)(),
        *("sync_to_async", "project", False),
    ),
    "own executor": (
        lambda: in_a_pool(lambda pool: sync_to_async(load, thread_sensitive=False, executor=pool)()),
        *("sync_to_async", "project", False),
    ),
    "thread-sensitive context": (in_a_context, "sync_to_async", "project", True),
    "in a task": (in_a_task, "sync_to_async", "project", True),
    "to_thread": (lambda: asyncio.to_thread(load), "executor", "project", None),
    "run_in_executor": (in_executor, "executor", "project", None),
    "run_in_executor, own pool": (lambda: in_a_pool(in_executor), "executor", "project", None),
    "submit": (
        lambda: in_a_pool(lambda pool: asyncio.wrap_future(pool.submit(load))),
        *("executor", "project", None),
    ),
    "anyio": (lambda: anyio.to_thread.run_sync(load), "anyio", "project", None),
    "starlette": (lambda: run_in_threadpool(load), "anyio", "project", None),
    "starlette, by itself": (later_by_starlette, "anyio", "library:starlette", None),
    "anyio, by itself": (file_by_anyio, "anyio", "library:anyio", None),
    "channels": (lambda: database_sync_to_async(load)(), "sync_to_async", "project", True),
    "channels, decorated": (lambda: decorated_by_channels(), "sync_to_async", "project", True),
    "channels, by itself": (close_by_channels, "sync_to_async", "library:channels", True),
    "a library's factory": (lambda: library.in_thread(load)(), "sync_to_async", "project", True),
    "a library's factory, at import": (lambda: decorated_by_library(), "sync_to_async", "project", True),
    "a library's factory, bound": (
        lambda: library.in_thread(Shop().load)(),
        *("sync_to_async", "project", True),
    ),
    "a library's factory, Django's": (count_by_library, "sync_to_async", "project", True),
    "a library's wrapper": (lambda: library.threaded(load)(), "sync_to_async", "project", True),
    "a library's wrapper, at import": (lambda: decorated_by_wrapper(), "sync_to_async", "project", True),
    "a library's wrapper, Django's": (count_by_wrapper, "sync_to_async", "project", True),
    "a library's prepared call": (lambda: library.prepared(load)(), "sync_to_async", "project", True),
    "a library's anyio": (lambda: library.by_anyio(load)(), "anyio", "project", None),
    "a library's executor": (lambda: library.by_executor(load)(), "executor", "project", None),
    "a library's class": (lambda: library.DatabaseAdapter(load)(), "sync_to_async", "project", True),
    "a library": (lambda: library.send(load), "sync_to_async", "library:sender", True),
    "a library, with a loop": (lambda: library.send_each([load]), "sync_to_async", "library:sender", True),
    "a library, Django's": (
        lambda: library.count(Author.objects),
        *("sync_to_async", "library:sender", True),
    ),
    "a library's own": (lambda: library.awork(), "sync_to_async", "library:sender", True),
    "a library's own factory": (lambda: library.athread(), "sync_to_async", "library:sender", True),
    "a library's own, Python's": (
        library_made_it_for_itself,
        *("sync_to_async", "library:sender", True),
    ),
    "a library runs it": (
        lambda: library.run(library.in_thread(load)),
        *("sync_to_async", "library:sender", True),
    ),
    "Django's ORM": (count_of_authors, "sync_to_async", "django", True),
}
NO_HOPS = {"a name look-up": look_up, "nothing": nothing}


def run_on_asyncio(make):
    """Run on Python's own loop."""

    async def run():
        return await make()

    return asyncio.run(run())


def run_on_uvloop(make):
    """Run on uvloop."""
    if sys.platform == "win32":
        pytest.skip("there is no uvloop for Windows")
    import uvloop

    async def run():
        return await make()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def run_by_async_to_sync(make):
    """Run below sync code, where thread-sensitive calls come back to this thread."""

    async def run():
        return await make()

    return async_to_sync(run)()


@pytest.fixture(autouse=True)
def nothing_is_left_on_asgirefs_thread():
    """A connection there would outlive the test, and the database."""
    yield
    close_on_asgiref_thread()


LOOPS = [run_on_asyncio, run_on_uvloop, run_by_async_to_sync]


@pytest.mark.parametrize("run", LOOPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_one_hop_on_every_loop(recorder, shape, run):
    """With its way, its origin, and whether it was bound to one thread."""
    make, *expected = SHAPES[shape]

    with recorder.record() as recording:
        assert run(make) == 42

    outwards = [hop for hop in recording.hops if hop.leaves_the_loop]
    assert [[hop.via, hop.origin, hop.is_thread_sensitive] for hop in outwards] == [expected]
    (hop,) = outwards
    assert hop.call_path
    assert hop.waited > 0
    assert hop.seconds > 0
    assert hop.queries == (shape.endswith(("Django's", "Django's ORM")))
    assert hop.part == ("orm" if shape == "Django's ORM" else "")
    inwards = [hop for hop in recording.hops if not hop.leaves_the_loop]
    assert len(inwards) == (run is run_by_async_to_sync)


@pytest.mark.parametrize("run", LOOPS)
@pytest.mark.parametrize("shape", NO_HOPS)
def test_what_a_loop_does_for_itself_is_no_hop(recorder, shape, run):
    """asyncio's own calls, such as resolving host names, do not count."""
    with recorder.record() as recording:
        assert run(NO_HOPS[shape]) == 42

    assert [hop for hop in recording.hops if hop.leaves_the_loop] == []


@pytest.mark.parametrize("run", LOOPS)
def test_a_hop_knows_the_one_that_it_follows(recorder, run):
    """Its task has awaited nothing else since. Hops of other tasks in between do not matter."""

    async def hop_twice():
        await decorated()
        await Author.objects.acount()

    async def several():
        await hop_twice()
        await asyncio.sleep(0)
        await decorated()
        await asyncio.to_thread(load)
        await decorated()
        await asyncio.gather(hop_twice(), hop_twice())
        return 42

    with recorder.record() as recording:
        run(several)

    hops = [hop for hop in recording.hops if hop.leaves_the_loop]
    place_of = {hop.number: place for place, hop in enumerate(hops)}
    follows = [place_of.get(hop.follows) for hop in hops]
    # The fifth follows what asgiref did not send, and the next two are first in their tasks.
    assert follows[:7] == [None, 0, None, 2, None, None, None]
    assert sorted(follows[7:]) == [5, 6]


async def test_hops_count_under_pytest_asyncio(recorder):
    """The plugin of this test."""
    with recorder.record() as recording:
        await decorated()
        await Author.objects.acount()

    assert [(hop.origin, hop.queries) for hop in recording.hops] == [("project", 0), ("django", 1)]


@pytest.mark.parametrize("anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True})])
def test_hops_count_under_anyios_plugin(recorder, anyio_backend):
    """Its runner drives a test as it drives this coroutine."""
    backend, options = anyio_backend if isinstance(anyio_backend, tuple) else (anyio_backend, {})

    async def run():
        await decorated()
        await anyio.to_thread.run_sync(load)
        await Author.objects.acount()

    with recorder.record() as recording:
        anyio.run(run, backend=backend, backend_options=options)

    assert [(hop.via, hop.origin) for hop in recording.hops] == [
        ("sync_to_async", "project"),
        ("anyio", "project"),
        ("sync_to_async", "django"),
    ]


class TestOfDjango(TestCase):
    """Django runs an asynchronous test by async_to_sync."""

    async def test_hops_count_in_djangos_test_case(self):
        """The thread-sensitive ones come back to the thread of the test, on its own connection."""
        from pytest_dbperf.probes.listening import RECORDER

        with RECORDER.record() as recording:
            await decorated()
            await Author.objects.acount()

        assert [(hop.origin, hop.ran_in, hop.queries) for hop in recording.hops] == [
            ("project", "MainThread", 0),
            ("django", "MainThread", 1),
        ]

"""Every hop between an event loop and a thread is counted, with its origin."""

import asyncio
import inspect
import socket
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

import anyio.to_thread
import pytest
from asgiref.sync import SyncToAsync, ThreadSensitiveContext, async_to_sync, sync_to_async
from django.test import AsyncClient, Client
from django.utils.deprecation import MiddlewareMixin

from pytest_dbperf.recording import cause
from shop.models import Author
from tests.factories import functions_of

pytestmark = pytest.mark.django_db(transaction=True)


def load():
    """Something that is sent to a thread."""
    return 42


decorated = sync_to_async(load)  # Made at import, before any recording.


class Loader:
    """Something that can be called."""

    def __call__(self):
        return 42


class Shop:
    """Something whose method hops."""

    @sync_to_async
    def save(self):
        """Hop, as a method."""
        return 42


def summary(recording):
    """The hops of a recording."""
    return [(hop.via, hop.function, hop.origin) for hop in recording.hops]


async def run_in_executor(*args):
    """Use the loop's own way to a thread."""
    return await asyncio.get_running_loop().run_in_executor(*args)


async def in_an_own_executor():
    """Use a pool of your own, from a loop."""
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.wrap_future(pool.submit(load))


async def with_an_executor():
    """Tell asgiref which pool to use."""
    with ThreadPoolExecutor(1) as pool:
        return await sync_to_async(load, thread_sensitive=False, executor=pool)()


async def in_a_context():
    """Do as an ASGI server does for each request."""
    async with ThreadSensitiveContext():
        return await sync_to_async(load)()


@pytest.mark.parametrize(
    ("make", "hop"),
    [
        (lambda: sync_to_async(load)(), ("sync_to_async", "load", "project")),
        (lambda: decorated(), ("sync_to_async", "load", "project")),
        (lambda: Shop().save(), ("sync_to_async", "Shop.save", "project")),
        (lambda: sync_to_async(partial(load))(), ("sync_to_async", "load", "project")),
        (lambda: sync_to_async(load, thread_sensitive=False)(), ("sync_to_async", "load", "project")),
        (with_an_executor, ("sync_to_async", "load", "project")),
        (in_a_context, ("sync_to_async", "load", "project")),
        (lambda: asyncio.to_thread(load), ("executor", "load", "project")),
        (lambda: run_in_executor(None, load), ("executor", "load", "project")),
        (lambda: run_in_executor(None, Loader()), ("executor", "Loader", "project")),
        (in_an_own_executor, ("executor", "load", "project")),
        (lambda: anyio.to_thread.run_sync(load), ("anyio", "load", "project")),
    ],
)
def test_every_way_to_a_thread_is_one_hop(recorder, make, hop):
    """It is one hop, however many layers take part in it."""

    async def run():
        return await make()

    with recorder.record() as recording:
        assert asyncio.run(run()) == 42

    assert summary(recording) == [hop]
    assert recording.hops[0].call_path
    assert recording.hops[0].leaves_the_loop


@pytest.mark.parametrize(
    "make",
    [
        decorated,
        lambda: asyncio.to_thread(load),
        lambda: run_in_executor(None, load),
        lambda: anyio.to_thread.run_sync(load),
    ],
)
def test_an_idle_probe_forwards(recorder, make):
    """While nothing is recorded, the wrapped function works as before."""

    async def run():
        return await make()

    assert asyncio.run(run()) == 42
    assert recorder.log == []


def test_async_to_sync_is_a_hop_the_other_way(recorder):
    """It makes a loop run in another thread, and does not leave one."""
    with recorder.record() as recording:
        assert async_to_sync(decorated)() == 42

    assert summary(recording) == [
        ("async_to_sync", "SyncToAsync", "project"),
        ("sync_to_async", "load", "project"),
    ]
    assert not recording.hops[0].leaves_the_loop


def test_an_idle_probe_forwards_async_to_sync(recorder):
    """While nothing is recorded, the wrapped function works as before."""
    assert async_to_sync(decorated)() == 42
    assert recorder.log == []


async def test_the_origin_of_the_async_orms_hops_is_django(recorder):
    """`await qs.aget()` is `sync_to_async(qs.get)()`, in every Django up to 6.1."""
    with recorder.record() as recording:
        await Author.objects.acount()
        await Author.objects.filter(name="Ada").afirst()
        async for _ in Author.objects.all():
            pass

    assert {(hop.via, hop.origin) for hop in recording.hops} == {("sync_to_async", "django")}
    assert len(recording.hops) == len(recording.queries) == 3


def test_a_name_look_up_is_not_a_hop(recorder):
    """The loop uses threads of its own for what has no asynchronous way."""

    async def look_up():
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    with recorder.record() as recording:
        asyncio.run(look_up())

    assert recording.hops == []


def test_a_thread_that_no_loop_waits_for_is_not_a_hop(recorder):
    """Sync code may use a pool as it likes."""
    with recorder.record() as recording, ThreadPoolExecutor(1) as pool:
        assert pool.submit(load).result() == 42

    assert recording.hops == []


def test_one_request_has_hops_of_two_origins(recorder):
    """The origins are told apart in one request."""
    with recorder.record() as recording:
        response = async_to_sync(AsyncClient().get)("/count/")

    assert response.status_code == 200
    origins = [hop.origin for hop in recording.hops if hop.function == "QuerySet.count"]
    assert origins == ["project", "django"]
    assert {hop.origin for hop in recording.hops if hop.function != "QuerySet.count"} == {"django", "project"}
    assert [hop.function for hop in recording.hops if hop.origin == "project"][0] == "AsyncClient.get"


def test_a_sync_client_enters_an_async_view_by_a_hop_of_django(recorder):
    """Under WSGI there is one hop into the loop."""
    with recorder.record() as recording:
        Client().get("/count/")

    assert summary(recording)[0] == ("async_to_sync", "count_both_ways", "django")


def test_the_caller_of_djangos_adapter_is_not_its_author(recorder, settings):
    """A sync-only middleware of yours makes Django adapt, and calls what Django made."""
    settings.MIDDLEWARE = ["tests.probes.test_hops.sync_only"]
    with recorder.record() as recording:
        Client().get("/count/")

    assert [hop.origin for hop in recording.hops if not hop.leaves_the_loop] == ["django"]


@pytest.mark.parametrize(
    ("other", "others_adapt"),
    [("django.middleware.common.CommonMiddleware", True), ("tests.probes.test_hops.OnTheLoop", False)],
)
def test_an_adapter_knows_whether_the_other_middlewares_could_do_without(
    recorder, settings, other, others_adapt
):
    """One that runs on the loop wherever it stands would need adapters anyway."""
    settings.MIDDLEWARE = ["tests.probes.test_hops.sync_only", other]
    with recorder.record() as recording:
        async_to_sync(AsyncClient().get)("/count/")

    adapters = [hop for hop in recording.hops if hop.part == "middleware:sync_only"]
    assert [(hop.via, hop.others_adapt) for hop in adapters] == [
        ("sync_to_async", others_adapt),
        ("async_to_sync", others_adapt),
    ]


def test_a_middleware_that_is_not_there_is_djangos_to_tell(recorder, settings):
    """The plugin looks at all of them first."""
    settings.MIDDLEWARE = ["shop.no_such_middleware"]

    with recorder.record(), pytest.raises(ImportError, match="no_such_middleware"):
        Client().get("/count/")


class OnTheLoop(MiddlewareMixin):
    """A middleware that cannot run in a thread."""

    sync_capable = False

    def process_request(self, request):
        """Do nothing."""


def sync_only(get_response):
    """A middleware as Django's documentation shows it."""

    def middleware(request):
        return get_response(request)

    return middleware


async def test_a_hop_is_blamed_on_the_line_that_awaits(recorder):
    """Also when the task was made somewhere else."""
    with recorder.record() as recording:
        await decorated()
        await asyncio.gather(decorated(), asyncio.create_task(decorated()))

    names = [functions_of(hop)[0] for hop in recording.hops]
    assert names == ["test_a_hop_is_blamed_on_the_line_that_awaits"] * 3


def test_a_task_in_its_own_context_is_blamed_on_its_creator(recorder):
    """A Runner has one context for all its tasks."""

    def first(runner):
        runner.run(decorated())

    def second(runner):
        runner.run(decorated())

    with recorder.record() as recording, asyncio.Runner() as runner:
        first(runner)
        second(runner)

    assert [functions_of(hop)[0] for hop in recording.hops] == ["first", "second"]


def test_a_task_may_share_the_context_of_its_creator(recorder):
    """asyncio allows it, so it works."""
    context = copy_context()

    async def outer():
        return await asyncio.get_running_loop().create_task(decorated(), context=context)

    async def run():
        return await asyncio.get_running_loop().create_task(outer(), context=context)

    with recorder.record():
        assert asyncio.run(run()) == 42


def test_calls_may_share_a_context_one_after_the_other(recorder):
    """They enter it in their thread, and it comes back as it was."""
    context = copy_context()

    async def run():
        with ThreadPoolExecutor(1) as pool:
            loop = asyncio.get_running_loop()
            calls = [loop.run_in_executor(pool, partial(context.run, load)) for _ in range(2)]
            return [*await asyncio.gather(*calls), await loop.run_in_executor(pool, context.run, load)]

    with recorder.record() as recording:
        assert asyncio.run(run()) == [42] * 3

    assert [(hop.function, hop.seconds is not None) for hop in recording.hops] == [("load", True)] * 3
    assert cause.inherited not in context


@pytest.mark.skipif(
    "context" not in inspect.signature(SyncToAsync).parameters, reason="asgiref 3.11 brought the argument"
)
async def test_a_hop_in_a_context_of_yours_has_its_queries(recorder):
    """The context lacks the cause of the hop, so the call sets it."""
    context = copy_context()

    with recorder.record() as recording:
        await sync_to_async(Author.objects.count, context=context)()

    (hop,) = recording.hops
    assert (hop.function, hop.queries) == ("QuerySet.count", 1)
    assert hop.seconds > 0
    assert functions_of(recording.queries[0])[0] == "test_a_hop_in_a_context_of_yours_has_its_queries"
    assert cause.inherited not in context


@pytest.mark.parametrize("sent", ["a loop", "a look-up"])
def test_what_you_send_to_a_thread_is_a_hop_whatever_it_is(recorder, sent):
    """Host name look-ups are no hop only if asyncio or asgiref sends them."""

    async def nothing():
        """Do nothing."""

    async def run():
        if sent == "a loop":
            await asyncio.to_thread(asyncio.run, nothing())
        else:
            await asyncio.to_thread(socket.gethostbyname, "127.0.0.1")

    with recorder.record() as recording:
        asyncio.run(run())

    assert [(hop.via, hop.origin) for hop in recording.hops] == [("executor", "project")]


async def test_a_call_that_asgiref_refuses_is_no_hop(recorder):
    """It would block the loop."""

    async def nothing():
        """Do nothing."""

    with recorder.record() as recording, pytest.raises(RuntimeError, match="same thread"):
        async_to_sync(nothing)()

    assert recording.hops == []


def test_a_hop_follows_one_of_its_own_task_only(recorder):
    """Another task may be woken in the same moment."""
    done = []

    async def hop_when_done(is_first):
        # An event would wake it a moment later.
        while not is_first and not done:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await decorated()
        done.append(is_first)

    async def run():
        await asyncio.gather(hop_when_done(is_first=True), hop_when_done(is_first=False))

    with recorder.record() as recording:
        asyncio.run(run())

    assert [hop.follows for hop in recording.hops] == [0, 0]


def test_an_abandoned_coroutine_does_no_harm(recorder):
    """It may be closed in another context than the one it began in."""

    async def run():
        coroutine = decorated()
        copy_context().run(coroutine.send, None)
        coroutine.close()
        return await decorated()

    with recorder.record() as recording:
        assert asyncio.run(run()) == 42

    assert len(recording.hops) == 2


def test_counting_alone_takes_no_paths(recorder):
    """A recording without call sites costs less, and counts the same."""
    with recorder.record(call_sites=False) as recording:
        asyncio.run(asyncio.wait_for(decorated(), 60))

    assert [hop.call_path for hop in recording.hops] == [()]

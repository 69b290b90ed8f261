"""A failure about hops names their origin, their cost, and the change to make."""

import json

import pytest

from tests.plugin.conftest import failure_of, line_of

VIEWS = """
import asyncio

from asgiref.sync import sync_to_async
from django.http import JsonResponse
from shop.models import Author


def several():
    return Author.objects.count(), Author.objects.exists(), list(Author.objects.all())


async def one_by_one(request):
    first = await Author.objects.acount()
    second = await sync_to_async(Author.objects.exists)()
    third = await Author.objects.afirst()
    await asyncio.sleep(0)
    await Author.objects.acount()
    return JsonResponse({"found": [first, second, third is None]})


async def in_a_loop(request):
    return JsonResponse({"found": [await Author.objects.acount() for _ in range(5)]})


async def together(request):
    return JsonResponse({"found": len(await sync_to_async(several)())})


async def at_once(request):
    return JsonResponse({"found": await asyncio.gather(Author.objects.acount(), Author.objects.acount())})


def sync_only(get_response):
    def middleware(request):
        return get_response(request)

    return middleware
"""
URLS = """
from django.urls import path
from shop import hopping, urls

urlpatterns = urls.urlpatterns + [
    path("one-by-one/", hopping.one_by_one),
    path("in-a-loop/", hopping.in_a_loop),
    path("together/", hopping.together),
    path("at-once/", hopping.at_once),
]
"""
SETTINGS = """
from settings import *

ROOT_URLCONF = "hopping_urls"
MIGRATION_MODULES = {}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "shop",
]
SEVEN = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = SEVEN
"""
OURS = "shop.hopping.sync_only"


@pytest.fixture
def hopping(suite):
    """A project with asynchronous views, and Django's seven middlewares."""
    suite.file("shop/hopping.py", VIEWS)
    suite.file("hopping_urls.py", URLS)
    suite.file("hopping_settings.py", SETTINGS)
    suite.ini()
    suite.run_all = lambda source, *args: suite.run_tests(source, "--ds=hopping_settings", *args)
    return suite


def blocks_of(result, test):
    """The rows and the advice of a failure."""
    lines = failure_of(result, test)
    blank = [number for number, line in enumerate(lines) if not line]
    return lines[blank[0] + 1 : blank[1]], lines[blank[1] + 1 : blank[2]]


def test_a_request_is_told_by_who_hopped_and_what_could_be_one_hop(hopping):
    """Three calls, one after the other, could be one hop; the fourth waited for something else before."""
    result = hopping.run_all(
        """
@committed
@pytest.mark.max_thread_hops(18, per_request=True)
def test_hops(asgi_client):
    asgi_client.get("/books/")
    asgi_client.get("/one-by-one/")
"""
    )

    text = failure_of(result, "test_hops")
    place, calls = line_of(hopping, "@committed"), line_of(hopping, "/one-by-one/")
    assert text[0] == (
        "thread hops 19 > 18 (+1)   "
        f"max_thread_hops(18, per_request=True) at test_it.py:{place}   GET /one-by-one/"
    )
    rows, advice = blocks_of(result, "test_hops")
    assert rows[0].startswith("   13x  middlewares: CsrfViewMiddleware 3, SecurityMiddleware 2, ")
    assert rows[2] == "    1x  signal: sync_to_async(Signal.asend.<locals>.sync_send)"
    lines = [line_of(hopping, text, "shop/hopping.py") for text in ("first =", "second =", "third =")]
    assert rows[4:8] == [
        "    1x  orm: sync_to_async(QuerySet.count)   1 query in it",
        f"        shop/hopping.py:{lines[0]} one_by_one  <- test_it.py:{calls} test_hops",
        "    1x  sync_to_async(QuerySet.exists)   1 query in it",
        f"        shop/hopping.py:{lines[1]} one_by_one  <- test_it.py:{calls} test_hops",
    ]
    assert advice == [
        "  fix   make these calls in one sync_to_async function, 3 -> 1 hops: "
        f"shop/hopping.py:{lines[0]},{lines[1]},{lines[2]} one_by_one",
        "  note  aexists() is shorter than sync_to_async(QuerySet.exists), but it hops too: no faster",
    ]


def test_the_batch_that_is_advised_makes_as_few_hops_as_it_says(hopping):
    """Five calls in a loop are five hops, and in one function one."""
    result = hopping.run_all(
        """
@committed
@pytest.mark.max_thread_hops(19)
def test_loop(asgi_client):
    asgi_client.get("/in-a-loop/")

@committed
@pytest.mark.max_thread_hops(15)
def test_batch(asgi_client):
    asgi_client.get("/together/")
"""
    )

    line = line_of(hopping, "for _ in range(5)", "shop/hopping.py")
    assert failure_of(result, "test_loop")[0].startswith("thread hops 20 > 19")
    assert blocks_of(result, "test_loop")[1] == [
        "  fix   make these calls in one sync_to_async function, 5 -> 1 hops: "
        f"shop/hopping.py:{line} in_a_loop"
    ]
    # 15 of them are not the view's: 20 - 5 + 1.
    assert failure_of(result, "test_batch")[0].startswith("thread hops 16 > 15")
    line = line_of(hopping, "sync_to_async(several)", "shop/hopping.py")
    assert blocks_of(result, "test_batch")[1] == [
        f"  note  several runs 3 queries in one hop, cheaper than 3 hops: shop/hopping.py:{line} together"
    ]


def test_a_sync_only_middleware_is_named_and_moving_it_saves_what_was_told(hopping):
    """It makes those before it run in its thread, and those behind it hop."""
    result = hopping.run_all(
        """
OURS = "shop.hopping.sync_only"

@committed
@pytest.mark.max_thread_hops(0)
@pytest.mark.parametrize("place", [4, 7])
def test_middleware(asgi_client, settings, place):
    settings.MIDDLEWARE = [*settings.SEVEN[:place], OURS, *settings.SEVEN[place:]]
    asgi_client.get("/together/")
"""
    )

    why = "  why   middleware sync_only is sync-only in an async stack: 2 hops for each request"
    assert failure_of(result, r"test_middleware\[4\]")[0].startswith("thread hops 10 > 0")
    assert blocks_of(result, r"test_middleware\[4\]")[1][1:] == [
        why,
        "  fix   move sync_only to the end of MIDDLEWARE, below AuthenticationMiddleware, MessageMiddleware, "
        "XFrameOptionsMiddleware: 10 -> 6 hops",
    ]
    assert failure_of(result, r"test_middleware\[7\]")[0].startswith("thread hops 6 > 0")
    assert blocks_of(result, r"test_middleware\[7\]")[1][1:] == [why]


def test_an_async_only_middleware_in_a_sync_stack_is_named(hopping):
    """The other way round, under WSGI."""
    hopping.file(
        "shop/asynchronous.py",
        """
from django.utils.decorators import async_only_middleware

@async_only_middleware
def async_only(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware
""",
    )
    result = hopping.run_all(
        """
@committed
@pytest.mark.max_thread_hops(0)
@pytest.mark.parametrize("place", [0, 2])
def test_middleware(client, settings, place):
    settings.MIDDLEWARE = settings.SEVEN.copy()
    settings.MIDDLEWARE.insert(place, "shop.asynchronous.async_only")
    client.get("/books/")
"""
    )

    why = "  why   middleware async_only is async-only in a sync stack: 2 hops for each request"
    assert failure_of(result, r"test_middleware\[0\]")[0].startswith("thread hops 2 > 0")
    assert blocks_of(result, r"test_middleware\[0\]")[1] == [why]
    assert failure_of(result, r"test_middleware\[2\]")[0].startswith("thread hops 6 > 0")
    assert blocks_of(result, r"test_middleware\[2\]")[1] == [
        why,
        "  fix   move async_only to the top of MIDDLEWARE, above SecurityMiddleware, SessionMiddleware: "
        "6 -> 2 hops",
    ]


def test_a_hop_is_allowed_by_its_function_and_by_its_call_site(hopping):
    """What no test needs is named when all have passed; a pattern that one of them needs is not."""
    result = hopping.run_all(
        """
@committed
@pytest.mark.parametrize("path", ["one-by-one", "together"])
@pytest.mark.no_sync_to_async(allow=["several", "shop/hopping.py:15", "nobody"])
async def test_hops(async_client, path):
    await async_client.get(f"/{path}/")

@committed
async def test_a_part(async_client, no_sync_to_async):
    async with no_sync_to_async(allow=["shop/*.py", "create_*"]):
        await async_client.get("/together/")
""",
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(passed=3)
    part, marker = line_of(hopping, "async with"), line_of(hopping, "@committed")
    assert [line for line in result.outlines if line.startswith("dbperf: unused")] == [
        f"dbperf: unused allowance 'create_*' in no_sync_to_async at test_it.py:{part}",
        f"dbperf: unused allowance 'nobody' in no_sync_to_async at test_it.py:{marker}",
    ]
    run = json.loads((hopping.path / "run.json").read_text())
    assert {unused["pattern"] for unused in run["unused_allowances"]} == {"create_*", "nobody"}


def test_no_allowance_is_called_unused_when_a_test_failed(hopping):
    """The one that failed may have needed it."""
    result = hopping.run_all(
        """
@committed
@pytest.mark.no_sync_to_async(allow=["nobody"])
async def test_hops(async_client):
    assert False
"""
    )

    assert "unused allowance" not in result.stdout.str()


def test_parts_of_django_are_told_apart(hopping):
    """Who was asked counts: sessions and accounts are kept by the ORM, and are not told as such."""
    result = hopping.run_all(
        """
from django.contrib.auth import aauthenticate, alogin
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.dispatch import Signal


def receive(**_):
    pass


async def parts(dbperf, do):
    with dbperf.record() as recording:
        await do()
    assert {hop.origin for hop in recording.hops} == {"django"}
    return {hop.part for hop in recording.hops}


@committed
async def test_parts(dbperf, rf):
    assert await parts(dbperf, Author.objects.acount) == {"orm"}
    assert await parts(dbperf, lambda: User.objects.acreate_user("ada", password="secret")) == {"auth"}
    ada = await User.objects.aget()
    assert await parts(dbperf, lambda: aauthenticate(username="ada", password="secret")) == {"auth"}
    request = rf.get("/")
    request.session = SessionStore()
    request.session["seen"] = 1
    assert await parts(dbperf, request.session.asave) == {"session"}
    assert await parts(dbperf, lambda: alogin(request, ada)) == {"auth", "signal"}
    assert await parts(dbperf, lambda: cache.aget("seen")) == {"cache"}
    sent = Signal()
    sent.connect(receive)
    assert await parts(dbperf, lambda: sent.asend(None)) == {"signal"}


@committed
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/books/", {"signal", "view-adapter", "response-close"}),
        ("/nowhere/", {"signal", "error-response", "response-log", "response-close"}),
    ],
)
def test_requests(asgi_client, dbperf, settings, path, expected):
    settings.MIDDLEWARE = []
    asgi_client.get(path)
    assert {hop.part for hop in dbperf.hops} == expected
    assert {hop.part for hop in dbperf.hops if hop.is_in_view} == expected & {"view-adapter"}
    assert {str(hop.request) for hop in dbperf.hops} == {f"GET {path}"}


@committed
def test_an_async_view_in_a_sync_stack(client, dbperf, settings):
    settings.MIDDLEWARE = []
    client.get("/together/")
    assert [(hop.via, hop.counted_as) for hop in dbperf.hops] == [
        ("async_to_sync", "view-adapter"),
        ("sync_to_async", "project"),
    ]
"""
    )

    result.assert_outcomes(passed=4)


def test_the_report_has_the_hops_of_each_request(hopping):
    """Of the view, each middleware and the signals, in the table and as JSON."""
    result = hopping.run_all(
        """
@committed
def test_hops(asgi_client):
    asgi_client.get("/together/")
    asgi_client.get("/one-by-one/")
    asgi_client.get("/together/")
""",
        "--dbperf-report=term",
        "--dbperf-report=json:run.json",
    )

    result.stdout.fnmatch_lines(
        [
            "   hops  in view  request",
            "     19        4  GET /one-by-one/",
            "                  orm 3, project 1, response-close 1, signal 1, middlewares 13",
            "                  (CsrfViewMiddleware 3, CommonMiddleware 2, MessageMiddleware 2,",
            "                  SecurityMiddleware 2, SessionMiddleware 2, AuthenticationMiddleware 1,",
            "                  XFrameOptionsMiddleware 1)",
            "     16        1  GET /together/",
            "                  project 1, response-close 1, signal 1, middlewares 13",
        ]
    )
    (test,) = json.loads((hopping.path / "run.json").read_text())["tests"]
    assert [request["hops_in_view"] for request in test["requests"]] == [1, 4, 1]
    assert test["requests"][0]["hops"] == {
        "middleware:AuthenticationMiddleware": 1,
        "middleware:CommonMiddleware": 2,
        "middleware:CsrfViewMiddleware": 3,
        "middleware:MessageMiddleware": 2,
        "middleware:SecurityMiddleware": 2,
        "middleware:SessionMiddleware": 2,
        "middleware:XFrameOptionsMiddleware": 1,
        "project": 1,
        "response-close": 1,
        "signal": 1,
    }
    together = next(group for group in test["hop_groups"] if group["function"] == "several")
    assert together.pop("waited_ms") > 0
    assert together.pop("ms") > 0
    line = line_of(hopping, "sync_to_async(several)", "shop/hopping.py")
    calls = line_of(hopping, "/together/")
    assert together.pop("call_path") == [f"shop/hopping.py:{line} together", f"test_it.py:{calls} test_hops"]
    assert together == {
        "count": 1,
        "via": "sync_to_async",
        "function": "several",
        "origin": "project",
        "part": None,
        "thread_sensitive": True,
        "queries": 3,
    }


def test_hops_that_queue_for_a_thread_are_told(hopping):
    """Ten at once on asgiref's one thread wait for each other."""
    result = hopping.run_tests(
        """
@committed
@pytest.mark.max_thread_hops(0)
async def test_queue():
    def block():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)" if connection.vendor == "postgresql" else "SELECT 1")

    await asyncio.gather(*(sync_to_async(block)() for _ in range(10)))
"""
    )

    (queue,) = [line for line in result.outlines if line.startswith("  why   hops waited ")]
    assert queue.endswith(" ms for each other: a thread runs one at a time")


def test_hops_count_under_anyios_plugin(suite):
    """Its tests are run by a runner of its own."""
    backend = "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    suite.file("conftest.py", backend)
    text = (suite.path / "pytest.ini").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("asyncio_")]
    (suite.path / "pytest.ini").write_text("\n".join(lines))
    result = suite.run_tests(
        """
import anyio.to_thread

pytestmark = pytest.mark.anyio

@committed
@pytest.mark.max_thread_hops(2)
async def test_within():
    await Author.objects.acount()
    await anyio.to_thread.run_sync(len, "")

@committed
@pytest.mark.no_sync_to_async
async def test_over():
    await Author.objects.acount()
    await anyio.to_thread.run_sync(len, "")
""",
        *("-p", "no:asyncio"),
    )

    result.assert_outcomes(passed=1, failed=1)
    assert failure_of(result, "test_over")[2] == "    1x  len in a thread, by anyio"

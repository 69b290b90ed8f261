"""Each request is counted for itself, however it comes in, and may have a limit of its own."""

import json

import pytest

from tests.plugin.conftest import failure_of, line_of

# The views let Django count their statements, and write down what it says.
VIEWS = """
import asyncio
import json
import os
from pathlib import Path

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from shop.models import Author, Book


def counted(path, number):
    with CaptureQueriesContext(connection) as captured:
        for key in range(number):
            Author.objects.filter(pk=key).exists()
    test = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0]
    line = json.dumps([test, f"GET {path}", len(captured)])
    with Path("django.jsonl").open("a") as file:
        file.write(line + "\\n")


def run(request, number):
    counted(request.path, number)
    return HttpResponse()


async def run_async(request, number):
    await sync_to_async(counted)(request.path, number)
    return HttpResponse()


async def at_once(request, number):
    await asyncio.gather(*(Author.objects.filter(pk=key).aexists() for key in range(number)))
    return HttpResponse()


def outer(request):
    counted(request.path, 1)
    Client().get("/run/3/")
    return HttpResponse()


def both(request):
    for book in Book.objects.all():
        book.author.name
    return HttpResponse()
"""
URLS = """
from django.urls import path, re_path
from shop import counting, urls

urlpatterns = urls.urlpatterns + [
    path("run/<int:number>/", counting.run),
    path("async/<int:number>/", counting.run_async),
    path("at-once/<int:number>/", counting.at_once),
    path("outer/", counting.outer),
    path("both/", counting.both),
    path("", counting.run, {"number": 2}),
]
"""
SETTINGS = """
from settings import *

ROOT_URLCONF = "counting_urls"
"""


@pytest.fixture
def counting(suite):
    """A project with views whose statements Django counts."""
    suite.file("shop/counting.py", VIEWS)
    suite.file("counting_urls.py", URLS)
    suite.file("counting_settings.py", SETTINGS)
    suite.ini()
    suite.run_all = lambda source, *args: suite.run_tests(source, "--ds=counting_settings", *args)
    return suite


CLIENTS = """
@db
def test_client(client):
    for number in (1, 3, 2):
        client.get(f"/run/{number}/")
    client.get("/")

@committed
async def test_async_client(async_client):
    for number in (1, 3):
        await async_client.get(f"/async/{number}/")
        await async_client.get(f"/run/{number}/")

@committed
def test_wsgi(wsgi_client):
    wsgi_client.new(workers=2).gather([f"/run/{number}/" for number in (3, 1, 2)])

@committed
def test_asgi(asgi_client):
    asgi_client.gather([f"/async/{number}/" for number in (2, 3, 1)])

@committed
async def test_asgi_on_a_loop(asgi_client):
    await asyncio.gather(*(asgi_client.aget(f"/async/{number}/") for number in (3, 1, 2)))

@db
def test_nested(client):
    client.get("/outer/")

@db
def test_view_without_a_request(rf):
    from shop.counting import run
    run(rf.get("/run/4/"), 4)
"""


def requests_of(suite):
    """The requests of each test in the JSON report, as text and number of queries."""
    tests = json.loads((suite.path / "run.json").read_text())["tests"]
    return {
        test["id"].split("::")[1]: sorted((one["request"], one["queries"]) for one in test["requests"])
        for test in tests
    }


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_requests_have_the_numbers_that_django_counts(counting, args):
    """Through every client, one after the other and at once."""
    counting.run_all(CLIENTS, "--dbperf-report=json:run.json", *args).assert_outcomes(passed=7)

    by_django = {}
    for line in (counting.path / "django.jsonl").read_text().splitlines():
        test, request, number = json.loads(line)
        by_django.setdefault(test, []).append((request, number))
    # A view that a test calls itself is no request.
    assert by_django.pop("test_view_without_a_request") == [("GET /run/4/", 4)]
    found = requests_of(counting)
    assert found.pop("test_view_without_a_request") == []
    assert found == {test: sorted(numbers) for test, numbers in by_django.items()}
    assert found["test_asgi"] == [("GET /async/1/", 1), ("GET /async/2/", 2), ("GET /async/3/", 3)]
    assert found["test_nested"] == [("GET /outer/", 1), ("GET /run/3/", 3)]


def failed(result):
    """The names of the tests that failed."""
    return [line.split("::")[1].split(" ")[0] for line in result.outlines if line.startswith("FAILED")]


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_the_suite_limits_each_request(counting, args):
    """A setting in the ini file: each test that makes a larger request fails, and names it with its route."""
    counting.ini("dbperf_query_budget_per_request = 2")
    result = counting.run_all(CLIENTS, *args)

    result.assert_outcomes(failed=6, passed=1)
    of_suite = "queries 3 > 2 (+1)   query_budget(2, per_request=True) in pytest.ini   GET"
    failures = {test: failure_of(result, test) for test in failed(result)}
    assert {test: next(line for line in lines if " > " in line) for test, lines in failures.items()} == {
        "test_client": f"{of_suite} /run/3/ (run/<int:number>/)",
        "test_async_client": f"{of_suite} /async/3/ (async/<int:number>/)",
        "test_wsgi": f"{of_suite} /run/3/ (run/<int:number>/)",
        "test_asgi": f"{of_suite} /async/3/ (async/<int:number>/)",
        "test_asgi_on_a_loop": f"{of_suite} /async/3/ (async/<int:number>/)",
        "test_nested": f"{of_suite} /run/3/ (run/<int:number>/)",
    }


BOTH = """
pytestmark = db

def test_within(client):
    client.get("/run/2/")
    client.get("/run/2/")

def test_over_in_sum(client):
    for _ in range(3):
        client.get("/run/2/")

def test_over_in_one(client):
    client.get("/run/3/")

@pytest.mark.query_budget(9)
def test_marker_of_the_test(client):
    client.get("/run/3/")
    client.get("/run/2/")

@pytest.mark.query_budget(9, per_request=True)
def test_marker_of_requests(client):
    client.get("/run/5/")

@pytest.mark.query_budget(None)
@pytest.mark.query_budget(None, per_request=True)
def test_lifted(client):
    client.get("/run/9/")

@pytest.mark.query_budget(None)
def test_lifted_of_the_test(client):
    client.get("/run/3/")

@pytest.mark.query_budget(None, per_request=True)
def test_lifted_of_requests(client):
    client.get("/run/5/")

def test_window(query_budget, client):
    with query_budget(1, per_request=True):
        client.get("/run/1/")
        client.get("/run/1/")
    with query_budget(1, per_request=True, reason="one list"):
        client.get("/run/1/")
        client.get("/run/2/")
"""


def test_a_limit_of_requests_and_one_of_the_test_do_not_replace_each_other(counting):
    """Each marker replaces the setting of its own form, and leaves the other."""
    counting.ini("dbperf_query_budget = 4", "dbperf_query_budget_per_request = 2")
    result = counting.run_all(BOTH)

    window = line_of(counting, 'reason="one list"')
    in_ini, of_requests = "query_budget(4) in pytest.ini", "query_budget(2, per_request=True) in pytest.ini"
    failures = {test: failure_of(result, test) for test in failed(result)}
    assert {
        test: [line for line in lines if "query_budget(" in line] for test, lines in failures.items()
    } == {
        "test_over_in_sum": [f"queries 6 > 4 (+2)   {in_ini}"],
        "test_over_in_one": [f"queries 3 > 2 (+1)   {of_requests}   GET /run/3/ (run/<int:number>/)"],
        "test_marker_of_the_test": [f"queries 3 > 2 (+1)   {of_requests}   GET /run/3/ (run/<int:number>/)"],
        "test_marker_of_requests": [f"queries 5 > 4 (+1)   {in_ini}   GET /run/5/"],
        "test_lifted_of_the_test": [f"queries 3 > 2 (+1)   {of_requests}   GET /run/3/ (run/<int:number>/)"],
        "test_lifted_of_requests": [f"queries 5 > 4 (+1)   {in_ini}   GET /run/5/"],
        "test_window": [
            f"queries 2 > 1 (+1)   query_budget(1, per_request=True) at test_it.py:{window}   "
            "GET /run/2/ (run/<int:number>/)"
        ],
    }


def test_hops_have_a_setting_for_each_request_too(counting):
    """Beside the one for the whole test."""
    counting.ini("dbperf_max_thread_hops = 25", "dbperf_max_thread_hops_per_request = 9")
    result = counting.run_all(
        """
pytestmark = committed

async def test_within(async_client):
    await async_client.get("/at-once/1/")
    await async_client.get("/at-once/1/")

async def test_over(async_client):
    await async_client.get("/at-once/1/")
    await async_client.get("/at-once/6/")
    await async_client.get("/at-once/7/")

@pytest.mark.max_thread_hops(99)
@pytest.mark.max_thread_hops(99, per_request=True)
async def test_marked(async_client):
    await async_client.get("/at-once/9/")
"""
    )

    result.assert_outcomes(passed=2, failed=1)
    lines = failure_of(result, "test_over")
    (of_requests,) = (line for line in lines if "per_request" in line)
    assert of_requests.endswith(
        "max_thread_hops(9, per_request=True) in pytest.ini   GET /at-once/7/ (at-once/<int:number>/)"
    )
    assert any(line.startswith("  note  2 requests are over the limit: 2 to GET at-once/<") for line in lines)


def test_a_fix_keeps_the_budget_of_one_request_only(counting):
    """Another request is over the limit as well, so the change of one line is no promise."""
    counting.file(
        "conftest.py",
        """
import pytest
from shop.models import Author, Book

@pytest.fixture
def books(db):
    for number in range(3):
        Book.objects.create(title=f"{number}", author=Author.objects.create(name=f"{number}"))
""",
    )
    counting.ini("dbperf_query_budget_per_request = 1")
    result = counting.run_all(
        """
def test_one(client, books):
    client.get("/books/")

def test_two(client, books):
    client.get("/books/")
    client.get("/run/2/")
"""
    )

    one, two = (
        next(line for line in failure_of(result, test) if "fix  " in line)
        for test in ("test_one", "test_two")
    )
    assert one.endswith('.select_related("author")   4 -> 1 queries, within budget')
    assert two.endswith('.select_related("author")   4 -> 1 queries')

"""Events of a request belong to that request."""

import asyncio
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path, set_urlconf

from shop.models import Author, Book
from tests.factories import functions_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(recorder):
    """Three books by three authors."""
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")
    return Book.objects.all()


def test_a_request_has_method_and_path(recorder, books):
    """A report names it as the test does."""
    with recorder.record() as recording:
        Client().get("/books/?page=1")

    assert [str(request) for request in recording.requests] == ["GET /books/"]


def test_queries_belong_to_their_request(recorder, books):
    """Two requests of one test are told apart, and what is outside belongs to none."""
    with recorder.record() as recording:
        Client().get("/books/")
        Client().get("/books/")
        books.count()

    numbers = [query.request.number if query.request else None for query in recording.queries]
    first, second = (request.number for request in recording.requests)
    assert numbers == [first] * 4 + [second] * 4 + [None]


def test_the_path_of_a_query_goes_through_the_view_to_the_test(recorder, books):
    """Each function of yours is there, and nothing between them."""
    with recorder.record() as recording:
        Client().get("/books/")

    lazy_load = recording.queries[1]
    names = functions_of(lazy_load)
    assert names == [
        "name_of_author",
        "titles_and_names",
        "test_the_path_of_a_query_goes_through_the_view_to_the_test",
    ]


def test_without_call_sites_requests_are_known_too(recorder, books):
    """Counting alone counts for each request."""
    with recorder.record(call_sites=False) as recording:
        Client().get("/books/")

    assert {str(query.request) for query in recording.queries} == {"GET /books/"}


async def test_an_async_request_has_its_queries_and_hops(recorder):
    """Also when they run on asgiref's thread."""
    with recorder.record() as recording:
        await AsyncClient().get("/count/")

    (request,) = recording.requests
    assert [query.request for query in recording.queries] == [request] * 2
    assert [hop.cause.request for hop in recording.hops if hop.function == "QuerySet.count"] == [request] * 2


def test_a_response_has_view_status_and_time(recorder, books):
    """A request that matches no route has no view."""
    with recorder.record() as recording:
        Client().get("/books/")
        Client().get("/nothing/")

    assert [(response.number, response.view, response.status) for response in recording.responses] == [
        (recording.requests[0].number, "books/", 200),
        (recording.requests[1].number, "", 404),
    ]
    in_queries = sum(query.seconds for query in recording.queries)
    assert in_queries < sum(response.seconds for response in recording.responses)


async def test_an_async_response_has_view_and_status(recorder):
    """It comes from the handler's other method."""
    with recorder.record() as recording:
        await AsyncClient().get("/count/")

    assert [(response.view, response.status) for response in recording.responses] == [("count/", 200)]


async def test_a_cancelled_request_has_no_status(recorder, rf):
    """The client has disconnected, and the server cancels the view."""
    started = asyncio.Event()

    async def never(request):
        started.set()
        await asyncio.Event().wait()

    handler = BaseHandler()
    handler.load_middleware(is_async=True)
    request = rf.get("/never/")
    request.urlconf = (path("never/", never),)
    with recorder.record() as recording:
        task = asyncio.create_task(handler.get_response_async(request=request))
        await asyncio.wait_for(started.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [(response.view, response.status) for response in recording.responses] == [("never/", None)]


def test_a_request_that_outlives_the_recording_has_no_response_there(recorder, rf):
    """Its end is not recorded."""
    recording = recorder.record()

    def view(request):
        recording.__exit__()
        return HttpResponse()

    handler = BaseHandler()
    handler.load_middleware()
    request = rf.get("/late/")
    request.urlconf = (path("late/", view),)
    recording.__enter__()
    handler.get_response(request)
    set_urlconf(None)  # The handler has set it for this thread.

    assert [str(request) for request in recording.requests] == ["GET /late/"]
    assert (recording.responses, recorder.log) == ([], [])


def test_an_idle_probe_forwards_a_request(recorder, books):
    """While nothing is recorded, the wrapped function works as before."""
    assert Client().get("/books/").status_code == 200
    assert recorder.log == []


async def test_an_idle_probe_forwards_an_async_request(recorder):
    """While nothing is recorded, the wrapped function works as before."""
    response = await AsyncClient().get("/count/")

    assert response.status_code == 200
    assert recorder.log == []


def test_a_live_server_is_seen(recorder, books, live_server, postgres):
    """It answers in threads of its own, with connections of its own."""
    with recorder.record() as recording, urllib.request.urlopen(f"{live_server.url}/books/") as response:
        assert response.status == 200

    assert [str(request) for request in recording.requests] == ["GET /books/"]
    assert len(recording.queries) == 4
    assert {query.request for query in recording.queries} == set(recording.requests)
    assert len(recording.new_connections) >= 1
    assert "MainThread" not in {query.thread for query in recording.queries}


def test_a_pool_within_a_request_belongs_to_it(recorder, rf):
    """The thread inherits no context, and is still part of the request."""
    from django.core.handlers.base import BaseHandler

    def count_authors():
        try:
            return Author.objects.count()
        finally:
            connections.close_all()

    def middleware(request):
        from django.http import HttpResponse

        with ThreadPoolExecutor(1) as pool:
            return HttpResponse(str(pool.submit(count_authors).result()))

    handler = BaseHandler()
    handler._middleware_chain = middleware
    with recorder.record() as recording:
        handler.get_response(rf.get("/fan-out/"))

    assert [str(query.request) for query in recording.queries] == ["GET /fan-out/"]


def test_a_plain_thread_belongs_to_no_request(recorder):
    """It does not inherit the context."""

    def count_authors():
        try:
            Author.objects.count()
        finally:
            connections.close_all()

    with recorder.record() as recording:
        thread = threading.Thread(target=count_authors)
        thread.start()
        thread.join()

    assert [query.request for query in recording.queries] == [None]
    assert RequestFactory().get("/").path == "/"

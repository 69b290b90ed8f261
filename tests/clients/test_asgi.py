"""Requests run as under an ASGI server; uvicorn and the log of PostgreSQL give the same numbers."""

import asyncio
import gc
import threading
import urllib.request
import warnings
from contextlib import contextmanager
from http.cookies import SimpleCookie

import pytest
import uvicorn
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.test import SimpleTestCase, override_settings

from pytest_dbperf.clients import asgi
from pytest_dbperf.clients.preconditions import close_left
from pytest_dbperf.recording.connections import Why
from pytest_dbperf.session.standing_connections import NotLikeProduction
from shop.models import Author
from tests.clients import TIMES

pytestmark = pytest.mark.django_db(transaction=True)

# Both ways through Django: a sync view in a thread, and an asynchronous one.
PATHS = ["/books/", "/count/"]


@pytest.mark.parametrize(("age", "opened", "closed"), [(0, 10, 10), (600, 10, 0), (None, 10, 0)])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("time", TIMES)
def test_every_request_opens_its_own(
    asgi_client, database_settings, opened_at_server, recorder, age, opened, closed, path, time
):
    """With any CONN_MAX_AGE: no later request uses that thread. With an age, the connection stays open."""
    database_settings("default", CONN_MAX_AGE=age)

    with recorder.record() as recording:
        for _ in range(10):
            asgi_client.get(path)

    assert len(recording.new_connections) == opened_at_server() == opened
    assert len(recording.closed_connections) == closed
    assert {new.why for new in recording.new_connections} == {Why.FIRST_IN_REQUEST}
    assert not any(new.is_kept for new in recording.new_connections)


@pytest.mark.parametrize("time", TIMES)
def test_a_pool_opens_few(pool, asgi_client, database_settings, opened_at_server, recorder, time):
    """Twenty requests at once use a few connections."""
    database_settings("default", pool={"min_size": 2, "max_size": 4})

    with recorder.record() as recording:
        asgi_client.gather(["/books/"] * 20)

    assert len(recording.checkouts) == 20
    assert len(recording.new_connections) == opened_at_server()
    assert 2 <= len(recording.new_connections) <= 4
    assert {new.why for new in recording.new_connections} == {Why.POOL}


@contextmanager
def real_server():
    """Run uvicorn in a thread of this process."""
    # Where there is uvloop, an old uvicorn makes it the loop of all later tests.
    how = {"port": 0, "lifespan": "off", "loop": "asyncio", "log_level": "error"}
    config = uvicorn.Config(get_asgi_application(), **how)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("changes", [{"CONN_MAX_AGE": 0}, {"CONN_MAX_AGE": 600}, {"pool": {"min_size": 2}}])
@pytest.mark.parametrize("path", PATHS)
def test_a_real_server_opens_as_many(
    asgi_client, database_settings, opened_at_server, recorder, changes, path, request
):
    """The client gives the numbers of uvicorn."""
    if "pool" in changes:
        request.getfixturevalue("pool")
    database_settings("default", **changes)

    with recorder.record() as by_client:
        for _ in range(10):
            asgi_client.get(path)
    heard_of_client = opened_at_server()
    if "pool" in changes:
        database_settings("default", pool=False)
        database_settings("default", **changes)
    with recorder.record() as by_server, real_server() as address, recorder.connections.held() as left:
        for _ in range(10):
            asked = urllib.request.Request(address + path, headers={"Host": "testserver"})
            with urllib.request.urlopen(asked) as response:
                response.read()
        close_left(left)

    heard_of_both = opened_at_server()
    assert len(by_client.new_connections) == heard_of_client
    assert len(by_server.new_connections) == heard_of_both - heard_of_client == heard_of_client


@pytest.mark.parametrize(
    ("changes", "count", "most"),
    [({"pool": {"min_size": 1, "max_size": 8}}, 200, 8), ({"CONN_MAX_AGE": 0}, 60, 60)],
)
def test_many_requests_at_once(
    asgi_client, database_settings, opened_at_server, recorder, changes, count, most, request
):
    """No connection is lost, and no request waits forever."""
    if "pool" in changes:
        request.getfixturevalue("pool")
    database_settings("default", **changes)

    with recorder.record() as recording:
        responses = asgi_client.gather(["/books/"] * count)

    assert [response.status_code for response in responses] == [200] * count
    assert len(recording.requests) == count
    assert len(recording.new_connections) == opened_at_server() <= most
    assert len(recording.checkouts) == (count if "pool" in changes else 0)


def test_waits_for_a_pool_are_known(pool, asgi_client, database_settings, recorder):
    """With one connection and ten requests, at least nine have to wait."""
    database_settings("default", pool={"min_size": 1, "max_size": 1})
    asgi_client.get("/books/")

    with recorder.record() as recording:
        asgi_client.gather(["/count/"] * 10)

    assert recording.checkouts
    assert any(checkout.waited > 0 for checkout in recording.checkouts)
    assert all(checkout.waited >= 0 for checkout in recording.checkouts)


async def test_coroutines_await_their_responses(asgi_client, opened_at_server, recorder):
    """They run at the same time, on the server's loop and not on the test's."""
    loop = asyncio.get_running_loop()
    with recorder.record() as recording:
        responses = await asyncio.gather(*(asgi_client.aget("/count/") for _ in range(5)))

    assert [response.status_code for response in responses] == [200] * 5
    assert len(recording.new_connections) == opened_at_server() == 5
    assert asyncio.get_running_loop() is loop
    assert "executor" not in {hop.via for hop in recording.hops}


async def test_a_coroutine_must_not_block_its_loop(asgi_client):
    """The error names the method to call instead."""
    with pytest.raises(NotLikeProduction, match=r"asgi_client\.aget"):
        asgi_client.get("/page/")


def test_what_is_gathered_may_be_anything(asgi_client):
    """A request is a path for `get`, or what `aget` and so on return."""
    responses = asgi_client.gather(
        ["/page/", asgi_client.apost("/echo/", json=[1]), asgi_client.ahead("/page/")]
    )

    assert [response.status_code for response in responses] == [200, 200, 200]
    assert responses[1].json()["body"] == "[1]"
    assert responses[2].content == b""


def test_the_first_error_is_raised_when_all_have_ended(asgi_client, recorder):
    """No request is left running."""
    with recorder.record() as recording, pytest.raises(LookupError):
        asgi_client.gather(["/broken/", "/books/", "/books/"])

    assert len(recording.requests) == 3


def test_an_error_becomes_a_response_on_request(asgi_client):
    """Django's client does so, too."""
    with pytest.raises(LookupError):
        asgi_client.get("/broken/")

    asgi_client.raise_request_exception = False
    response = asgi_client.get("/broken/")
    assert (response.status_code, type(response.exc_info[1])) == (500, LookupError)
    assert not asgi_client.raise_request_exception


def test_a_response_has_what_djangos_client_gives_it(asgi_client):
    """Templates, context, cookies, the request and its URL match."""
    response = asgi_client.get("/page/")

    assert response.content == b"Hello Ada"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.context["name"] == "Ada"
    assert response.asgi_request.path == response.request["path"] == "/page/"
    assert response.resolver_match.func.__name__ == "page"
    assert asgi_client.get("/echo/").json()["cookies"] == {"seen": "Ada"}
    assert asgi_client.cookies["seen"].value == "Ada"
    asgi_client.cookies = SimpleCookie()
    assert asgi_client.get("/echo/").json()["cookies"] == {}


def test_redirects_and_streams_work(asgi_client):
    """The rest of the API is Django's."""
    assert asgi_client.get("/redirect/", follow=True).redirect_chain == [("/page/", 302)]
    Author.objects.create(name="Ada")
    with warnings.catch_warnings(action="ignore", category=Warning):  # Django warns of a sync iterator.
        assert asgi_client.get("/stream/").getvalue() == b"1\n1\n1\n"


@pytest.mark.filterwarnings("ignore::Warning")  # Django warns of a sync iterator.
@pytest.mark.parametrize("path", ["/stream/", "/stream/async/"])
def test_a_streamed_body_belongs_to_its_request(asgi_client, recorder, path):
    """Its queries and hops do, although the view has returned."""
    with recorder.record() as recording:
        asgi_client.get(path)

    counting = [query for query in recording.queries if query.statement.tables == ("shop_author",)]
    assert [str(query.request) for query in counting] == [f"GET {path}"] * 3
    assert {str(hop.request) for hop in recording.hops} == {f"GET {path}"}
    assert {query.cause.hop for query in counting} <= {hop.number for hop in recording.hops}


@pytest.mark.parametrize(("enforce", "status"), [(False, 200), (True, 403)])
def test_csrf_is_checked_on_request(asgi_client, enforce, status):
    """Most tests should not have to fetch a token first."""
    with override_settings(MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]):
        client = asgi_client.new(enforce_csrf_checks=enforce)
        assert client.post("/echo/").status_code == status


async def wrapped(scope, receive, send):
    """An application around Django's, as a project may have."""

    async def send_more(message):
        if message["type"] == "http.response.start":
            message["headers"].append((b"X-Wrapped", b"yes"))
        await send(message)

    await get_asgi_application()(scope, receive, send_more)


async def on_its_own(scope, receive, send):
    """An application that responds without Django, and waits until the client disconnects."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
    assert (await receive())["type"] == "http.request"
    assert (await receive())["type"] == "http.disconnect"


async def silent(scope, receive, send):
    """An application that sends no response."""


def test_the_application_of_the_project_is_served(asgi_client):
    """Code around Django's application runs, too."""
    with override_settings(ASGI_APPLICATION=f"{__name__}.wrapped"):
        response = asgi_client.new().get("/page/")

    assert (response["X-Wrapped"], response.content) == ("yes", b"Hello Ada")


def test_an_application_may_answer_without_django(asgi_client):
    """It may also wait until the client disconnects."""
    with override_settings(ASGI_APPLICATION=f"{__name__}.on_its_own"):
        response = asgi_client.new().get("/health/")

    assert (response.status_code, response.asgi_request) == (204, None)


def test_an_application_that_says_nothing_is_an_error(asgi_client):
    """The client does not hang, but raises an error."""
    with override_settings(ASGI_APPLICATION=f"{__name__}.silent"):
        with pytest.raises(RuntimeError, match="sent no response to GET /page/"):
            asgi_client.get("/page/")


def test_nothing_is_left(asgi_client, database_settings, recorder):
    """No thread and no connection is left, and the garbage collector has nothing to warn of."""
    threads = set(threading.enumerate())
    before = len(recorder.connections)
    database_settings("default", CONN_MAX_AGE=600)

    with asgi.serving() as client:
        client.gather(PATHS * 3)
        assert len(recorder.connections) > before
    gc.collect()

    assert set(threading.enumerate()) <= threads
    assert len(recorder.connections) == before


async def hanging(scope, receive, send):
    """An application that responds and then runs forever."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def test_what_still_runs_is_cancelled(asgi_client):
    """A request that is not awaited does not keep the test from ending."""
    with override_settings(ASGI_APPLICATION=f"{__name__}.hanging"):
        with asgi.serving() as client:
            waiting = asyncio.ensure_future(client.aget("/page/"))
            await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_a_transaction_of_the_test_is_refused(asgi_client):
    """Other threads would not see the rows of the test."""
    from django.db.transaction import atomic

    with atomic(), pytest.raises(NotLikeProduction, match=r"django_db\(transaction=True\)"):
        asgi_client.get("/books/")


@pytest.mark.parametrize("twin", ["get", "post", "head", "options", "put", "patch", "delete", "trace"])
def test_each_method_has_an_async_one(asgi_client, twin):
    """Each has its own name and docstring."""
    now, later = getattr(asgi_client, twin), getattr(asgi_client, f"a{twin}")

    assert (now.__name__, later.__name__) == (twin, f"a{twin}")
    assert f"Client.{twin}" in now.__doc__
    assert now("/page/").status_code == asgi_client.gather([later("/page/")])[0].status_code == 200


def test_a_request_of_another_method_is_generic(asgi_client):
    """Django's client does so, too."""
    assert asgi_client.generic("LINK", "/echo/").json()["method"] == "LINK"
    assert isinstance(asgi_client.generic("LINK", "/page/"), HttpResponse)


def test_the_lines_of_the_test_are_to_blame(asgi_client, recorder):
    """The call path goes on across the server's loop and the request's thread."""
    with recorder.record() as recording:
        asgi_client.get("/books/")

    query = recording.queries[-1]  # On MySQL, Django asks for the server's version before.
    assert [code.co_name for code, _ in query.call_path] == [
        "titles_and_names",
        "test_the_lines_of_the_test_are_to_blame",
    ]
    assert str(query.request) == "GET /books/"


@pytest.fixture
def collected():
    """Collect garbage now, so that a warning belongs to this test and not to the next."""
    yield
    gc.collect()


# The handler of Django 5.2 does not close the body of such a request.
unclosed = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")


@unclosed
def test_a_view_may_end_the_process_but_not_the_server(collected, asgi_client):
    """The test gets its SystemExit, and the loop goes on."""
    for ask in (asgi_client.get, lambda path: asgi_client.gather([path])):
        with pytest.raises(SystemExit):
            ask("/exit/")

    assert asgi_client.get("/page/").status_code == 200


@unclosed
async def test_an_error_arrives_where_it_is_awaited(collected, asgi_client):
    """The same holds in a coroutine."""
    with pytest.raises(SystemExit):
        await asgi_client.aget("/exit/")


def test_djangos_assertions_work_on_responses(asgi_client):
    """They follow redirects with the client of the response."""
    SimpleTestCase().assertRedirects(asgi_client.get("/redirect/"), "/page/")

    followed = asgi_client.post("/redirect/307/", json={"a": 1}, follow=True)
    assert (followed.status_code, followed.json()["method"]) == (200, "POST")


def test_headers_can_be_given_in_each_of_djangos_ways(asgi_client):
    """Django's AsyncClient drops some of them."""
    client = asgi_client.new(headers={"X-Test": "always"})

    assert "HTTP_X_TEST" in client.defaults
    assert client.get("/echo/").json()["header"] == "always"
    assert asgi_client.get("/echo/", HTTP_X_TEST="once").json()["header"] == "once"
    assert client.get("/echo/", headers={"X-Test": "once"}).json()["header"] == "once"


@pytest.mark.filterwarnings("error")
async def test_what_is_refused_is_closed(asgi_client):
    """A coroutine that is never awaited would cause a warning in a later test."""
    with pytest.raises(NotLikeProduction):
        asgi_client.gather(["/page/", asgi_client.aget("/page/")])
    gc.collect()


def test_settings_are_those_of_the_first_request(asgi_client):
    """A test can change them before, as with Django's client."""
    with override_settings(MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]):
        assert asgi_client.new(enforce_csrf_checks=True).post("/echo/").status_code == 403


def test_a_thread_of_an_executor_is_not_the_requests(asgi_client, recorder):
    """`asyncio.to_thread` copies the request's context into a thread that outlives the request."""
    with recorder.record() as recording:
        asgi_client.get("/to-thread/")

    (opened,) = [new for new in recording.new_connections if not new.is_kept]
    assert opened.why is Why.FIRST_IN_THREAD
    assert recording.leaked_connections == [opened]

"""Requests run as under a WSGI server; the log of PostgreSQL gives the same numbers."""

import threading

import pytest
from django.db import OperationalError
from django.test import override_settings

from pytest_dbperf.recording.connections import Why
from pytest_dbperf.session.standing_connections import NotLikeProduction
from shop.models import Author
from tests.clients import TIMES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("age", "opened", "closed"), [(0, 10, 10), (600, 1, 0), (None, 1, 0)])
@pytest.mark.parametrize("time", TIMES)
def test_connections_live_as_long_as_their_age(
    wsgi_client, database_settings, opened_at_server, recorder, age, opened, closed, time
):
    """Ten requests run on one worker."""
    database_settings("default", CONN_MAX_AGE=age)

    with recorder.record() as recording:
        for _ in range(10):
            wsgi_client.get("/books/")

    assert len(recording.new_connections) == opened_at_server() == opened
    assert len(recording.closed_connections) == closed


@pytest.mark.parametrize(("age", "opened"), [(0, 40), (600, 4)])
@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("at_once", [False, True])
def test_every_worker_has_its_own(
    wsgi_client, database_settings, opened_at_server, recorder, age, opened, time, at_once
):
    """Forty requests run on four workers, one after another or at the same time."""
    database_settings("default", CONN_MAX_AGE=age)
    client = wsgi_client.new(workers=4)

    with recorder.record() as recording:
        if at_once:
            client.gather(["/books/"] * 40)
        else:
            for _ in range(40):
                client.get("/books/")

    assert len(recording.new_connections) == opened_at_server() == opened
    assert len({new.thread for new in recording.new_connections}) == 4


def test_djangos_own_client_works_beside_it(wsgi_client, client):
    """The templates and errors of its requests stay its own."""
    with pytest.raises(LookupError):
        client.get("/broken/")

    assert client.get("/page/").context["name"] == wsgi_client.get("/page/").context["name"] == "Ada"


def test_the_reason_for_each_connection_is_known(wsgi_client, database_settings, recorder):
    """The first connection of the worker, and those that replaced one that was too old."""
    database_settings("default", CONN_MAX_AGE=0)

    with recorder.record() as recording:
        for _ in range(3):
            wsgi_client.get("/books/")

    assert [new.why for new in recording.new_connections] == [
        Why.FIRST_IN_THREAD,
        Why.OUT_OF_AGE,
        Why.OUT_OF_AGE,
    ]
    assert all(new.is_kept and new.seconds > 0 for new in recording.new_connections)


def test_a_streamed_body_is_read_by_the_worker(wsgi_client, opened_at_server, recorder):
    """Its queries run on the worker's connection, before the request ends."""
    with recorder.record() as recording:
        response = wsgi_client.get("/stream/")

    assert response.getvalue() == b"0\n0\n0\n"
    counting = [query for query in recording.queries if query.statement.tables == ("shop_author",)]
    assert [str(query.request) for query in counting] == ["GET /stream/"] * 3
    assert threading.current_thread().name not in {query.thread for query in counting}
    assert opened_at_server() == 1


def test_rows_are_shared_with_the_test(wsgi_client):
    """The rows that the test has committed are there."""
    Author.objects.create(name="Ada")

    assert wsgi_client.get("/stream/").getvalue() == b"1\n1\n1\n"


def test_nothing_is_left(wsgi_client, database_settings, opened_at_server, recorder):
    """No thread and no connection is left."""
    threads = set(threading.enumerate())
    before = len(recorder.connections)
    database_settings("default", CONN_MAX_AGE=600)
    from pytest_dbperf.clients import wsgi

    with wsgi.serving() as client:
        client.new(workers=3).gather(["/books/"] * 9)
        assert len(recorder.connections) == before + 3

    assert set(threading.enumerate()) <= threads
    assert len(recorder.connections) == before


def test_recordings_do_not_see_the_end_of_a_client(database_settings, recorder):
    """The client closes the connections of its workers, and a recording does not count that."""
    from pytest_dbperf.clients import wsgi

    database_settings("default", CONN_MAX_AGE=600)
    with recorder.record() as recording, wsgi.serving() as client:
        client.get("/books/")

    assert recording.closed_connections == []


def test_an_error_of_a_view_is_raised(wsgi_client):
    """Django's client does this too, by default."""
    with pytest.raises(LookupError, match="nothing here"):
        wsgi_client.get("/broken/")

    answering = wsgi_client.new(raise_request_exception=False)
    assert answering.get("/broken/").status_code == 500


def test_an_error_belongs_to_its_request(wsgi_client):
    """Other requests at the same time are not affected."""
    client = wsgi_client.new(workers=2, raise_request_exception=False)

    responses = client.gather(["/broken/", "/page/"] * 5)

    assert [response.exc_info is not None for response in responses] == [True, False] * 5


def test_a_response_has_what_djangos_client_gives_it(wsgi_client):
    """Templates, context, cookies, the request and its URL match."""
    response = wsgi_client.get("/page/")

    assert response.content == b"Hello Ada"
    assert response.context["name"] == "Ada"
    assert len(response.templates) == 1
    assert response.client is wsgi_client
    assert response.request["PATH_INFO"] == response.wsgi_request.path == "/page/"
    assert response.resolver_match.func.__name__ == "page"
    assert wsgi_client.get("/echo/").json()["cookies"] == {"seen": "Ada"}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_json_is_sent_as_such(wsgi_client, method):
    """It cannot be combined with another body."""
    said = getattr(wsgi_client, method)("/echo/", json={"a": 1}, headers={"X-Test": "yes"}).json()

    assert said == {
        "body": '{"a": 1}',
        "content type": "application/json",
        "cookies": {},
        "header": "yes",
        "method": method.upper(),
    }
    with pytest.raises(TypeError, match="one body"):
        getattr(wsgi_client, method)("/echo/", json={}, data={})


def test_forms_and_heads_are_sent(wsgi_client):
    """The rest of the API is Django's."""
    assert 'name="a"' in wsgi_client.post("/echo/", {"a": 1}).json()["body"]
    assert wsgi_client.head("/page/").content == b""


def test_redirects_are_followed(wsgi_client):
    """Only `follow=True` follows them."""
    assert wsgi_client.get("/redirect/").status_code == 302
    assert wsgi_client.get("/redirect/", follow=True).redirect_chain == [("/page/", 302)]


@pytest.mark.parametrize(("enforce", "status"), [(False, 200), (True, 403)])
def test_csrf_is_checked_on_request(wsgi_client, enforce, status):
    """Most tests should not have to fetch a token first."""
    with override_settings(MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]):
        client = wsgi_client.new(enforce_csrf_checks=enforce)
        assert client.post("/echo/").status_code == status


def wrapped(environ, start_response):
    """An application around Django's, as a project may have."""
    from django.core.wsgi import get_wsgi_application

    def start(status, headers):
        start_response(status, [*headers, ("X-Wrapped", "yes"), ("Set-Cookie", "around=1; Path=/")])
        return lambda chunk: None

    yield from get_wsgi_application()(environ, start)


def test_the_application_of_the_project_is_served(wsgi_client):
    """Code around Django's application runs, too."""
    with override_settings(WSGI_APPLICATION=f"{__name__}.wrapped"):
        response = wsgi_client.new().get("/page/")

    assert (response.status_code, response.content) == (200, b"Hello Ada")
    assert response["X-Wrapped"] == "yes"
    assert set(response.cookies) == {"around", "seen"}


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", True])
def test_there_is_at_least_one_worker(wsgi_client, workers):
    """A wrong value is refused."""
    with pytest.raises(ValueError, match="wsgi_client workers must be a whole number >= 1"):
        wsgi_client.new(workers=workers)


async def test_a_coroutine_uses_the_other_client(wsgi_client):
    """It would block the event loop."""
    with pytest.raises(NotLikeProduction, match="use asgi_client"):
        wsgi_client.get("/page/")


def test_the_lines_of_the_test_are_to_blame(wsgi_client, recorder):
    """The call path goes on across the worker's thread."""
    with recorder.record() as recording:
        wsgi_client.get("/books/")

    query = recording.queries[-1]  # On MySQL, Django asks for the server's version before.
    assert [code.co_name for code, _ in query.call_path] == [
        "titles_and_names",
        "test_the_lines_of_the_test_are_to_blame",
    ]
    assert str(query.request) == "GET /books/"


def test_a_transaction_of_the_test_is_refused(wsgi_client):
    """Other threads would not see the rows of the test."""
    from django.db.transaction import atomic

    with atomic(), pytest.raises(NotLikeProduction, match=r"django_db\(transaction=True\)"):
        wsgi_client.get("/books/")


def test_sqlite_in_memory_is_refused(wsgi_client, monkeypatch):
    """Django never closes its connections, so there would be nothing to measure."""
    from django.db import connections

    sqlite = connections["sqlite"]
    monkeypatch.setattr(sqlite, "is_in_memory_db", lambda: True)
    with pytest.raises(NotLikeProduction, match=r"'NAME': 'test\.sqlite3'"):
        wsgi_client.get("/books/")


def test_a_server_that_ends_its_connections_costs_one(
    wsgi_client, database_settings, end_connections, recorder
):
    """The first request gets the driver's error, the next one opens a new connection."""
    database_settings("default", CONN_MAX_AGE=600)
    wsgi_client.get("/books/")
    end_connections()

    with recorder.record() as recording:
        with pytest.raises(OperationalError):
            wsgi_client.get("/books/")
        wsgi_client.get("/books/")

    assert [new.why for new in recording.new_connections] == [Why.UNUSABLE]


def test_a_health_check_finds_it_first(wsgi_client, database_settings, end_connections, recorder):
    """Then no request fails."""
    database_settings("default", CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)
    wsgi_client.get("/books/")
    end_connections()

    with recorder.record() as recording:
        wsgi_client.get("/books/")

    assert [new.why for new in recording.new_connections] == [Why.HEALTH_CHECK]


def adding(environ, start_response):
    """An application that adds a header to Django's response, and changes its status."""
    from django.core.wsgi import get_wsgi_application

    def start(status, headers):
        return start_response("418 I'm a teapot", [*headers, ("X-Added", "yes")])

    return get_wsgi_application()(environ, start)


def test_what_a_wrapper_changes_is_seen(wsgi_client):
    """The body is still Django's own response."""
    with override_settings(WSGI_APPLICATION=f"{__name__}.adding"):
        response = wsgi_client.new().get("/page/")

    assert (response.status_code, response["X-Added"], response.context["name"]) == (418, "yes", "Ada")


def test_settings_are_those_of_the_first_request(wsgi_client):
    """A test can change them before, as with Django's client."""
    with override_settings(MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"]):
        assert wsgi_client.new(enforce_csrf_checks=True).post("/echo/").status_code == 403


def test_calls_that_are_gathered_leave_nothing(wsgi_client, recorder):
    """They may use the ORM in threads of the client."""

    def call():
        Author.objects.create(name="Ada")
        return wsgi_client.get("/stream/")

    with recorder.record() as recording:
        wsgi_client.gather([call] * 2)

    assert recording.leaked_connections == []


def test_new_settings_hold_for_workers_that_have_served(wsgi_client, database_settings, pool, recorder):
    """They close the connection that they had."""
    database_settings("default", CONN_MAX_AGE=600)
    wsgi_client.get("/books/")
    database_settings("default", CONN_MAX_AGE=0, pool=True)

    with recorder.record() as recording:
        wsgi_client.get("/books/")

    assert len(recording.checkouts) == 1

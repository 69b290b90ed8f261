"""How many connections does the deployed service open? PostgreSQL counts them."""

import pytest

from config.tests.http import get_often
from config.tests.sessions import SERVICE, ServerLog, open_now, wait_until_none_is_open
from throwaway_servers import gunicorn

pytestmark = pytest.mark.services

REQUESTS = 30
OF_TWO_WORKERS = ["--workers", "2", "--threads", "2"]
AT_MOST = 2 * 2
CAMPAIGNS = "/api/campaigns/"


@pytest.fixture
def log(served_database_url: str) -> ServerLog:
    """The rest of PostgreSQL's log from now on."""
    return ServerLog.from_now_on()


def test_under_wsgi_each_thread_keeps_its_connection(served_database_url: str, log: ServerLog) -> None:
    """DB_CONN_MAX_AGE=600, the default: workers times threads, for any number of requests."""
    with gunicorn.serving(
        "wsgi", *OF_TWO_WORKERS, DATABASE_URL=served_database_url, PGAPPNAME=SERVICE
    ) as site:
        assert set(get_often(site.url + CAMPAIGNS, times=REQUESTS)) == {200}

        assert 1 <= log.opened() <= AT_MOST
        assert open_now() == log.opened()


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_with_nothing_kept_each_request_connects(
    served_database_url: str, log: ServerLog, interface: str
) -> None:
    """DB_CONN_MAX_AGE=0: one for each request, closed with it."""
    with gunicorn.serving(
        interface,
        *OF_TWO_WORKERS,
        DATABASE_URL=served_database_url,
        DB_CONN_MAX_AGE="0",
        PGAPPNAME=SERVICE,
    ) as site:
        assert set(get_often(site.url + CAMPAIGNS, times=REQUESTS)) == {200}

        assert log.opened() == REQUESTS
        wait_until_none_is_open()


def test_under_asgi_a_pool_is_what_reuses_connections(served_database_url: str, log: ServerLog) -> None:
    """DB_POOL=2: workers times two, for any number of requests."""
    with gunicorn.serving(
        "asgi", *OF_TWO_WORKERS, DATABASE_URL=served_database_url, DB_POOL="2", PGAPPNAME=SERVICE
    ) as site:
        assert set(get_often(site.url + CAMPAIGNS, times=REQUESTS)) == {200}

        assert 1 <= log.opened() <= AT_MOST
        assert 1 <= open_now() <= AT_MOST


def test_under_asgi_keeping_connections_leaks_them(served_database_url: str, log: ServerLog) -> None:
    """DB_CONN_MAX_AGE=600 does not help here: each request connects all the same, and does not close."""
    with gunicorn.serving(
        "asgi",
        *OF_TWO_WORKERS,
        DATABASE_URL=served_database_url,
        DB_CONN_MAX_AGE="600",
        PGAPPNAME=SERVICE,
    ) as site:
        left = []
        for _ in range(3):
            assert set(get_often(site.url + CAMPAIGNS, times=REQUESTS // 3)) == {200}
            left.append(open_now())

        assert log.opened() == REQUESTS
        # The garbage collector finds some of them, sooner or later.
        assert AT_MOST < max(left) <= REQUESTS
        assert "DB_CONN_MAX_AGE=600" in site.server.written()

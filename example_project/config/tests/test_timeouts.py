"""Do the timeouts end what takes too long? PostgreSQL cancels statements; a silent server is given up."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import psycopg_pool
import pytest
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign
from config.database import database_settings
from config.environment import environment
from config.tests.http import get, post
from config.tests.locks import require_row_locks
from throwaway_servers import gunicorn
from users.tests.factories import make_user, sign_in

Connect = Callable[..., BaseDatabaseWrapper]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make connections with the service's own settings, for these environment variables."""
    made: list[BaseDatabaseWrapper] = []

    def connected(url: str, **variables: Any) -> BaseDatabaseWrapper:
        said = replace(environment(), database_url=url, **{"db_conn_max_age": 0, **variables})
        # Django keeps a process's pools by alias only.
        made.append(ConnectionHandler({"default": {}, "own": database_settings(said)})["own"])
        return made[-1]

    yield connected
    for one in made:
        one.close()
        one.close_pool()


@pytest.fixture
def mute_server() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url_of(server: socket.socket) -> str:
    """Return a DATABASE_URL for a server that is not PostgreSQL."""
    return f"postgres://ada@127.0.0.1:{server.getsockname()[1]}/campaigns"


@pytest.mark.skipif(environment().db_pooler, reason="a pooler does not pass the timeout on")
@pytest.mark.parametrize("pool", [0, 2])
def test_a_statement_that_takes_too_long_is_cancelled(
    served_database_url: str, connect: Connect, pool: int
) -> None:
    """DB_STATEMENT_TIMEOUT holds on every connection, also in a pool; the next statement is served."""
    connection = connect(served_database_url, db_statement_timeout=1000, db_pool=pool)

    with connection.cursor() as cursor:
        with pytest.raises(OperationalError, match="due to statement timeout") as cancelled:
            cursor.execute("SELECT pg_sleep(60)")
        assert isinstance(cancelled.value.__cause__, psycopg.errors.QueryCanceled)
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db
def test_a_server_that_never_answers_is_given_up(connect: Connect, mute_server: socket.socket) -> None:
    """DB_CONNECT_TIMEOUT lasts until the server has answered, not only until it has accepted."""
    connection = connect(url_of(mute_server), db_connect_timeout=1)

    with pytest.raises(OperationalError, match="timeout expired") as given_up:
        connection.ensure_connection()

    assert isinstance(given_up.value.__cause__, psycopg.errors.ConnectionTimeout)


@pytest.mark.django_db
def test_a_pool_gives_up_as_well(connect: Connect, mute_server: socket.socket) -> None:
    """A request waits for the pool at most as long as for the server."""
    connection = connect(url_of(mute_server), db_connect_timeout=1, db_pool=2)

    with pytest.raises(OperationalError, match=r"after 1\.00 sec") as given_up:
        connection.ensure_connection()

    assert isinstance(given_up.value.__cause__, psycopg_pool.PoolTimeout)
    # The pool itself keeps trying, and would not end during an attempt.
    mute_server.close()
    connection.close_pool()


@pytest.mark.services
@pytest.mark.skipif(environment().db_pooler, reason="a pooler does not pass the timeout on")
@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_a_request_does_not_wait_for_ever(served_database_url: str, interface: str) -> None:
    """Another transaction holds the lock that a join needs: the answer is 503, and others are served."""
    require_row_locks()
    ada = make_user("ada")
    campaign = make_campaign(ada)
    headers = sign_in(ada)
    with gunicorn.serving(
        interface, "--workers", "1", DATABASE_URL=served_database_url, DB_STATEMENT_TIMEOUT="3000"
    ) as site:
        with transaction.atomic():
            Campaign.objects.select_for_update().get(pk=campaign.pk)
            waited = post(f"{site.url}/api/campaigns/{campaign.pk}/join", headers=headers)

        assert (waited.status, waited.json()) == (503, {"detail": "The database did not answer in time."})
        assert get(f"{site.url}/api/campaigns/").status == 200
        assert "canceling statement due to statement timeout" in site.server.written()

"""How many connections does the service open in production, rather than in tests?"""

import pytest
from django.db import connection

from pytest_dbperf import AsgiClient, DatabaseSettings, Recording, WsgiClient
from users.models import User
from users.tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_connection_leaks]


@pytest.fixture(autouse=True)
def skip_without_server(transactional_db: None) -> None:
    """SQLite in memory has no real connections."""
    if connection.vendor == "sqlite":
        pytest.skip("sqlite is in memory here: its connections are never closed")


@pytest.mark.max_new_connections(1)
def test_a_worker_keeps_its_connection(wsgi_client: WsgiClient, database_settings: DatabaseSettings) -> None:
    """The default of DB_CONN_MAX_AGE is for WSGI."""
    database_settings("default", CONN_MAX_AGE=600)

    for _ in range(10):
        assert wsgi_client.get("/api/campaigns/").status_code == 200


@pytest.mark.max_new_connections(4)
def test_a_pool_serves_many(asgi_client: AsgiClient, database_settings: DatabaseSettings) -> None:
    """Under ASGI only a pool opens few."""
    database_settings("default", CONN_MAX_AGE=0, pool=True)

    responses = asgi_client.gather(["/api/campaigns/"] * 20)

    assert {response.status_code for response in responses} == {200}


def test_without_a_pool_every_request_connects(
    asgi_client: AsgiClient, database_settings: DatabaseSettings, dbperf: Recording
) -> None:
    """With DB_CONN_MAX_AGE=0, it also closes its connection when it ends."""
    database_settings("default", CONN_MAX_AGE=0)

    for _ in range(5):
        asgi_client.get("/api/campaigns/")

    assert len(dbperf.new_connections) == len(dbperf.closed_connections) == 5


def test_the_admin_can_be_visited(wsgi_client: WsgiClient) -> None:
    """A user that the test logs in is known to the workers."""
    admin = User.objects.create_superuser("admin@example.org", "admin", "correct horse battery")
    make_user("ada")

    wsgi_client.force_login(admin)

    assert b"ada@example.org" in wsgi_client.get("/admin/users/user/").content

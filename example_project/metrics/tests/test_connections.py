"""Is every physical connection counted, and nothing else?"""

import pytest
from django.db import connection

from metrics.database import counted_connection
from metrics.tests.readings import total
from pytest_dbperf import AsgiClient, DatabaseSettings, Recording, WsgiClient

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.no_connection_leaks]


@pytest.fixture(autouse=True)
def skip_without_server(transactional_db: None) -> None:
    """SQLite in memory has no real connections."""
    if connection.vendor == "sqlite":
        pytest.skip("sqlite is in memory here: its connections are never closed")


def opened() -> float:
    """Return how many connections were counted so far."""
    return total("django_db_new_connections_total", alias="default", vendor=connection.vendor)


@pytest.mark.parametrize(("max_age", "connections"), [(0, 5), (600, 1)])
def test_each_connection_of_a_worker_is_counted(
    wsgi_client: WsgiClient,
    database_settings: DatabaseSettings,
    dbperf: Recording,
    max_age: int,
    connections: int,
) -> None:
    """A connection that is used again is not counted twice."""
    database_settings("default", CONN_MAX_AGE=max_age)
    before = opened()

    with dbperf.record() as served:
        for _ in range(5):
            wsgi_client.get("/api/campaigns/")

    assert opened() - before == len(served.new_connections) == connections


def test_of_a_pool_connections_are_counted_and_not_checkouts(
    asgi_client: AsgiClient, database_settings: DatabaseSettings, dbperf: Recording
) -> None:
    """Django sends the signal `connection_created` at each checkout."""
    pool = {"min_size": 1, "max_size": 4, "connection_class": counted_connection("default")}
    database_settings("default", CONN_MAX_AGE=0, pool=pool)
    before = opened()

    with dbperf.record() as served:
        asgi_client.gather(["/api/campaigns/"] * 20)

    assert opened() - before == len(served.new_connections) <= 4
    assert len(served.checkouts) >= 20

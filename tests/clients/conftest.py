"""The plugin's fixtures (the plugin itself is off here), and the server's own count of connections."""

import os

import pytest
from django.db import connections

from pytest_dbperf.clients import asgi, wsgi
from pytest_dbperf.clients.database_settings import changeable
from tests.probes.server_log import ServerLog


@pytest.fixture
def database_settings(transactional_db):
    """A function that changes the settings of a database for a test."""
    with changeable() as change:
        yield change


@pytest.fixture
def wsgi_client(database_settings):
    """A client that runs its requests on worker threads."""
    with wsgi.serving() as client:
        yield client


@pytest.fixture
def asgi_client(database_settings):
    """A client that runs its requests on an event loop."""
    with asgi.serving() as client:
        yield client


@pytest.fixture
def pool(transactional_db):
    """Skip where Django has no pool."""
    if connections["default"].vendor != "postgresql":
        pytest.skip(f"Django has no pool for {connections['default'].vendor}")
    pytest.importorskip("psycopg_pool", reason="the pool is psycopg's")


@pytest.fixture
def opened_at_server(transactional_db):
    """Return how many connections the server has counted since the test began."""
    connection = connections["default"]
    connection.ensure_connection()
    if "DATABASE_LOG" in os.environ:
        log = ServerLog([connection.settings_dict["NAME"]])
        yield lambda: len(log.heard().connections)
        return
    if connection.vendor != "mysql":
        pytest.skip(f"{connection.vendor} has no server that could be asked")

    monitor = connection.get_new_connection(connection.get_connection_params())

    def connected():
        with monitor.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Connections'")
            return int(cursor.fetchone()[1])

    before = connected()
    yield lambda: connected() - before
    monitor.close()


@pytest.fixture
def end_connections(transactional_db):
    """Make the server close all other connections to the test's database, as a restart does."""
    connection = connections["default"]
    others = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()",
        "mysql": "SELECT id FROM information_schema.processlist"
        " WHERE id <> connection_id() AND db = database()",
    }
    if connection.vendor not in others:
        pytest.skip(f"{connection.vendor} has no server that could end connections")

    def end():
        with connection.cursor() as cursor:
            cursor.execute(others[connection.vendor])
            if connection.vendor == "mysql":
                for (number,) in cursor.fetchall():
                    cursor.execute(f"KILL {number}")

    return end

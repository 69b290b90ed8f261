"""The fixtures of the plugin, which is off here, and what the server heard."""

import pytest
from django.db import connections

from pytest_dbperf.lifecycle import asgi, wsgi
from pytest_dbperf.lifecycle.database_settings import changeable
from tests.probes.conftest import postgres  # noqa: F401  # a fixture
from tests.probes.server_log import ServerLog


@pytest.fixture
def database_settings(transactional_db):
    """Settings of a database, changed for a test."""
    with changeable() as change:
        yield change


@pytest.fixture
def wsgi_client(database_settings):
    """A client whose requests are served on worker threads."""
    with wsgi.serving() as client:
        yield client


@pytest.fixture
def asgi_client(database_settings):
    """A client whose requests are served on an event loop."""
    with asgi.serving() as client:
        yield client


@pytest.fixture
def server_log(postgres, transactional_db):  # noqa: F811  # the fixture from above
    """What the server hears of the test's database from now on."""
    connections["default"].ensure_connection()
    return ServerLog([connections["default"].settings_dict["NAME"]])

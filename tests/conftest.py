"""What the plugin's own tests share."""

import inspect
from contextlib import ExitStack

import pytest
from django.conf import settings

from pytest_dbperf.probes.listening import RECORDER, listening
from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.session.standing_connections import close_on_asgiref_thread

pytest_plugins = ["pytester"]


def pytest_configure(config):
    """Listen from the start, as the plugin does: Django's test cases copy methods, wrapped or not."""
    stack = ExitStack()
    stack.enter_context(listening())
    config.add_cleanup(stack.close)


@pytest.fixture
def recorder():
    """The recorder of this process, with all probes installed."""
    return RECORDER


@pytest.fixture(autouse=True)
def no_bug_is_noted():
    """A bug of the plugin is only noted, so that the code under test goes on."""
    yield
    noted = BUGS.take()
    assert noted == []


@pytest.fixture(autouse=True)
def no_connection_is_left_on_asgiref_thread(request):
    """Do what the plugin would do, were it not off here: or DROP DATABASE waits for five seconds."""
    yield
    if inspect.iscoroutinefunction(request.function):
        close_on_asgiref_thread()


@pytest.fixture
def postgres():
    """Skip where DATABASE_URL names something else than a PostgreSQL."""
    if not settings.IS_POSTGRES:
        pytest.skip("needs a PostgreSQL; DATABASE_URL names another database")

"""What the plugin's own tests share."""

import inspect

import pytest

from pytest_dbperf.probes import listening
from pytest_dbperf.standing import close_on_asgiref_thread

pytest_plugins = ["pytester"]


@pytest.fixture
def recorder():
    """The recorder of this process, with all probes installed."""
    with listening() as recorder:
        yield recorder


@pytest.fixture(autouse=True)
def no_connection_is_left_on_asgiref_thread(request):
    """Do what the plugin would do, were it not off here: or DROP DATABASE waits for five seconds."""
    yield
    if inspect.iscoroutinefunction(request.function):
        close_on_asgiref_thread()

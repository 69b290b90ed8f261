"""What the plugin's own tests share."""

import pytest

from pytest_dbperf.probes import install
from pytest_dbperf.recording import Recorder

pytest_plugins = ["pytester"]


@pytest.fixture
def recorder():
    """A recorder of the test's own, with all probes installed."""
    recorder = Recorder()
    undo = install(recorder)
    yield recorder
    undo()

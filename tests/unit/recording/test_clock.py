"""The plugin's clock goes on while a test freezes time."""

import sys
import time

from pytest_dbperf.probes import listening
from pytest_dbperf.recording import clock, recorder


def test_no_module_has_the_function_that_freezegun_replaces():
    """freezegun looks for it by identity in every module."""
    ours = {name: module for name, module in sys.modules.items() if name.startswith("pytest_dbperf")}

    assert {clock.__name__, listening.__name__, recorder.__name__} <= set(ours)
    assert [name for name, module in ours.items() if time.perf_counter in vars(module).values()] == []


def test_it_is_the_clock_of_python():
    """In seconds, and never back."""
    before = time.perf_counter()
    now = clock.perf_counter()

    assert before <= now <= time.perf_counter()

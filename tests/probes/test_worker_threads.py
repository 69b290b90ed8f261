"""What anyio and trio send to threads is a hop on both event loops."""

import subprocess
import sys
import threading
from functools import partial

import anyio
import pytest
import trio.to_thread

from pytest_dbperf.probes.listening import listening


def load():
    """Something that is sent to a thread."""
    return 42


def name_of_thread():
    """Something that tells where it runs."""
    return threading.current_thread().name


def summary(recording):
    """What each hop is."""
    return [(hop.via, hop.function, hop.origin) for hop in recording.hops]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_hops_on_each_event_loop(recorder, backend):
    """anyio asks trio for a thread, and that is still one hop."""

    async def run():
        return await anyio.to_thread.run_sync(load)

    assert anyio.run(run, backend=backend) == 42
    with recorder.record() as recording:
        assert anyio.run(run, backend=backend) == 42

    assert summary(recording) == [("anyio", "load", "project")]
    assert recording.hops[0].call_path
    assert recording.hops[0].seconds is not None


@pytest.mark.parametrize("function", [load, partial(load)])
def test_trio_hops(recorder, function):
    """The function may have no name of its own."""

    async def run():
        return await trio.to_thread.run_sync(function, abandon_on_cancel=True)

    assert trio.run(run) == 42
    with recorder.record() as recording:
        assert trio.run(run) == 42

    assert summary(recording) == [("trio", "load", "project")]
    assert recording.hops[0].call_path


@pytest.mark.parametrize(
    ("function", "name"), [(name_of_thread, "name_of_thread"), (partial(name_of_thread), None)]
)
def test_trio_names_the_thread_after_the_function(recorder, function, name):
    """As it does without us."""

    async def run():
        return await trio.to_thread.run_sync(function)

    with recorder.record():
        assert trio.run(run).startswith(f"{name} from ")


LATER = """
import sys
from pytest_dbperf.probes.listening import listening

with listening() as recorder:
    assert "trio" not in sys.modules
    import anyio
    with recorder.record() as recording:
        anyio.run(anyio.to_thread.run_sync, int, backend="trio")
    assert [hop.via for hop in recording.hops] == ["anyio"]
    import trio
    assert hasattr(trio.to_thread.run_sync, "__wrapped__")
assert not hasattr(trio.to_thread.run_sync, "__wrapped__")
"""


def test_trio_is_not_imported_for_it():
    """It takes a while, and most projects that have it installed do not use it."""
    subprocess.run([sys.executable, "-c", LATER], check=True)


def test_listening_again_counts_once(recorder):
    """anyio's backend has trio's function by name."""
    with listening():
        pass

    async def run():
        await trio.to_thread.run_sync(load)

    with recorder.record() as recording:
        trio.run(run)

    assert len(recording.hops) == 1

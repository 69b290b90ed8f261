"""A server that does not stop is an error, and does not block the run."""

import asyncio
import threading

import pytest

from pytest_dbperf.clients import event_loop
from pytest_dbperf.session.standing_connections import ThreadIsStuck


async def in_thread(release):
    """Run on in a thread, which cannot be cancelled."""
    await asyncio.to_thread(release.wait)


async def on_loop(release):
    """Block the loop itself."""
    release.wait()


@pytest.mark.parametrize("work", [in_thread, on_loop])
def test_what_cannot_be_cancelled_is_an_error(monkeypatch, work):
    """The error comes after a timeout, which is short here."""
    monkeypatch.setattr(event_loop, "_SECONDS_TO_STOP", 0.1)
    release = threading.Event()
    server = event_loop.Loop()
    server.submit(work(release))
    with pytest.raises(ThreadIsStuck, match=r"is still running 0\.1 s after its test"):
        server.stop()

    release.set()
    server._thread.join()

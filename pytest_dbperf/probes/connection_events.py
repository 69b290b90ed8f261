"""What is recorded when a connection is opened or closed?"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.probes.threads import runs_in, this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.connections import ConnectionClosed, NewConnection, Why
from pytest_dbperf.recording.open_connections import OpenConnection
from pytest_dbperf.recording.recorder import Recorder

# Not in `Opening`: the tasks of an event loop share its thread.
in_async_pool = ContextVar("dbperf_in_async_pool", default=False)

_RECORDING = Guard("recording a connection that was dropped")


class Opening(threading.local):
    """The connection that this thread is opening: for which alias, why, since when.

    `driver_reported` is true if the driver has already reported it; `waited` is the wait for a pool. One that
    `is_standing` counts as if it had been opened before the test.
    """

    alias: str | None = None
    why: Why = Why.DRIVER
    because_of: CallPath = ()
    started: float | None = None
    driver_reported: bool = False
    is_persistent: bool = False
    is_standing: bool = False
    waited: float = 0.0


class ConnectionEvents:
    """Adds and removes the recorder's open connections, and emits an event for each."""

    def __init__(self, recorder: Recorder, opening: Opening) -> None:
        self._recorder = recorder
        self._opening = opening

    def opened(self, owner: Any, driver: str, database: str, backend_pid: int | None) -> None:
        """Record a connection that this thread has opened."""
        recorder, opening = self._recorder, self._opening
        recorder.connections.remove(owner)
        why = Why.POOL if in_async_pool.get() else opening.why
        is_kept = why is Why.POOL or (opening.alias is not None and keeps_connections())
        known = recorder.connections.add(
            owner, opening.alias, database=database, is_kept=is_kept, dropped=self._dropped
        )
        if opening.is_standing:
            recorder.add_to_open_at_start()
            return
        if not recorder.active:
            return
        now = perf_counter()
        recorder.emit(
            NewConnection(
                number=known.number,
                using=known.using,
                driver=driver,
                backend_pid=backend_pid,
                open_now=len(recorder.connections),
                started=now,
                seconds=None if opening.started is None else now - opening.started,
                thread=this_thread.name,
                why=why,
                because_of=opening.because_of,
                is_kept=is_kept,
                is_persistent=opening.is_persistent,
                frames=cause.frames_here(2) if recorder.wants_frames else (),
                cause=cause.inherited.get(),
                thread_number=this_thread.number,
            )
        )

    def closed(self, owner: Any) -> None:
        """Record that a connection was closed. One that is unknown or already closed is ignored."""
        known = self._recorder.connections.remove(owner)
        if known is not None:
            self._ended(known, dropped=False)

    def stop(self) -> None:
        """Record nothing from now on, even if other code still calls the wrappers."""
        self._recorder = Recorder()

    def _dropped(self, known: OpenConnection) -> None:
        # Python's garbage collector calls it.
        with _RECORDING:
            self._ended(known, dropped=True)

    def _ended(self, known: OpenConnection, *, dropped: bool) -> None:
        if self._recorder.active:
            open_now = len(self._recorder.connections)
            self._recorder.emit(
                ConnectionClosed(
                    known.number,
                    known.using,
                    dropped,
                    open_now,
                    perf_counter(),
                    this_thread.name,
                    cause.inherited.get(),
                    this_thread.number,
                )
            )


def keeps_connections() -> bool:
    """Tell whether this thread keeps its connections on purpose: the test's own, asgiref's, a worker."""
    return this_thread.keeps_connections or is_asgiref_thread()


def is_asgiref_thread() -> bool:
    """Tell whether this is the thread in which asgiref runs thread-sensitive calls outside of requests."""
    from asgiref.sync import SyncToAsync

    return runs_in(SyncToAsync.single_thread_executor)

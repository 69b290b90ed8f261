"""What blocks an event loop? A synchronous call in the thread that it runs in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.recorder import Recorder


class _ThreadState(threading.local):
    is_in_call = False


_here = _ThreadState()


def running_loop() -> Callable[[], object]:
    """Return asyncio's function that finds this thread's running loop, None without one: it takes 0.03 µs.

    asyncio is imported late: pytest warns if it is loaded before `-p asyncio`, which is pytest-asyncio.
    """
    from asyncio import _get_running_loop

    return _get_running_loop


class TimedCall:
    """A synchronous call in the thread of a running loop. It emits its event when it ends.

    A call inside of another one belongs to that, and emits none: Django's cursor calls the driver's, and
    connecting also queries the time zone.
    """

    __slots__ = ("_is_outermost", "_recorder", "_started", "_using", "_via", "_what")

    def __init__(self, recorder: Recorder, via: str, what: str, using: str | None) -> None:
        self._recorder = recorder
        self._via = via
        self._what = what
        self._using = using
        self._is_outermost = not _here.is_in_call
        _here.is_in_call = True
        self._started = perf_counter()

    def end(self, sql: str | None = None) -> None:
        """Emit the event, with the statement if there is one."""
        if self._is_outermost:
            _here.is_in_call = False
            recorder, seconds = self._recorder, perf_counter() - self._started
            recorder.emit(
                BlockingCall(
                    self._via,
                    self._what,
                    sql,
                    self._using,
                    self._started,
                    seconds,
                    this_thread.name,
                    cause.frames_here(1) if recorder.wants_frames else (),
                    cause.inherited.get(),
                )
            )

    def discard(self) -> None:
        """Emit nothing: the call was refused, so it blocked nothing."""
        if self._is_outermost:
            _here.is_in_call = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from django.core.exceptions import SynchronousOnlyOperation

        if isinstance(error, SynchronousOnlyOperation):
            self.discard()
        else:
            self.end()


def emit_connect(recorder: Recorder) -> None:
    """Emit a connection that psycopg has opened in the thread of a loop, unless another call includes it."""
    if not _here.is_in_call:
        frames = cause.frames_here(1) if recorder.wants_frames else ()
        recorder.emit(
            BlockingCall(
                "psycopg",
                "connect",
                sql=None,
                using=None,
                started=perf_counter(),
                seconds=None,
                thread=this_thread.name,
                frames=frames,
                cause=cause.inherited.get(),
            )
        )

"""What makes an event loop stand still? A synchronous call in the thread that it runs in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import BlockingCall
from pytest_dbperf.recording.recorder import Recorder


class _Here(threading.local):
    is_told = False


# What this thread is in the middle of.
_here = _Here()


def running_loop() -> Callable[[], object]:
    """Hand out asyncio's way to find the loop of this thread: within 0.03 µs, and None if there is none.

    Not imported before it is needed: pytest warns when asyncio is there before `-p asyncio`, pytest-asyncio.
    """
    from asyncio import _get_running_loop

    return _get_running_loop


class TimedCall:
    """A synchronous call in the thread of a running loop, told when it has ended.

    A call within it is a part of it and not told again: Django's cursor calls the driver's, and to connect is
    also to ask for the time zone.
    """

    __slots__ = ("_is_outermost", "_recorder", "_started", "_using", "_via", "_what")

    def __init__(self, recorder: Recorder, via: str, what: str, using: str | None) -> None:
        self._recorder = recorder
        self._via = via
        self._what = what
        self._using = using
        self._is_outermost = not _here.is_told
        _here.is_told = True
        self._started = perf_counter()

    def end(self, sql: str | None = None) -> None:
        """Tell of it, as the call of this statement if it was one."""
        if self._is_outermost:
            _here.is_told = False
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from django.core.exceptions import SynchronousOnlyOperation

        if self._is_outermost and isinstance(error, SynchronousOnlyOperation):
            _here.is_told = False  # Django has refused it, and nobody waited.
        else:
            self.end()


def emit_connect(recorder: Recorder) -> None:
    """Tell of a connection that psycopg has just opened in the thread of a loop, if that was all."""
    if not _here.is_told:
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

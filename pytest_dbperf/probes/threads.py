"""Which thread is this, and who started it?"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.probes.seam import Undo, wrap
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.loads import FetchedRows
from pytest_dbperf.recording.recorder import Recorder

_STARTED_BY = "_dbperf_started_by"

_RECORDING = Guard("recording the start of a thread")

_numbers = count(1)


class Fetching:
    """Which queryset a thread fetches rows for. One object, so that probes read the thread's state once."""

    __slots__ = ("is_streamed", "making", "outer", "query", "queryset", "rows")

    def __init__(
        self,
        queryset: Any = None,
        *,
        is_streamed: bool = False,
        making: Any = None,
        outer: Fetching | None = None,
    ) -> None:
        # The queryset that fetches rows next in this thread, and then the query that fetched them.
        self.queryset = queryset
        self.query: Query | None = None
        # Whether iterator() fetches them, which ignores prefetched rows.
        self.is_streamed = is_streamed
        # The queryset if no other code runs between its rows, and the rows that are being made.
        self.making = making
        self.rows: FetchedRows | None = None
        # What the thread fetches if this is for an instance that is still being made.
        self.outer = outer


class _Thread(threading.local):
    # Three times as fast as calling threading.current_thread() for every event.
    def __init__(self) -> None:
        thread = threading.current_thread()
        self.name = thread.name
        self.started_by: CallPath = vars(thread).get(_STARTED_BY, ())
        self.keeps_connections = thread is threading.main_thread()
        # Many threads may have the same name, and Python reuses identifiers.
        self.number = next(_numbers)
        # The hop that a task has just awaited, with the task, until the task awaits anything else.
        self.hop_before: tuple[int, object] | None = None
        self.fetching = Fetching()


this_thread = _Thread()


def runs_in(executor: Any) -> bool:
    """Tell whether this is a thread of an executor. Others may use the same names."""
    thread = threading.current_thread()
    if thread in getattr(executor, "_threads", ()):
        return True
    # The executor lists a thread only after it has started it. A worker's first argument is a weak reference.
    arguments: tuple[Any, ...] = vars(thread).get("_args", ())
    return any(type(each) is weakref.ref and each() is executor for each in arguments[:1])


def install(recorder: Recorder) -> Undo:
    """Wrap the start of threads, to store the call path that led to it."""

    def around_start(original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
        @functools.wraps(original)
        def start(self: threading.Thread) -> None:
            __tracebackhide__ = True
            if recorder.wants_frames:
                with _RECORDING:
                    path = cause.extended(cause.inherited.get(), cause.frames_here(1)).path
                    setattr(self, _STARTED_BY, path)
            original(self)

        return start

    # gevent replaces the class by a subclass of it.
    owner = next(each for each in threading.Thread.__mro__ if "start" in vars(each))
    return wrap(owner, "start", around_start)

"""What happened? The recorder is the process's event log, a recording is a window on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from dataclasses import dataclass, field
from itertools import compress
from types import TracebackType
from typing import Any, Self, cast

from pytest_dbperf.recording import cause
from pytest_dbperf.recording.cause import Cause, HasCause
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.compaction import MOST_UNFOLDED, Folds
from pytest_dbperf.recording.event_lists import Views
from pytest_dbperf.recording.events import DriverQuery, Event, Query
from pytest_dbperf.recording.open_connections import OpenConnections
from pytest_dbperf.sql.plan import Plan

_SECONDS_TO_SETTLE = 5


class Recorder:
    """The event log of a process, for all its threads. It keeps events only while a recording is open.

    It is not a context variable: plain threads, executors, live servers and the workers of a pool lose their
    context, and they are what must not be missed.
    """

    __slots__ = (
        "active",
        "connections",
        "emit",
        "fold_at",
        "folds",
        "log",
        "open_recordings",
        "sampled",
        "wants_driver_queries",
        "wants_frames",
    )

    def __init__(self) -> None:
        self.open_recordings: list[Recording] = []
        self.connections = OpenConnections()
        self._start_a_log()

    def _start_a_log(self) -> None:
        self.active = False
        self.wants_frames = False
        self.wants_driver_queries = False
        self.sampled: set[object] | None = None
        self.log: list[Event] = []
        # Appending to a list is atomic, and a bound method the cheapest way to it.
        self.emit: Callable[[HasCause], None] = cast(Any, self.log).append
        self.folds = Folds(self.log)
        self.fold_at = MOST_UNFOLDED

    def record(
        self, *, call_sites: bool = True, task: bool = False, driver_queries: bool = False
    ) -> Recording:
        """Make a recording, to be opened as a context manager (`with` or `async with`).

        With `task=True` it keeps only what this task, the tasks it starts and their threads cause: for code
        that gathers. Without call sites it is cheaper, and can count but not blame. With
        `driver_queries=True` it has the statements, too, that psycopg was given directly.
        """
        return Recording(self, call_sites=call_sites, task=task, driver_queries=driver_queries)

    def keep(self, query: Query) -> None:
        """Write a query into the log, and keep that small."""
        self.emit(query)
        if len(self.log) > self.fold_at:
            self.fold()

    def fold(self) -> None:
        """Fold what there is by now, and say when to do it again."""
        self.fold_at = len(self.log) + MOST_UNFOLDED
        self.folds.fold()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out of all open recordings what happens inside, in every thread."""
        paused = [recording for recording in self.open_recordings if recording.is_running]
        for recording in paused:
            recording._stop()
        try:
            yield
        finally:
            for recording in paused:
                if recording in self.open_recordings:
                    recording._start()
                    self._listen()

    def opened(self, recording: Recording) -> None:
        """Listen, and with call sites if this recording or another open one wants them."""
        self.open_recordings.append(recording)
        self._listen()

    def closed(self, recording: Recording) -> None:
        """Forget a recording; the log goes with the last one."""
        self.open_recordings.remove(recording)
        if self.open_recordings:
            self._listen()
        else:
            self._start_a_log()

    def _listen(self) -> None:
        self.wants_frames = any(recording.has_call_sites for recording in self.open_recordings)
        self.wants_driver_queries = any(recording.has_driver_queries for recording in self.open_recordings)
        # Anew for each window: each is to have samples of its own.
        self.sampled = set() if any(recording.has_samples for recording in self.open_recordings) else None
        self.active = True


@dataclass(slots=True)
class _Span:
    log: list[Event]
    folds: Folds
    start: int
    stop: int | None = None
    started: float = field(default_factory=perf_counter)
    stopped: float | None = None


class Recording(Views):
    """A window on the event log: what happened while it was open, in every thread and on every alias.

    It can be read at any time, also while it is open, and costs no copy: it is pairs of indexes into the log.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        call_sites: bool = True,
        task: bool = False,
        driver_queries: bool = False,
    ) -> None:
        self.has_call_sites = call_sites
        self.has_driver_queries = driver_queries
        self.has_samples = False
        self.plans: Sequence[Plan] = ()
        self.open_at_start = 0
        self._recorder = recorder
        self._spans: list[_Span] = []
        self._task = object() if task else None
        self._token: Token[Cause] | None = None

    def __repr__(self) -> str:
        return (
            f"<Recording: {len(self.queries)} queries, {len(self.new_connections)} new connections, "
            f"{len(self.hops)} hops>"
        )

    def __enter__(self) -> Self:
        if self._task is not None:
            outer = cause.current.get()
            self._token = cause.current.set(outer._replace(tasks=(*outer.tasks, self._task)))
        # A pool may still be filling up from before.
        self._recorder.connections.settle(_SECONDS_TO_SETTLE)
        self.open_at_start = len(self._recorder.connections)
        self._recorder.opened(self)
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        # What a pool was asked for inside belongs to it, also if it takes a moment longer.
        self._recorder.connections.settle(_SECONDS_TO_SETTLE)
        if self.is_running:
            self._stop()
        self._recorder.closed(self)
        if self._token is not None:
            cause.current.reset(self._token)
            self._token = None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _start(self) -> None:
        recorder = self._recorder
        self._spans.append(_Span(recorder.log, recorder.folds, recorder.folds.edge()))

    def _stop(self) -> None:
        span = self._spans[-1]
        span.stop, span.stopped = span.folds.edge(), perf_counter()

    @property
    def is_running(self) -> bool:
        """Whether it is open and not paused."""
        return bool(self._spans) and self._spans[-1].stop is None

    @property
    def periods(self) -> list[tuple[float, float]]:
        """When it ran, pauses left out: from and until, in seconds of `time.perf_counter()`."""
        return [(span.started, span.stopped or perf_counter()) for span in self._spans]

    def of_types(self, kinds: AbstractSet[type]) -> list[Any]:
        """The events of exactly these types, in the order in which they ended."""
        if not self.has_driver_queries:
            kinds = kinds - {DriverQuery}
        events: list[Any] = []
        for span in self._spans:
            part = span.log[span.start : span.stop]
            # A million events are looked through a dozen times: this takes a third of what isinstance() does.
            events += compress(part, map(kinds.__contains__, map(type, part)))
        if self._task is None:
            return events
        return [event for event in events if self._task in event.cause.tasks]

    def record(self, *, task: bool = False) -> Recording:
        """Make a narrower window: `with dbperf.record() as recording: ...`."""
        return self._recorder.record(task=task, driver_queries=self.has_driver_queries)

    def pause(self) -> AbstractContextManager[None]:
        """Leave out what happens inside, of this and of every open window: `with dbperf.pause(): ...`."""
        return self._recorder.pause()

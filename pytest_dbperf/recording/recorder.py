"""How is it recorded? The recorder keeps the event log of the process; a recording is a window on it."""

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
from pytest_dbperf.recording.compaction import MOST_UNCOMPACTED, Compaction
from pytest_dbperf.recording.event_lists import EventLists
from pytest_dbperf.recording.events import DriverQuery, Event, Query
from pytest_dbperf.recording.open_connections import OpenConnections
from pytest_dbperf.sql.plan import Plan

_SECONDS_FOR_POOLS = 5


class Recorder:
    """The event log of a process, for all its threads. It keeps events only while a recording is open.

    It is not in a context variable: plain threads, executors, live servers and the workers of a pool start
    without the context, and their events must count, too.
    """

    __slots__ = (
        "active",
        "before_opening",
        "compact_at",
        "compaction",
        "connections",
        "emit",
        "log",
        "open_recordings",
        "sampled",
        "wants_driver_queries",
        "wants_frames",
    )

    def __init__(self) -> None:
        self.open_recordings: list[Recording] = []
        # What probes do before a recording opens.
        self.before_opening: list[Callable[[], None]] = []
        self.connections = OpenConnections()
        self._start_a_log()

    def _start_a_log(self) -> None:
        self.active = False
        self.wants_frames = False
        self.wants_driver_queries = False
        self.sampled: set[object] | None = None
        self.log: list[Event] = []
        # Appending to a list is atomic, and calling the bound method is the fastest way.
        self.emit: Callable[[HasCause], None] = cast(Any, self.log).append
        self.compaction = Compaction(self.log)
        self.compact_at = MOST_UNCOMPACTED

    def record(
        self,
        *,
        call_sites: bool = True,
        task: bool = False,
        driver_queries: bool = False,
        samples: bool = False,
    ) -> Recording:
        """Return a recording, to be opened as a context manager (`with` or `async with`).

        With `task=True` it has only the events of this task, of tasks that it starts, and of their threads:
        for code that runs in `gather()`. Without call sites it is faster: it counts, but does not know which
        code was the cause. With `driver_queries=True` it includes statements that psycopg executed without
        Django. With `samples=True` it keeps the parameters of one statement per fingerprint, which PostgreSQL
        needs to plan it.
        """
        return Recording(
            self, call_sites=call_sites, task=task, driver_queries=driver_queries, samples=samples
        )

    def keep(self, query: Query) -> None:
        """Append a query to the log, and compact the log if it is long."""
        self.emit(query)
        if len(self.log) > self.compact_at:
            self.compact()

    def compact(self) -> None:
        """Compact the log, and set the length at which to do it again."""
        self.compact_at = len(self.log) + MOST_UNCOMPACTED
        self.compaction.compact()

    def add_to_open_at_start(self) -> None:
        """Let all open recordings look as if one more connection had been open when they began."""
        for recording in self.open_recordings:
            recording._add_to_open_at_start()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out of all open recordings what happens inside the block, in every thread."""
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
        """Record for this recording, too. Events have call sites if any open recording wants them."""
        for prepare in self.before_opening:
            prepare()
        self.open_recordings.append(recording)
        self._listen()

    def closed(self, recording: Recording) -> None:
        """Forget a recording. The last one takes the log with it."""
        self.open_recordings.remove(recording)
        if self.open_recordings:
            self._listen()
        else:
            self._start_a_log()

    def _listen(self) -> None:
        self.wants_frames = any(recording.has_call_sites for recording in self.open_recordings)
        self.wants_driver_queries = any(recording.has_driver_queries for recording in self.open_recordings)
        # A new set for each window, so that each gets its own samples.
        self.sampled = set() if any(recording.has_samples for recording in self.open_recordings) else None
        self.active = True


@dataclass(slots=True)
class _Span:
    log: list[Event]
    compaction: Compaction
    start: int
    stop: int | None = None
    started: float = field(default_factory=perf_counter)
    stopped: float | None = None


class Recording(EventLists):
    """What happened while it was open, in every thread and on every database alias.

    It can be read at any time, also while it is still open. It is a window on the event log and copies
    nothing: it holds pairs of indexes.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        call_sites: bool = True,
        task: bool = False,
        driver_queries: bool = False,
        samples: bool = False,
    ) -> None:
        self.has_call_sites = call_sites
        self.has_driver_queries = driver_queries
        self.has_samples = samples
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
            outer = cause.inherited.get()
            self._token = cause.inherited.set(outer._replace(tasks=(*outer.tasks, self._task)))
        # A pool may still be opening connections from before.
        self._recorder.connections.wait_for_pools(_SECONDS_FOR_POOLS)
        self.open_at_start = len(self._recorder.connections)
        self._recorder.opened(self)
        self._start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        # Connections that a pool was asked for inside belong to it, even if they take a moment longer.
        self._recorder.connections.wait_for_pools(_SECONDS_FOR_POOLS)
        if self.is_running:
            self._stop()
        self._recorder.closed(self)
        if self._token is not None:
            cause.inherited.reset(self._token)
            self._token = None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.__exit__(exc_type, error, traceback)

    def _start(self) -> None:
        recorder = self._recorder
        self._spans.append(_Span(recorder.log, recorder.compaction, recorder.compaction.add_boundary()))

    def _stop(self) -> None:
        span = self._spans[-1]
        span.stop, span.stopped = span.compaction.add_boundary(), perf_counter()

    def _add_to_open_at_start(self) -> None:
        self.open_at_start += 1

    @property
    def is_running(self) -> bool:
        """Whether it is open and not paused."""
        return bool(self._spans) and self._spans[-1].stop is None

    @property
    def periods(self) -> list[tuple[float, float]]:
        """The start and end of each time that it ran without a pause, by `time.perf_counter()`."""
        return [(span.started, span.stopped or perf_counter()) for span in self._spans]

    def of_types(self, event_types: AbstractSet[type]) -> list[Any]:
        """The events of exactly these types, in the order in which they ended."""
        if not self.has_driver_queries:
            event_types = event_types - {DriverQuery}
        events: list[Any] = []
        for span in self._spans:
            part = span.log[span.start : span.stop]
            # A million events are searched a dozen times: this takes a third of the time of isinstance().
            events += compress(part, map(event_types.__contains__, map(type, part)))
        if self._task is None:
            return events
        return [event for event in events if self._task in event.cause.tasks]

    def record(self, *, task: bool = False) -> Recording:
        """Record a part of it: `with dbperf.record() as part: ...`."""
        return self._recorder.record(task=task, driver_queries=self.has_driver_queries)

    def keep_plans(self, plans: Sequence[Plan]) -> None:
        """Keep how PostgreSQL would run the statements: budgets read it from `plans`."""
        self.plans = plans

    def pause(self) -> AbstractContextManager[None]:
        """Leave out what happens inside, of this and every open recording: `with dbperf.pause(): ...`."""
        return self._recorder.pause()

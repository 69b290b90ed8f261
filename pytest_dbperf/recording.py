"""What happened? The recorder is the process's event log, a recording is a window on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

from pytest_dbperf import cause
from pytest_dbperf.clock import perf_counter
from pytest_dbperf.crossings import completed, seconds_in_queues
from pytest_dbperf.events import (
    BlockingCall,
    Cause,
    Checkout,
    ConnectionClosed,
    DriverQuery,
    Event,
    Hop,
    NewConnection,
    Query,
    Request,
)
from pytest_dbperf.open_connections import OpenConnections
from pytest_dbperf.plan import Plan

_SECONDS_TO_SETTLE = 5

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Recorder:
    """The event log of a process, for all its threads. It keeps events only while a recording is open.

    It is not a context variable: plain threads, executors, live servers and the workers of a pool lose their
    context, and they are what must not be missed.
    """

    __slots__ = (
        "active",
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
        self.connections = OpenConnections()
        self._start_a_log()

    def _start_a_log(self) -> None:
        self.active = False
        self.wants_frames = False
        self.wants_driver_queries = False
        self.sampled: set[object] | None = None
        self.log: list[Event] = []
        # Appending to a list is atomic, and a bound method the cheapest way to it.
        self.emit = self.log.append

    def record(
        self, *, call_sites: bool = True, task: bool = False, driver_queries: bool = False
    ) -> Recording:
        """Make a recording, to be opened as a context manager (`with` or `async with`).

        With `task=True` it keeps only what this task, the tasks it starts and their threads cause: for code
        that gathers. Without call sites it is cheaper, and can count but not blame. With
        `driver_queries=True` it has the statements, too, that psycopg was given directly.
        """
        return Recording(self, call_sites=call_sites, task=task, driver_queries=driver_queries)

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


def reuse(new_connections: int, uses: int) -> float | None:
    """Tell which part of so many uses needed no new connection; None without any use."""
    return round(max(0.0, 1 - new_connections / uses), 3) if uses else None


@dataclass(slots=True)
class _Span:
    log: list[Event]
    start: int
    stop: int | None = None
    started: float = field(default_factory=perf_counter)
    stopped: float | None = None


class Recording:
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
        log = self._recorder.log
        self._spans.append(_Span(log, len(log)))

    def _stop(self) -> None:
        span = self._spans[-1]
        span.stop, span.stopped = len(span.log), perf_counter()

    @property
    def is_running(self) -> bool:
        """Whether it is open and not paused."""
        return bool(self._spans) and self._spans[-1].stop is None

    @property
    def periods(self) -> list[tuple[float, float]]:
        """When it ran, pauses left out: from and until, in seconds of `time.perf_counter()`."""
        return [(span.started, span.stopped or perf_counter()) for span in self._spans]

    @property
    def events(self) -> list[Event]:
        """Everything that happened, bookkeeping included, in the order in which it ended."""
        events = [event for span in self._spans for event in span.log[span.start : span.stop]]
        if not self.has_driver_queries:
            events = [event for event in events if not isinstance(event, DriverQuery)]
        if self._task is None:
            return events
        return [event for event in events if self._task in event.cause.tasks]

    def of_type(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """The events of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def statements(self) -> list[Query]:
        """All statements, bookkeeping included."""
        return self.of_type(Query)

    @property
    def queries(self) -> list[Query]:
        """The statements that count, all but transaction and session control. `executemany` is one."""
        return [query for query in self.statements if not query.is_bookkeeping]

    @property
    def bookkeeping(self) -> list[Query]:
        """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, SET, SHOW, PRAGMA."""
        return [query for query in self.statements if query.is_bookkeeping]

    @property
    def new_connections(self) -> list[NewConnection]:
        """The physical connections that were opened."""
        return self.of_type(NewConnection)

    @property
    def closed_connections(self) -> list[ConnectionClosed]:
        """The physical connections that were closed, or dropped while open."""
        return self.of_type(ConnectionClosed)

    @property
    def leaked_connections(self) -> list[NewConnection]:
        """The connections that were opened, and by now are still open or were dropped while open.

        Those that a pool or a thread keeps on purpose are not among them.
        """
        closed = {event.number for event in self.closed_connections if not event.dropped}
        return [new for new in self.new_connections if not new.is_kept and new.number not in closed]

    @property
    def checkouts(self) -> list[Checkout]:
        """The connections that were taken from a pool."""
        return self.of_type(Checkout)

    @property
    def hops(self) -> list[Hop]:
        """The crossings between event loops and threads, of every origin, with what ran there so far."""
        return completed(self.events)

    @property
    def blocking_calls(self) -> list[BlockingCall]:
        """The synchronous calls that made an event loop stand still."""
        return self.of_type(BlockingCall)

    @property
    def seconds_in_queues(self) -> float:
        """How long hops waited, all together, while their thread was busy with other hops."""
        return seconds_in_queues(self.hops)

    @property
    def requests(self) -> list[Request]:
        """The requests that entered Django's handler."""
        return self.of_type(Request)

    @property
    def peak_connections(self) -> int:
        """How many physical connections were open at once, those from before the window included."""
        changes = (event for event in self.events if isinstance(event, NewConnection | ConnectionClosed))
        return max([self.open_at_start, *(change.open_now for change in changes)])

    @property
    def reuse(self) -> float | None:
        """The part of all checkouts, or else requests, that needed no new connection; None without any."""
        return reuse(len(self.new_connections), len(self.checkouts) or len(self.requests))

    @property
    def seconds(self) -> float:
        """The time that all statements took in the driver, bookkeeping included."""
        return sum(query.seconds for query in self.statements)

    def record(self, *, task: bool = False) -> Recording:
        """Make a narrower window: `with dbperf.record() as recording: ...`."""
        return self._recorder.record(task=task, driver_queries=self.has_driver_queries)

    def pause(self) -> AbstractContextManager[None]:
        """Leave out what happens inside, of this and of every open window: `with dbperf.pause(): ...`."""
        return self._recorder.pause()

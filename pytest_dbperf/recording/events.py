"""What can happen? The frozen facts that probes emit.

Events are named tuples and not frozen dataclasses because they are made on the path of every query: 0.3 µs
against 1.0 µs (CPython 3.11 to 3.13).
"""

from __future__ import annotations

from array import array
from enum import StrEnum
from typing import Any, NamedTuple

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.recording.cause import Cause, Request
from pytest_dbperf.recording.loads import RelationLoad
from pytest_dbperf.sql.fingerprint import Statement, is_bookkeeping, statement_of


class Response(NamedTuple):
    """What the request of this number got, after `seconds` in Django's handler, the middlewares included.

    `view` is the route of its view, empty if none was found; `status` is None for a request that was
    cancelled.
    """

    number: int
    view: str
    status: int | None
    started: float
    seconds: float
    thread: str
    cause: Cause


class Why(StrEnum):
    """What made a new connection necessary."""

    FIRST_IN_THREAD = "first use in its thread"
    FIRST_IN_REQUEST = "first use in its request, which has a thread of its own"
    OUT_OF_AGE = "CONN_MAX_AGE had closed the one before"
    HEALTH_CHECK = "the one before had failed its health check"
    UNUSABLE = "the one before was not usable any more"
    AUTOCOMMIT = "autocommit had not been restored on the one before"
    CLOSED = "the one before was closed"
    POOL = "the pool filled up or grew"
    DRIVER = "the driver was called directly"


class Alike(NamedTuple):
    """In what queries differ that share one object, by their attributes; None where none has a value.

    `has_texts` tells that their texts differed, too: what was written into each is in its `parameters`.
    """

    started: array[float]
    seconds: array[float]
    parameters: array[int] | None
    row: array[int] | None
    has_texts: bool = False


class Query(NamedTuple):
    """One statement that went through a Django cursor, transaction control included.

    `using` is None for a statement of the driver's on a connection without an alias. `seconds` is its time in
    the driver; `executions` tells how often the server was asked (more than once for `executemany`);
    `parameters` is a hash of the values, None when they cannot be hashed safely; `load` tells what the ORM
    loaded by it for a row, None where that is not known.

    In a long recording one object may stand for all queries that are `alike`, in the place of each. Its
    `seconds` are their mean, and its `started`, `parameters` and `row` those of the first.
    """

    sql: str
    using: str | None
    started: float
    seconds: float
    executions: int
    parameters: int | None
    thread: str
    frames: CallPath
    cause: Cause
    load: RelationLoad | None = None
    alike: Alike | None = None

    @property
    def call_path(self) -> CallPath:
        """The call sites of your code, innermost first, across threads."""
        return self.frames + self.cause.path

    @property
    def request(self) -> Request | None:
        """The request that it was made for."""
        return self.cause.request

    @property
    def row(self) -> int | None:
        """A hash of the primary key of the row that it was made for, None where that is not known."""
        return self.load.row if self.load is not None else None

    @property
    def statement(self) -> Statement:
        """Its fingerprint, kind and tables."""
        return statement_of(self.sql)

    @property
    def is_bookkeeping(self) -> bool:
        """Whether it only controls the transaction or the session."""
        return is_bookkeeping(self.sql)


class DriverQuery(Query):
    """One statement that psycopg was given directly. Recorded where `dbperf_driver_queries` asks for it."""

    __slots__ = ()


class Sample(NamedTuple):
    """A statement with parameters that it ran with: a copy of their list, the values are the user's own.

    Of `executemany` it is the first set. There is one for each text in a window, where a budget wants them.
    """

    sql: str
    using: str
    parameters: Any
    cause: Cause


class NewConnection(NamedTuple):
    """A physical connection was opened. `using` is None when no Django alias is behind it.

    `seconds` is the time that it took, None where the driver was called directly. `why` tells what made it
    necessary, and `because_of` the call path of that: where the thread was started, or the connection before
    was closed. `is_kept` tells that somebody keeps it open on purpose: the test's own thread, asgiref's, a
    worker of `wsgi_client`, a pool; `is_persistent` that CONN_MAX_AGE lets it outlive its request.
    """

    number: int
    using: str | None
    driver: str
    backend_pid: int | None
    open_now: int
    started: float
    seconds: float | None
    thread: str
    why: Why
    because_of: CallPath
    is_kept: bool
    is_persistent: bool
    frames: CallPath
    cause: Cause

    @property
    def call_path(self) -> CallPath:
        """The call sites of your code, innermost first, across threads."""
        return self.frames + self.cause.path


class ConnectionClosed(NamedTuple):
    """A physical connection ended; `dropped` when nobody closed it and the garbage collector did."""

    number: int
    using: str | None
    dropped: bool
    open_now: int
    started: float
    thread: str
    cause: Cause


class Checkout(NamedTuple):
    """A connection was taken from a pool, after a wait of `waited` seconds if all were taken."""

    using: str
    waited: float
    started: float
    thread: str
    frames: CallPath
    cause: Cause

    @property
    def call_path(self) -> CallPath:
        """The call sites of your code, innermost first, across threads."""
        return self.frames + self.cause.path


class Hop(NamedTuple):
    """One crossing between an event loop and a worker thread.

    `via` names the way (`sync_to_async`, `async_to_sync`, `executor`, `anyio`), `function` what crossed,
    `owner` the class of the object that it is a method of. `origin` tells whose decision it was: `project`,
    `django` or `library:<name>`, and `part` which part of Django: `orm`, `middleware:<name>`, ...

    `is_thread_sensitive` tells whether it had to run on one certain thread, None where there is no choice.
    `others_adapt` tells of an adapter for a middleware that all others can run in both modes.
    `follows` is the number of the hop whose end was the last thing that its task waited for, 0 without one.

    A recording fills in what became of it: `queries` that ran there, the thread it `ran_in`, the seconds that
    it `waited` for the thread and `seconds` that it ran, None while it has not ended.
    """

    number: int
    via: str
    function: str
    owner: type | None
    origin: str
    part: str
    is_thread_sensitive: bool | None
    others_adapt: bool
    follows: int
    started: float
    thread: str
    frames: CallPath
    cause: Cause
    ran_in: str = ""
    thread_number: int = 0
    waited: float | None = None
    seconds: float | None = None
    queries: int = 0

    @property
    def call_path(self) -> CallPath:
        """The call sites of your code, innermost first, across threads."""
        return self.frames + self.cause.path

    @property
    def leaves_the_loop(self) -> bool:
        """Whether it went from an event loop to a thread, and not the other way."""
        return self.via != "async_to_sync"

    @property
    def request(self) -> Request | None:
        """The request that it was made for."""
        return self.cause.request

    @property
    def is_in_view(self) -> bool:
        """Whether it was made by the view of a request, or for it, and not by a middleware or around them."""
        return self.cause.is_in_view and not self.part.startswith(MIDDLEWARE)

    @property
    def decided_by(self) -> str:
        """Whose decision it was, in a word: the part of Django, or else the origin."""
        return self.part or self.origin


class HopEnded(NamedTuple):
    """What crossed in the hop of this number has run, on this thread."""

    number: int
    started: float
    seconds: float
    thread: str
    thread_number: int
    cause: Cause


class BlockingCall(NamedTuple):
    """One synchronous call in the thread of a running event loop, which stood still meanwhile.

    `via` names who was called (`django`, `psycopg`, `hashers`), `what` the function (`execute`, `connect`,
    `commit`, `verify_password`, or `acheck_password` where that hashes on the loop), `sql` the statement, if
    it was one. `seconds` is None for a connection that psycopg was asked for directly.
    """

    via: str
    what: str
    sql: str | None
    using: str | None
    started: float
    seconds: float | None
    thread: str
    frames: CallPath
    cause: Cause

    @property
    def call_path(self) -> CallPath:
        """The call sites of your code, innermost first, across threads."""
        return self.frames + self.cause.path

    @property
    def name(self) -> str:
        """The fingerprint of the statement, or the function."""
        return self.what if self.sql is None else statement_of(self.sql).fingerprint


Event = (
    Query
    | NewConnection
    | ConnectionClosed
    | Checkout
    | Hop
    | HopEnded
    | Request
    | Response
    | BlockingCall
    | Sample
)

"""What can happen? The events that probes emit, each one an immutable fact.

Events are named tuples, not frozen dataclasses, because every query makes one: 0.3 µs instead of 1.0 µs
(CPython 3.11 to 3.13).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.cause import Cause, Request
from pytest_dbperf.recording.compacted_values import CompactedValues
from pytest_dbperf.recording.connections import Checkout, ConnectionClosed, ConnectionReturned, NewConnection
from pytest_dbperf.recording.loads import RelationLoad
from pytest_dbperf.recording.vendors import vendor_of
from pytest_dbperf.sql.fingerprint import Statement, is_bookkeeping, statement_of


class Response(NamedTuple):
    """The end of the request with this `number`, after `seconds` in Django's handler and its middlewares.

    `view` is the URL pattern that matched, empty if none did. `status` is the HTTP status code, None if the
    request raised an error or was cancelled.
    """

    number: int
    view: str
    status: int | None
    started: float
    seconds: float
    thread: str
    cause: Cause


class Query(NamedTuple):
    """One SQL statement that Django's cursor executed, including BEGIN, COMMIT and the like.

    `using` is its database alias, None for a `DriverQuery` on a connection without one. `seconds` is the time
    in the driver. `executions` is more than one for `executemany`. `parameters` is a hash of the values, None
    if they cannot be hashed safely. `load` is the relation or field that the ORM loaded with it, if known.

    Threads may have equal names, so each has a `thread_number`. `is_sent_again` is true if an
    `execute_wrapper` had sent the statement before, in the same call of `execute()`.

    A long recording compacts equal queries into one object, which then appears once for each of them. Its
    `seconds` are their mean, `started` and `parameters` those of the first; `compacted` has those of all.
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
    compacted: CompactedValues | None = None
    thread_number: int = 0
    is_sent_again: bool = False

    @property
    def call_path(self) -> CallPath:
        """The call sites in your code that led to it, innermost first, also across threads."""
        return self.frames + self.cause.path

    @property
    def request(self) -> Request | None:
        """The request during which it ran, None outside of any request."""
        return self.cause.request

    @property
    def row(self) -> int | None:
        """A hash of the primary key of the row that it loads something for, None if that is unknown."""
        return self.load.row if self.load is not None else None

    @property
    def instance(self) -> int | None:
        """A number for the instance of that row, None if that is unknown."""
        return self.load.instance if self.load is not None else None

    @property
    def statement(self) -> Statement:
        """Its fingerprint, kinds and tables."""
        return statement_of(self.sql, self.vendor)

    @property
    def vendor(self) -> str:
        """Django's name for the database, such as `postgresql`; empty if it is unknown."""
        return vendor_of(self.using)

    @property
    def is_bookkeeping(self) -> bool:
        """Whether it only controls a transaction or a session."""
        return is_bookkeeping(self.sql)


class DriverQuery(Query):
    """One statement that psycopg executed without Django. Recorded with `dbperf_driver_queries = true`."""

    __slots__ = ()

    @property
    def vendor(self) -> str:
        """Psycopg has one."""
        return "postgresql"


class NotSent(NamedTuple):
    """A statement that code executed, but that was not sent.

    An `execute_wrapper` refused or answered it, Django or the driver refused it, or there were no rows for
    `executemany`.
    """

    sql: str
    using: str
    started: float
    thread: str
    cause: Cause


class Sample(NamedTuple):
    """A statement with one set of its parameters: a copy of the list or dictionary, not of the values.

    For `executemany` it is the first set. If a budget asks for samples, a window has one per SQL text.
    """

    sql: str
    using: str
    parameters: Any
    cause: Cause


class Hop(NamedTuple):
    """One call that an event loop sent to a worker thread, or that a thread sent to an event loop.

    `via` is the way: `sync_to_async`, `async_to_sync`, `executor`, `anyio` or `trio`. `function` is the name
    of what was called, `owner` the class of the object if it is a method. `origin` is the code that caused
    the hop: `project`, `django` or `library:<name>`. `part` is the part of Django: `orm`, ...

    `is_thread_sensitive` is true if it had to run in one certain thread, None if `via` has no such option.
    `others_adapt` is true for a middleware's adapter if all other middlewares support both sync and async.
    `follows` is the number of the hop that its task awaited just before, 0 if it awaited something else.

    A recording adds the outcome: the number of `queries` in it, the thread it `ran_in`, the seconds it
    `waited` for that thread, and the `seconds` it ran. The last two are None while it has not ended.
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
        """The call sites in your code that led to it, innermost first, also across threads."""
        return self.frames + self.cause.path

    @property
    def leaves_the_loop(self) -> bool:
        """Whether it went from an event loop to a thread, not from a thread to an event loop."""
        return self.via != "async_to_sync"

    @property
    def request(self) -> Request | None:
        """The request that it belongs to, None outside of any request."""
        return self.cause.request

    @property
    def is_in_view(self) -> bool:
        """Whether the view of a request caused it, not a middleware or the code around them."""
        return self.cause.is_in_view and not self.part.startswith(MIDDLEWARE)

    @property
    def counted_as(self) -> str:
        """The name that reports count it under, which is the part of Django or else the origin."""
        return self.part or self.origin


class HopEnded(NamedTuple):
    """The call of the hop with this `number` has ended, in this thread."""

    number: int
    started: float
    seconds: float
    thread: str
    thread_number: int
    cause: Cause


Event = (
    Query
    | NewConnection
    | ConnectionClosed
    | Checkout
    | ConnectionReturned
    | Hop
    | HopEnded
    | Request
    | Response
    | BlockingCall
    | NotSent
    | Sample
)

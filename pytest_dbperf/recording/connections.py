"""What can happen to a connection? The events of connections and pools."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.recording.cause import Cause


class Why(StrEnum):
    """Why a new connection was necessary."""

    FIRST_IN_THREAD = "first use in its thread"
    FIRST_IN_REQUEST = "first use in its request, which has a thread of its own"
    OUT_OF_AGE = "CONN_MAX_AGE had closed the one before"
    HEALTH_CHECK = "the one before had failed its health check"
    UNUSABLE = "the one before was not usable any more"
    AUTOCOMMIT = "autocommit had not been restored on the one before"
    CLOSED = "the one before was closed"
    POOL = "the pool filled up or grew"
    DRIVER = "the driver was called directly"


class NewConnection(NamedTuple):
    """A physical connection was opened. `using` is None if it belongs to no alias of Django's.

    `seconds` is the time that opening it took, None if the driver was called directly. `why` is the reason,
    `because_of` the call path that led to that: to the start of the thread, or the end of the connection
    before. `is_kept` is true if it stays open on purpose: in the test's own thread, asgiref's, a worker of
    `wsgi_client`, or a pool. `is_persistent` is true if CONN_MAX_AGE lets it outlive its request.
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
    thread_number: int = 0

    @property
    def call_path(self) -> CallPath:
        """The call sites in your code that led to it, innermost first, also across threads."""
        return self.frames + self.cause.path


class ConnectionClosed(NamedTuple):
    """A physical connection was closed. `dropped` is true if only the garbage collector closed it."""

    number: int
    using: str | None
    dropped: bool
    open_now: int
    started: float
    thread: str
    cause: Cause
    thread_number: int = 0


class Checkout(NamedTuple):
    """A connection was taken from a pool. `waited` is the time in seconds until one was free.

    `using` is None if code took it without Django. `number` is that of the checkout, and `connection` that of
    the physical connection, 0 if it is unknown. `is_kept` and `because_of` are as in `NewConnection`.
    """

    using: str | None
    waited: float
    started: float
    thread: str
    frames: CallPath
    cause: Cause
    number: int = 0
    connection: int = 0
    is_kept: bool = False
    because_of: CallPath = ()
    thread_number: int = 0

    @property
    def call_path(self) -> CallPath:
        """The call sites in your code that led to it, innermost first, also across threads."""
        return self.frames + self.cause.path


class ConnectionReturned(NamedTuple):
    """The connection of the checkout with this `number` was given back to its pool."""

    number: int
    using: str | None
    started: float
    thread: str
    cause: Cause

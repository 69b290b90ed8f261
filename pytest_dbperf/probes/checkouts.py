"""Which connections are taken from a pool, and which are given back?"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from pytest_dbperf.probes.connection_events import Opening, keeps_connections
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.connections import Checkout, ConnectionReturned
from pytest_dbperf.recording.recorder import Recorder

_RECORDING = Guard("recording a connection of a pool")
_TAKEN = "_dbperf_checkout"


class Checkouts:
    """Emits an event when a connection is taken from a pool, and when it is given back.

    The number of the checkout is noted on the driver's connection, or else on Django's.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._numbers = count(1)

    def taken(self, connection: Any, noted_on: Any, using: str | None, waited: float) -> None:
        """Emit that this thread has taken a connection, for an alias or without Django."""
        recorder = self._recorder
        if not recorder.active:
            return
        number = vars(noted_on)[_TAKEN] = next(self._numbers)
        recorder.emit(
            Checkout(
                using=using,
                waited=waited,
                started=perf_counter(),
                thread=this_thread.name,
                frames=cause.frames_here(2) if recorder.wants_frames else (),
                cause=cause.inherited.get(),
                number=number,
                connection=recorder.connections.number_of(connection),
                is_kept=using is not None and keeps_connections(),
                because_of=this_thread.started_by,
                thread_number=this_thread.number,
            )
        )

    @contextmanager
    def returning(self, noted_on: Any, using: str | None) -> Iterator[None]:
        """Emit that a connection was given back, if it was taken while a recording was open."""
        # The note is removed first: another thread may take the connection as soon as it is given back. It
        # may be any object, as callers can give anything to a pool.
        notes: dict[str, Any] = getattr(noted_on, "__dict__", {})
        number = notes.pop(_TAKEN, None)
        try:
            yield
        except BaseException:
            notes.update({_TAKEN: number})
            raise
        recorder = self._recorder
        if number is not None and recorder.active:
            with _RECORDING:
                recorder.emit(
                    ConnectionReturned(number, using, perf_counter(), this_thread.name, cause.inherited.get())
                )


def install(checkouts: Checkouts, opening: Opening) -> Undo:
    """Wrap the methods of psycopg's pools that give out a connection and take it back."""
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    return undo_all(
        wrap(ConnectionPool, "getconn", functools.partial(_around_getconn, checkouts, opening)),
        wrap(ConnectionPool, "putconn", functools.partial(_around_putconn, checkouts)),
        wrap(AsyncConnectionPool, "getconn", functools.partial(_around_async_getconn, checkouts)),
        wrap(AsyncConnectionPool, "putconn", functools.partial(_around_async_putconn, checkouts)),
    )


def _around_getconn(
    checkouts: Checkouts, opening: Opening, original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def getconn(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        waited = opening.waited
        connection = original(self, *args, **kwargs)
        # Django's `connect` emits its own checkouts.
        if opening.alias is None:
            with _RECORDING:
                checkouts.taken(connection, connection, None, opening.waited - waited)
        return connection

    return getconn


def _around_putconn(checkouts: Checkouts, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def putconn(self: Any, conn: Any) -> None:
        __tracebackhide__ = True
        with checkouts.returning(conn, None):
            original(self, conn)

    return putconn


def _around_async_getconn(
    checkouts: Checkouts, original: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def getconn(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        started = perf_counter()
        connection = await original(self, *args, **kwargs)
        with _RECORDING:
            checkouts.taken(connection, connection, None, perf_counter() - started)
        return connection

    return getconn


def _around_async_putconn(
    checkouts: Checkouts, original: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(original)
    async def putconn(self: Any, conn: Any) -> None:
        __tracebackhide__ = True
        with checkouts.returning(conn, None):
            await original(self, conn)

    return putconn

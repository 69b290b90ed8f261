"""Where are connections opened and closed? In the driver if it can be heard, else in Django's connection."""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from pytest_dbperf import cause
from pytest_dbperf.events import Checkout, ConnectionClosed, NewConnection
from pytest_dbperf.probes.seam import Undo, is_installed, replace, together
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import Recorder


class _Opening(threading.local):
    """For which alias this thread is connecting, and whether the driver has reported the connection."""

    alias: str | None = None
    heard_of_driver: bool = False


class _OpenConnections:
    """The physical connections that are open now, kept up to date also when nobody listens."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[int, tuple[weakref.finalize[..., Any], str | None]] = {}
        # The garbage collector may run a finalizer in a thread that holds the lock.
        self._lock = threading.RLock()

    def opened(self, owner: Any, using: str | None, driver: str, backend_pid: int | None) -> None:
        """Note a connection; it lives until `closed(owner)`, or until the owner is garbage."""
        with self._lock:
            self.closed(owner)
            finalizer = weakref.finalize(owner, self._ended, id(owner), dropped=True)
            finalizer.atexit = False
            self._open[id(owner)] = (finalizer, using)
            self._recorder.open_connections = open_now = len(self._open)
        if self._recorder.active:
            frames = cause.frames_here(2) if self._recorder.wants_frames else ()
            self._recorder.emit(
                NewConnection(
                    using,
                    driver,
                    backend_pid,
                    open_now,
                    perf_counter(),
                    this_thread.name,
                    frames,
                    cause.current.get(),
                )
            )

    def closed(self, owner: Any) -> None:
        """Note that a connection was closed; one that is unknown, or closed already, makes no difference."""
        with self._lock:
            entry = self._open.get(id(owner))
            if entry is not None:
                entry[0].detach()
                self._ended(id(owner), dropped=False)

    def _ended(self, key: int, dropped: bool) -> None:
        with self._lock:
            _, using = self._open.pop(key)
            self._recorder.open_connections = open_now = len(self._open)
        if self._recorder.active:
            self._recorder.emit(
                ConnectionClosed(
                    using, dropped, open_now, perf_counter(), this_thread.name, cause.current.get()
                )
            )


def install(recorder: Recorder) -> Undo:
    """Wrap Django's `connect` and `close`, and with psycopg the birth and the end of its connections."""
    open_connections = _OpenConnections(recorder)
    opening = _Opening()
    undos = [_django(recorder, open_connections, opening)]
    if is_installed("psycopg"):
        undos.append(_psycopg(open_connections, opening))
    if is_installed("psycopg_pool"):
        undos.append(_psycopg_pool(opening))
    return together(*undos)


def _django(recorder: Recorder, open_connections: _OpenConnections, opening: _Opening) -> Undo:
    from django.db.backends.base.base import BaseDatabaseWrapper

    def around_connect(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def connect(self: Any) -> None:
            __tracebackhide__ = True
            outer = (opening.alias, opening.heard_of_driver)
            opening.alias, opening.heard_of_driver = self.alias, False
            try:
                original(self)
                heard_of_driver = opening.heard_of_driver
            finally:
                opening.alias, opening.heard_of_driver = outer
            if getattr(self, "pool", None) is not None:
                if recorder.active:
                    frames = cause.frames_here(1) if recorder.wants_frames else ()
                    recorder.emit(
                        Checkout(self.alias, perf_counter(), this_thread.name, frames, cause.current.get())
                    )
            elif not heard_of_driver:
                # SQLite, psycopg2, MySQL, Oracle: nothing of the driver can be wrapped or referenced weakly.
                open_connections.opened(self, self.alias, self.vendor, None)

        return connect

    def around_close(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def close(self: Any) -> None:
            __tracebackhide__ = True
            try:
                original(self)
            finally:
                # Inside atomic() Django keeps the closed connection; SQLite never closes one in memory.
                if self.connection is None or self.closed_in_transaction:
                    open_connections.closed(self)

        return close

    return together(
        replace(BaseDatabaseWrapper, "connect", around_connect),
        # Not _close: the PostgreSQL backend overrides it without calling super().
        replace(BaseDatabaseWrapper, "close", around_close),
    )


def _psycopg(open_connections: _OpenConnections, opening: _Opening) -> Undo:
    import psycopg

    def around_init(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def __init__(self: Any, pgconn: Any) -> None:
            original(self, pgconn)
            opening.heard_of_driver = True
            open_connections.opened(self, opening.alias, "psycopg", pgconn.backend_pid)

        return __init__

    def around_close(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def close(self: Any) -> None:
            __tracebackhide__ = True
            original(self)
            if self.closed:  # Not so when it went back to its pool.
                open_connections.closed(self)

        return close

    def around_async_close(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(original)
        async def close(self: Any) -> None:
            __tracebackhide__ = True
            await original(self)
            if self.closed:
                open_connections.closed(self)

        return close

    return together(
        # Not psycopg.connect: Django has bound it before anybody could wrap it.
        replace(psycopg.BaseConnection, "__init__", around_init),
        replace(psycopg.Connection, "close", around_close),
        replace(psycopg.AsyncConnection, "close", around_async_close),
    )


def _psycopg_pool(opening: _Opening) -> Undo:
    from psycopg_pool import ConnectionPool

    def alias_of(pool: Any) -> str | None:
        backend = sys.modules.get("django.db.backends.postgresql.base")
        pools = backend.DatabaseWrapper._connection_pools if backend else {}
        return next((alias for alias, each in pools.items() if each is pool), None)

    def around_connect(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def _connect(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            # A pool connects in its own threads, behind the back of Django's connection.
            outer, opening.alias = opening.alias, alias_of(self)
            try:
                return original(self, *args, **kwargs)
            finally:
                opening.alias = outer

        return _connect

    return replace(ConnectionPool, "_connect", around_connect)

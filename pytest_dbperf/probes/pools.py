"""Where do psycopg's pools open connections, and where does code wait for one?"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from pytest_dbperf.probes.connection_events import Opening, in_async_pool
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.connections import Why
from pytest_dbperf.recording.open_connections import OpenConnections

_RECORDING = Guard("recording a connection of a pool")


def install(opening: Opening, connections: OpenConnections) -> Undo:
    """Wrap the methods of psycopg's pools that connect, and that wait for a connection."""
    from psycopg_pool import AsyncConnectionPool, ConnectionPool
    from psycopg_pool.pool import AddConnection, MaintenanceTask, WaitingClient

    return undo_all(
        wrap(AddConnection, "__init__", functools.partial(_around_init, connections)),
        wrap(MaintenanceTask, "run", functools.partial(_around_run, connections)),
        wrap(ConnectionPool, "_connect", functools.partial(_around_connect, opening)),
        wrap(AsyncConnectionPool, "_connect", _around_async_connect),
        wrap(WaitingClient, "wait", functools.partial(_around_wait, opening)),
    )


def _around_init(connections: OpenConnections, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: Any, pool: Any, *args: Any, **kwargs: Any) -> None:
        original(self, pool, *args, **kwargs)
        # Also while nothing is recorded: it may arrive later. `self.pool` is a weak reference.
        with _RECORDING:
            connections.expect(self, lambda: (asked := self.pool()) is not None and not asked.closed)

    return __init__


def _around_run(connections: OpenConnections, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def run(self: Any) -> None:
        __tracebackhide__ = True
        try:
            original(self)
        finally:
            with _RECORDING:
                connections.arrived(self)

    return run


def _around_connect(opening: Opening, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        # A pool connects in its own threads, outside of Django's `connect`.
        outer = vars(opening).copy()
        vars(opening).update(alias=None, why=Why.POOL, because_of=(), started=perf_counter())
        with _RECORDING:
            opening.alias = _alias_of(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            vars(opening).clear()
            vars(opening).update(outer)

    return _connect


def _around_async_connect(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def _connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        token = in_async_pool.set(True)
        try:
            return await original(self, *args, **kwargs)
        finally:
            in_async_pool.reset(token)

    return _connect


def _around_wait(opening: Opening, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wait(self: Any, timeout: float) -> Any:
        __tracebackhide__ = True
        started = perf_counter()
        try:
            return original(self, timeout)
        finally:
            opening.waited += perf_counter() - started

    return wait


def _alias_of(pool: Any) -> str | None:
    backend = sys.modules.get("django.db.backends.postgresql.base")
    pools = backend.DatabaseWrapper._connection_pools if backend else {}
    return next((alias for alias, each in pools.items() if each is pool), None)

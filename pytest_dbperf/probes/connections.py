"""Where are connections opened and closed? In psycopg if it is installed, else in Django's connection."""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.probes import checkouts, pools
from pytest_dbperf.probes.blocking import TimedCall, emit_connect, running_loop
from pytest_dbperf.probes.checkouts import Checkouts
from pytest_dbperf.probes.connection_events import ConnectionEvents, Opening, is_asgiref_thread
from pytest_dbperf.probes.seam import Undo, is_installed, undo_all, wrap
from pytest_dbperf.probes.threads import runs_in, this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard, GuardedContext
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.connections import Why
from pytest_dbperf.recording.recorder import Recorder

_CLOSED = "_dbperf_closed"
_RECORDING = Guard("recording a connection")
_UNKNOWN: tuple[Why, CallPath] = (Why.FIRST_IN_THREAD, ())


def install(recorder: Recorder) -> Undo:
    """Wrap Django's `connect` and `close`, and with psycopg the creation and closing of its connections."""
    opening = Opening()
    events, pooled = ConnectionEvents(recorder, opening), Checkouts(recorder)
    undos = [events.stop, _django(recorder, events, pooled, opening)]
    if is_installed("psycopg"):
        undos.append(_psycopg(recorder, events, opening))
    if is_installed("psycopg_pool"):
        undos.append(pools.install(opening, recorder.connections))
        undos.append(checkouts.install(pooled, opening))
    return undo_all(*undos)


def _django(recorder: Recorder, events: ConnectionEvents, pooled: Checkouts, opening: Opening) -> Undo:
    from django.db.backends.base.base import BaseDatabaseWrapper

    around_connect = functools.partial(_around_connect, recorder, events, pooled, opening)
    return undo_all(
        wrap(BaseDatabaseWrapper, "connect", around_connect),
        # Not _close: the PostgreSQL backend overrides it without calling super().
        wrap(BaseDatabaseWrapper, "close", functools.partial(_around_close, recorder, events, pooled)),
    )


def _psycopg(recorder: Recorder, events: ConnectionEvents, opening: Opening) -> Undo:
    import psycopg

    return undo_all(
        # Not psycopg.connect: Django has imported it by name before any wrapper.
        wrap(psycopg.BaseConnection, "__init__", functools.partial(_around_init, recorder, events, opening)),
        wrap(psycopg.Connection, "close", functools.partial(_around_driver_close, events)),
        wrap(psycopg.AsyncConnection, "close", functools.partial(_around_async_driver_close, events)),
    )


def _around_connect(
    recorder: Recorder,
    events: ConnectionEvents,
    pooled: Checkouts,
    opening: Opening,
    original: Callable[..., None],
) -> Callable[..., None]:
    loop_here = running_loop()

    @functools.wraps(original)
    def connect(self: Any) -> None:
        __tracebackhide__ = True
        outer = vars(opening).copy()
        why, because_of = _UNKNOWN
        with _RECORDING:
            why, because_of = vars(self).get(_CLOSED) or _first_use()
        vars(opening).update(
            alias=self.alias,
            why=why,
            because_of=because_of,
            started=perf_counter(),
            driver_reported=False,
            is_persistent=self.settings_dict["CONN_MAX_AGE"] != 0,
            is_standing=_is_standing(recorder, self.alias),
            waited=0.0,
        )
        on_a_loop = recorder.active and loop_here() is not None
        call: AbstractContextManager[object] = nullcontext()
        if on_a_loop:
            timed = functools.partial(TimedCall, recorder, "django", "connect", self.alias)
            call = GuardedContext(timed, _RECORDING)
        try:
            with call:
                original(self)
            with _RECORDING:
                if opening.is_standing:
                    recorder.connections.opened_late.append(self.alias)
                if getattr(self, "pool", None) is not None:
                    if not opening.is_standing:
                        pooled.taken(self.connection, self, self.alias, opening.waited)
                elif not opening.driver_reported:
                    # Connections of SQLite, psycopg2, MySQL, Oracle allow no wrapper and no weak reference.
                    events.opened(self, self.vendor, str(self.settings_dict["NAME"]), None)
        finally:
            vars(opening).clear()
            vars(opening).update(outer)

    return connect


def _is_standing(recorder: Recorder, alias: str) -> bool:
    """Tell whether a connection counts as if it was open before the test. The next one does not."""
    standing = recorder.connections.standing
    if alias not in standing or not is_asgiref_thread():
        return False
    standing.discard(alias)
    return True


def _first_use() -> tuple[Why, CallPath]:
    from asgiref.sync import SyncToAsync

    # asgiref copies a request's context into the request's own thread, but also into other threads.
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor: Any = None if context is None else SyncToAsync.context_to_thread_executor.get(context)
    in_request = executor is not None and runs_in(executor)
    return (Why.FIRST_IN_REQUEST if in_request else Why.FIRST_IN_THREAD), this_thread.started_by


def _around_close(
    recorder: Recorder, events: ConnectionEvents, pooled: Checkouts, original: Callable[..., None]
) -> Callable[..., None]:
    @functools.wraps(original)
    def close(self: Any) -> None:
        __tracebackhide__ = True
        if self.connection is not None:
            with _RECORDING:
                _is_standing(recorder, self.alias)  # It was open, so the next one is new.
                is_active, so_far = recorder.active, cause.inherited.get()
                path = cause.extended(so_far, cause.frames_here(1)).path if is_active else ()
                vars(self)[_CLOSED] = (_why_closed(self, _closing_function(1)), path)
        try:
            with pooled.returning(self, self.alias):
                original(self)
        finally:
            # Inside atomic() Django keeps the closed connection. SQLite keeps an in-memory one open.
            if self.connection is None or self.closed_in_transaction:
                with _RECORDING:
                    events.closed(self)

    return close


def _closing_function(depth: int) -> str:
    """Return the name of the function that called close(), past SQLite's own close() and Django's guard."""
    frame = sys._getframe(depth + 1)
    while frame.f_code.co_name in ("close", "inner") and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_name


def _why_closed(connection: Any, caller: str) -> Why:
    """Tell why the next connection will be necessary, from the function of Django that closes this one."""
    if caller == "close_if_health_check_failed":
        return Why.HEALTH_CHECK
    if caller != "close_if_unusable_or_obsolete":
        return Why.CLOSED
    if connection.autocommit != connection.settings_dict["AUTOCOMMIT"]:
        return Why.AUTOCOMMIT
    is_old = connection.close_at is not None and monotonic() >= connection.close_at
    return Why.OUT_OF_AGE if is_old and not connection.errors_occurred else Why.UNUSABLE


def _around_init(
    recorder: Recorder, events: ConnectionEvents, opening: Opening, original: Callable[..., None]
) -> Callable[..., None]:
    import psycopg

    loop_here = running_loop()

    @functools.wraps(original)
    def __init__(self: Any, pgconn: Any) -> None:
        original(self, pgconn)
        opening.driver_reported = True
        with _RECORDING:
            events.opened(self, "psycopg", pgconn.db.decode(errors="replace"), pgconn.backend_pid)
            if recorder.active and loop_here() is not None and isinstance(self, psycopg.Connection):
                emit_connect(recorder)

    return __init__


def _around_driver_close(events: ConnectionEvents, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def close(self: Any) -> None:
        __tracebackhide__ = True
        original(self)
        if self.closed:  # It is still open if it went back to its pool.
            with _RECORDING:
                events.closed(self)

    return close


def _around_async_driver_close(
    events: ConnectionEvents, original: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    @functools.wraps(original)
    async def close(self: Any) -> None:
        __tracebackhide__ = True
        await original(self)
        if self.closed:
            with _RECORDING:
                events.closed(self)

    return close

"""What does psycopg execute without Django? What blocks an event loop, and on request every statement."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AsyncExitStack,
    ExitStack,
    aclosing,
    asynccontextmanager,
    closing,
    contextmanager,
)
from types import TracebackType
from typing import Any

from pytest_dbperf.probes.blocking import TimedCall, running_loop
from pytest_dbperf.probes.parameters import hash_of
from pytest_dbperf.probes.queries import length_of, text_of
from pytest_dbperf.probes.seam import Undo, is_installed, undo_all, wrap
from pytest_dbperf.probes.sending import next_of_driver, was_sent
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard, GuardedContext
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import DriverQuery
from pytest_dbperf.recording.recorder import Recorder

_NO_ROW = object()
_RECORDING = Guard("recording a statement of the driver")


def install(recorder: Recorder) -> Undo:
    """Wrap all methods of psycopg's cursors that execute statements, and those that end a transaction."""
    if not is_installed("psycopg"):
        return undo_all()
    import psycopg

    return undo_all(
        *_sync(recorder, psycopg.Cursor),
        wrap(psycopg.ServerCursor, "execute", functools.partial(_around_execute, recorder)),
        wrap(psycopg.Connection, "commit", functools.partial(_around_end, recorder)),
        wrap(psycopg.Connection, "rollback", functools.partial(_around_end, recorder)),
        *_async(recorder, psycopg.AsyncCursor),
        wrap(psycopg.AsyncServerCursor, "execute", functools.partial(_around_async_execute, recorder)),
    )


class _Statement:
    """A running statement of the driver. It emits its events when it ends.

    A statement that Django's cursor executes has a `Query` already, and gets no `DriverQuery`.
    """

    def __init__(self, recorder: Recorder, what: str, cursor: Any, sql: Any, params: Any) -> None:
        self._recorder = recorder
        self._cursor = cursor
        self._sql = sql
        self._params = params
        self._executions = length_of(params) if what == "executemany" else 1
        self._using = recorder.connections.using_of(cursor.connection)
        self._is_djangos, next_of_driver.is_djangos = next_of_driver.is_djangos, False
        self._call = TimedCall(recorder, "psycopg", what, self._using) if _blocks_a_loop(cursor) else None
        self._started = perf_counter()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = perf_counter() - self._started
        recorder, sql, is_sent = self._recorder, "", True
        try:
            sql = text_of(self._sql, self._cursor)
            is_sent = self._executions > 0 and (error is None or was_sent(error, self._cursor))
        finally:
            if self._call is not None and is_sent:
                self._call.end(sql)
            elif self._call is not None:
                self._call.discard()
        if recorder.wants_driver_queries and not self._is_djangos and is_sent:
            recorder.keep(
                DriverQuery(
                    sql=sql,
                    using=self._using,
                    started=self._started,
                    seconds=seconds,
                    executions=self._executions,
                    parameters=hash_of(self._params) if recorder.wants_frames else None,
                    thread=this_thread.name,
                    frames=cause.frames_here(1) if recorder.wants_frames else (),
                    cause=cause.inherited.get(),
                    thread_number=this_thread.number,
                )
            )


def _statement(recorder: Recorder, what: str, cursor: Any, sql: Any, params: Any) -> GuardedContext:
    return GuardedContext(functools.partial(_Statement, recorder, what, cursor, sql, params), _RECORDING)


def _blocks_a_loop(cursor: Any) -> bool:
    import psycopg

    return isinstance(cursor.connection, psycopg.Connection) and running_loop()() is not None


def _sync(recorder: Recorder, cursor: type[Any]) -> Iterator[Undo]:
    loop_here = running_loop()

    def ignores_statements() -> bool:
        return not recorder.active or (loop_here() is None and not recorder.wants_driver_queries)

    def around_executemany(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def executemany(self: Any, query: Any, params_seq: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            if ignores_statements():
                return original(self, query, params_seq, **kwargs)
            with _statement(recorder, "executemany", self, query, params_seq):
                return original(self, query, params_seq, **kwargs)

        return executemany

    def around_copy(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        @contextmanager
        def copy(self: Any, statement: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
            __tracebackhide__ = True
            with ExitStack() as stack:
                copying = original(self, statement, params, **kwargs)
                if ignores_statements():
                    rows = stack.enter_context(copying)
                else:
                    # Time it until the server is ready: the rest depends on the caller.
                    with _statement(recorder, "copy", self, statement, params):
                        rows = stack.enter_context(copying)
                yield rows

        return copy

    def around_stream(original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(original)
        def stream(self: Any, query: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
            __tracebackhide__ = True
            rows: Any = original(self, query, params, **kwargs)
            if ignores_statements():
                yield from rows
                return
            with closing(rows):
                with _statement(recorder, "stream", self, query, params):
                    first = next(rows, _NO_ROW)
                if first is not _NO_ROW:
                    yield first
                    yield from rows

        return stream

    yield wrap(cursor, "execute", functools.partial(_around_execute, recorder))
    yield wrap(cursor, "executemany", around_executemany)
    yield wrap(cursor, "copy", around_copy)
    yield wrap(cursor, "stream", around_stream)


def _around_execute(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    loop_here = running_loop()

    @functools.wraps(original)
    def execute(self: Any, query: Any, params: Any = None, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if not recorder.active or (loop_here() is None and not recorder.wants_driver_queries):
            # Each of Django's queries runs this, without keywords: forwarding none takes half the time.
            return original(self, query, params, **kwargs) if kwargs else original(self, query, params)
        with _statement(recorder, "execute", self, query, params):
            return original(self, query, params, **kwargs)

    return execute


def _around_end(recorder: Recorder, original: Callable[[Any], None]) -> Callable[[Any], None]:
    loop_here = running_loop()

    @functools.wraps(original)
    def end_transaction(self: Any) -> None:
        __tracebackhide__ = True
        # Outside of a transaction, psycopg sends nothing.
        if not recorder.active or loop_here() is None or not self.pgconn.transaction_status:
            return original(self)

        def call() -> TimedCall:
            return TimedCall(recorder, "psycopg", original.__name__, recorder.connections.using_of(self))

        with GuardedContext(call, _RECORDING):
            return original(self)

    return end_transaction


def _async(recorder: Recorder, cursor: type[Any]) -> Iterator[Undo]:
    def around_executemany(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(original)
        async def executemany(self: Any, query: Any, params_seq: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            if not recorder.wants_driver_queries:
                return await original(self, query, params_seq, **kwargs)
            with _statement(recorder, "executemany", self, query, params_seq):
                return await original(self, query, params_seq, **kwargs)

        return executemany

    def around_copy(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        @asynccontextmanager
        async def copy(self: Any, statement: Any, params: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
            __tracebackhide__ = True
            async with AsyncExitStack() as stack:
                copying = original(self, statement, params, **kwargs)
                if not recorder.wants_driver_queries:
                    rows = await stack.enter_async_context(copying)
                else:
                    with _statement(recorder, "copy", self, statement, params):
                        rows = await stack.enter_async_context(copying)
                yield rows

        return copy

    def around_stream(original: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        @functools.wraps(original)
        async def stream(self: Any, query: Any, params: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
            __tracebackhide__ = True
            rows: Any = original(self, query, params, **kwargs)
            async with aclosing(rows):
                if recorder.wants_driver_queries:
                    with _statement(recorder, "stream", self, query, params):
                        first = await anext(rows, _NO_ROW)
                    if first is _NO_ROW:
                        return
                    yield first
                async for row in rows:
                    yield row

        return stream

    yield wrap(cursor, "execute", functools.partial(_around_async_execute, recorder))
    yield wrap(cursor, "executemany", around_executemany)
    yield wrap(cursor, "copy", around_copy)
    yield wrap(cursor, "stream", around_stream)


def _around_async_execute(
    recorder: Recorder, original: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def execute(self: Any, query: Any, params: Any = None, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if not recorder.wants_driver_queries:
            return await original(self, query, params, **kwargs)
        with _statement(recorder, "execute", self, query, params):
            return await original(self, query, params, **kwargs)

    return execute

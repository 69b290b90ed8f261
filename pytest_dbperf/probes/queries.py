"""Where does Django execute statements? In its cursor, on every connection and in every thread."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from sys import _getframe as getframe
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath, project_frames_from
from pytest_dbperf.probes.blocking import running_loop
from pytest_dbperf.probes.django_frames import load_of
from pytest_dbperf.probes.parameters import hash_of, hash_of_asked
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.sending import Sending, WrappedCall, emit_not_sent, was_sent
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard, note
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import Query, Sample
from pytest_dbperf.recording.loads import RelationLoad
from pytest_dbperf.recording.recorder import Recorder

_MOST_SAMPLES = 10_000
_DURING = "recording a query"
_RECORDING = Guard(_DURING)


def install(recorder: Recorder) -> Undo:
    """Wrap the method below `execute` and `executemany`, `callproc`, and BEGIN, COMMIT and ROLLBACK."""
    from django.db.backends import utils
    from django.db.backends.base import base

    return undo_all(
        wrap(utils.CursorWrapper, "_execute_with_wrappers", functools.partial(_around_execute, recorder)),
        wrap(utils.CursorWrapper, "callproc", functools.partial(_around_callproc, recorder)),
        # Backends import the function by name: `base` has done so already, Oracle's does when it is imported.
        wrap(utils, "debug_transaction", functools.partial(_around_transaction, recorder)),
        wrap(base, "debug_transaction", functools.partial(_around_transaction, recorder)),
    )


def _around_execute(  # noqa: C901, PLR0915  # Every query runs this; each call would slow it down.
    recorder: Recorder, original: Callable[..., Any]
) -> Callable[..., Any]:
    inherited, loop_here = cause.inherited.get, running_loop()

    @functools.wraps(original)
    def _execute_with_wrappers(  # noqa: C901, PLR0912, PLR0915
        self: Any, sql: Any, params: Any, many: bool, executor: Any
    ) -> Any:
        __tracebackhide__ = True
        if not recorder.active:
            return original(self, sql, params, many, executor)
        call: WrappedCall | None = None
        db = self.db
        if db.execute_wrappers:
            if type(executor) is not WrappedCall:
                # Wrappers may refuse a statement, answer it or send it several times: record what they send.
                return through_wrappers(self, sql, params, many, executor)
            call = executor
        sending, executions = None, 1
        if many or loop_here() is not None or recorder.wants_driver_queries:
            with _RECORDING:
                executions = length_of(params) if many else 1
                if loop_here() is not None or recorder.wants_driver_queries:
                    sending = Sending(recorder, "executemany" if many else "execute", db.alias)
        started = perf_counter()
        try:
            if call is None:
                return original(self, sql, params, many, executor)
            return call.send(sql, params)
        except BaseException as error:
            with _RECORDING:
                executions *= was_sent(error, self.cursor)
            raise
        finally:
            text = ""
            # A `try` costs nothing.
            try:
                text = sql if type(sql) is str else text_of(sql, self.cursor)
                if executions:
                    # Like keep(), but half a microsecond faster: every query runs this.
                    so_far = inherited()
                    frames: CallPath = ()
                    load: RelationLoad | None = None
                    thread = this_thread
                    fetching, wants_frames = thread.fetching, recorder.wants_frames
                    if wants_frames:
                        seen: list[RelationLoad] = []
                        frame = getframe(1) if call is None else call.frame
                        frames = project_frames_from(frame, bool(so_far.path), seen)
                        if seen or fetching.queryset is not None:
                            load = load_of(seen, fetching.queryset)
                    fields = (
                        text,
                        db.alias,
                        started,
                        perf_counter() - started,
                        executions,
                        hash_of_asked(text, params) if wants_frames else None,
                        thread.name,
                        frames,
                        so_far,
                        load,
                        None,
                        thread.number,
                        call is not None and call.query is not None,
                    )
                    query, log = tuple.__new__(Query, fields), recorder.log
                    log.append(query)
                    if len(log) > recorder.compact_at:
                        recorder.compact()
                    if fetching.queryset is not None:
                        fetching.queryset, fetching.query = None, query
                    if call is not None:
                        call.query = query
                    if (sampled := recorder.sampled) is not None:
                        _sample(recorder, sampled, (text, db.alias), params, many)
                elif call is None:
                    emit_not_sent(recorder, text, db.alias)
            except Exception as error:  # noqa: BLE001  # The query has its result, whatever breaks here.
                note(_DURING, error)
            if sending is not None:
                with _RECORDING:
                    sending.end(text, is_sent=executions > 0)

    def through_wrappers(self: Any, sql: Any, params: Any, many: bool, executor: Any) -> Any:
        __tracebackhide__ = True
        call = WrappedCall(executor, getframe(2))

        def send(sql: Any, params: Any, *ignored: Any) -> Any:
            __tracebackhide__ = True
            call.begin(ignored)
            if not recorder.active:
                return call.send(sql, params)
            return _execute_with_wrappers(self, sql, params, many, call)

        try:
            return original(self, sql, params, many, send)
        finally:
            with _RECORDING:
                call.end(recorder, text_of(sql, self.cursor), self.db.alias)

    return _execute_with_wrappers


def _around_callproc(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def callproc(self: Any, procname: Any, params: Any = None, *more: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        # Another wrapper may lack the third argument, as in django-cacheops.
        if not recorder.active:
            return original(self, procname, params, *more, **kwargs)
        sending, is_sent = None, True
        with _RECORDING:
            sending = Sending(recorder, "callproc", self.db.alias)
        started = perf_counter()
        try:
            return original(self, procname, params, *more, **kwargs)
        except BaseException as error:
            with _RECORDING:
                is_sent = was_sent(error, self.cursor)
            raise
        finally:
            sql = ""
            with _RECORDING:
                sql = f"CALL {text_of(procname, self.cursor)}"
                if is_sent:
                    _emit(recorder, self.db.alias, sql, started, hash_of(params))
                else:
                    emit_not_sent(recorder, sql, self.db.alias)
            if sending is not None:
                with _RECORDING:
                    sending.end(sql, is_sent=is_sent)

    return callproc


def _around_transaction(
    recorder: Recorder,
    original: Callable[[Any, str], AbstractContextManager[None]],
) -> Callable[[Any, str], AbstractContextManager[None]]:
    @functools.wraps(original)
    @contextmanager
    def debug_transaction(connection: Any, sql: str) -> Iterator[None]:
        __tracebackhide__ = True
        started = perf_counter()
        try:
            with original(connection, sql):
                yield
        finally:
            if recorder.active:
                with _RECORDING:
                    _emit(recorder, connection.alias, sql, started)

    return debug_transaction


def _emit(recorder: Recorder, using: str, sql: str, started: float, parameters: int | None = None) -> None:
    frames = cause.frames_here(2) if recorder.wants_frames else ()
    seconds = perf_counter() - started
    recorder.keep(
        Query(
            sql=sql,
            using=using,
            started=started,
            seconds=seconds,
            executions=1,
            parameters=parameters,
            thread=this_thread.name,
            frames=frames,
            cause=cause.inherited.get(),
            thread_number=this_thread.number,
        )
    )


def _sample(recorder: Recorder, known: set[object], what: tuple[str, str], params: Any, many: bool) -> None:
    """Keep one set of parameters per statement. Skip iterators, which reading would exhaust."""
    now = cause.inherited.get()
    # By task window, too: a window of one task needs its own sample, even if another task came first.
    key = (what, now.tasks)
    if key in known or len(known) >= _MOST_SAMPLES:
        return
    if many:
        if type(params) not in (list, tuple) or not params:
            return
        params = params[0]
    types = type(params).__mro__
    if dict in types:
        params = dict.copy(params)
    elif list in types or tuple in types:
        params = tuple(params)
    elif params is not None:
        return
    known.add(key)
    recorder.emit(Sample(*what, params, now))


def text_of(sql: Any, cursor: Any) -> str:
    """Return the text of a statement: a string, bytes, one of psycopg's classes, or a template string."""
    if isinstance(sql, str):
        return str.__str__(sql)  # A subclass may override __str__.
    if isinstance(sql, bytes):
        return sql.decode("utf-8", "replace")
    try:
        if hasattr(sql, "as_string"):
            return str(sql.as_string(cursor))  # psycopg's sql.SQL and sql.Composed.
        # Python's t"..." since psycopg 3.3. Any other object is no statement: as_string() would quote it.
        of_psycopg: Any = sys.modules.get("psycopg.sql")
        if isinstance(sql, getattr(of_psycopg, "Template", ())):
            return str(of_psycopg.as_string(sql, cursor))
    except Exception:  # noqa: BLE001, S110  # The driver raises its own error where the statement is executed.
        pass
    return f"<{type(sql).__qualname__}>"


def length_of(sets_of_parameters: Any) -> int:
    """Return the number of sets of parameters for `executemany`, 1 if it is unknown."""
    # Counting would exhaust an iterator.
    return len(sets_of_parameters) if type(sets_of_parameters) in (list, tuple) else 1

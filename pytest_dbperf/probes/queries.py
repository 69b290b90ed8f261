"""Where does Django execute statements? In its cursor, on every connection and in every thread."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from sys import _getframe as getframe
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath, project_frames_from
from pytest_dbperf.probes.blocking import TimedCall, running_loop
from pytest_dbperf.probes.django_frames import load_of
from pytest_dbperf.probes.parameters import hash_of, hash_of_asked
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import Query, Sample
from pytest_dbperf.recording.loads import RelationLoad
from pytest_dbperf.recording.recorder import Recorder

_MOST_SAMPLES = 10_000


class _NextOfDriver(threading.local):
    is_djangos = False


# Whether Django's cursor executes the next statement of the driver in this thread. It matters only while
# statements of the driver are recorded, too.
next_of_driver = _NextOfDriver()


def install(recorder: Recorder) -> Undo:  # noqa: C901  # Every query runs this; each call would slow it down.
    """Wrap the method below `execute` and `executemany`, `callproc`, and BEGIN, COMMIT and ROLLBACK."""
    from django.db.backends import utils
    from django.db.backends.base import base

    inherited, loop_here = cause.inherited.get, running_loop()

    def around_execute(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def _execute_with_wrappers(self: Any, sql: Any, params: Any, many: bool, executor: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return original(self, sql, params, many, executor)
            call = None
            if loop_here() is not None:
                call = TimedCall(recorder, "django", "executemany" if many else "execute", self.db.alias)
            wants_driver_queries, outer = recorder.wants_driver_queries, False
            if wants_driver_queries:
                outer, next_of_driver.is_djangos = next_of_driver.is_djangos, True
            started = perf_counter()
            try:
                return original(self, sql, params, many, executor)
            finally:
                # Like keep(), but half a microsecond faster: every query runs this.
                so_far = inherited()
                frames: CallPath = ()
                load: RelationLoad | None = None
                thread = this_thread
                fetching, wants_frames = thread.fetching, recorder.wants_frames
                if wants_frames:
                    seen: list[RelationLoad] = []
                    frames = project_frames_from(getframe(1), bool(so_far.path), seen)
                    if seen or fetching.queryset is not None:
                        load = load_of(seen, fetching.queryset)
                text = sql if type(sql) is str else text_of(sql, self.cursor)
                fields = (
                    text,
                    self.db.alias,
                    started,
                    perf_counter() - started,
                    length_of(params) if many else 1,
                    hash_of_asked(text, params) if wants_frames else None,
                    thread.name,
                    frames,
                    so_far,
                    load,
                    None,
                )
                query, log = tuple.__new__(Query, fields), recorder.log
                log.append(query)
                if len(log) > recorder.compact_at:
                    recorder.compact()
                if fetching.queryset is not None:
                    fetching.queryset, fetching.query = None, query
                if (sampled := recorder.sampled) is not None:
                    _sample(recorder, sampled, (fields[0], self.db.alias), params, many)
                if wants_driver_queries:
                    next_of_driver.is_djangos = outer
                if call is not None:
                    call.end(fields[0])

        return _execute_with_wrappers

    return undo_all(
        wrap(utils.CursorWrapper, "_execute_with_wrappers", around_execute),
        wrap(utils.CursorWrapper, "callproc", functools.partial(_around_callproc, recorder)),
        # Backends import the function by name: `base` has done so already, Oracle's does when it is imported.
        wrap(utils, "debug_transaction", functools.partial(_around_transaction, recorder)),
        wrap(base, "debug_transaction", functools.partial(_around_transaction, recorder)),
    )


def _around_callproc(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    loop_here = running_loop()

    @functools.wraps(original)
    def callproc(self: Any, procname: Any, params: Any = None, kparams: Any = None) -> Any:
        __tracebackhide__ = True
        if not recorder.active:
            return original(self, procname, params, kparams)
        call = TimedCall(recorder, "django", "callproc", self.db.alias) if loop_here() is not None else None
        outer, next_of_driver.is_djangos = next_of_driver.is_djangos, True
        started = perf_counter()
        try:
            return original(self, procname, params, kparams)
        finally:
            sql = f"CALL {text_of(procname, self.cursor)}"
            _emit(recorder, self.db.alias, sql, started, hash_of(params))
            next_of_driver.is_djangos = outer
            if call is not None:
                call.end(sql)

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
                _emit(recorder, connection.alias, sql, started)

    return debug_transaction


def _emit(recorder: Recorder, using: str, sql: str, started: float, parameters: int | None = None) -> None:
    frames = cause.frames_here(2) if recorder.wants_frames else ()
    seconds = perf_counter() - started
    recorder.keep(
        Query(sql, using, started, seconds, 1, parameters, this_thread.name, frames, cause.inherited.get())
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

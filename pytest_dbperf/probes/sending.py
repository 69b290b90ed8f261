"""Was a statement sent, and how often? A wrapper, Django or the driver may refuse it, or it is sent again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from pytest_dbperf.probes.blocking import TimedCall, running_loop
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import NotSent, Query
from pytest_dbperf.recording.recorder import Recorder


class _NextOfDriver(threading.local):
    is_djangos = False


# Whether Django's cursor executes the next statement of the driver in this thread. It matters only while
# statements of the driver are recorded, too.
next_of_driver = _NextOfDriver()


class Sending:
    """A statement that Django's cursor is sending: the driver's probe must not record it once more.

    If an event loop runs in this thread, it is also a call that blocks the loop.
    """

    __slots__ = ("_call", "_outer")

    def __init__(self, recorder: Recorder, what: str, using: str) -> None:
        self._outer, next_of_driver.is_djangos = next_of_driver.is_djangos, True
        blocks_a_loop = running_loop()() is not None
        self._call = TimedCall(recorder, "django", what, using) if blocks_a_loop else None

    def end(self, sql: str, *, is_sent: bool) -> None:
        """End it. A statement that was not sent has blocked nothing."""
        next_of_driver.is_djangos = self._outer
        if self._call is None:
            return
        if is_sent:
            self._call.end(sql)
        else:
            self._call.discard()


class WrappedCall:
    """One call of `execute()` or `executemany()` on a connection that has an `execute_wrapper`.

    `frame` made the call: the statement belongs to its line, and not to the wrapper's. `query` is the
    statement as it was sent last, None as long as it was not.
    """

    __slots__ = ("_executor", "_ignored", "_queryset", "frame", "query")

    def __init__(self, executor: Callable[..., Any], frame: FrameType) -> None:
        self.frame = frame
        self.query: Query | None = None
        self._executor = executor
        self._ignored: tuple[Any, ...] = ()
        # A wrapper may make queries of its own. They do not fetch the rows of this queryset.
        self._queryset, this_thread.fetching.queryset = this_thread.fetching.queryset, None

    def begin(self, ignored: tuple[Any, ...]) -> None:
        """Begin to send the statement, for the first time or again."""
        self._ignored = ignored
        this_thread.fetching.queryset = self._queryset

    def send(self, sql: Any, params: Any) -> Any:
        """Call what Django puts below all wrappers."""
        __tracebackhide__ = True
        return self._executor(sql, params, *self._ignored)

    def end(self, recorder: Recorder, sql: str, using: str) -> None:
        """End it, and emit the statement if it was never sent."""
        if self.query is None:
            this_thread.fetching.queryset = self._queryset
            if recorder.active:  # A wrapper may have ended the recording before it sent the statement.
                emit_not_sent(recorder, sql, using)
        elif self._queryset is not None:
            this_thread.fetching.query = self.query


def emit_not_sent(recorder: Recorder, sql: str, using: str) -> None:
    """Emit that a statement was executed but not sent."""
    recorder.emit(NotSent(sql, using, perf_counter(), this_thread.name, cause.inherited.get()))


def was_sent(error: BaseException, cursor: Any) -> bool:
    """Tell whether a statement was sent that ended with an error. In doubt it was.

    `cursor` is the driver's. What SQLite executes counts as sent.
    """
    from django.db.transaction import TransactionManagementError

    if isinstance(error, TransactionManagementError):
        return False  # In a broken transaction, Django refuses a statement before it reaches the driver.
    raised = error.__cause__ or error  # Django raises an error of its own from the driver's.
    if type(raised).__module__ == "sqlite3":
        # Python's module raises these for wrong arguments. Errors of SQLite itself have other types.
        return type(raised).__name__ not in ("InterfaceError", "ProgrammingError")
    # psycopg forgets the query of before, and sets `_query` when it sends one. For a prepared statement it
    # does not, but errors of the server have a code.
    is_kept_back = getattr(cursor, "_query", cursor) is None or getattr(cursor, "closed", None) is True
    return not is_kept_back or getattr(raised, "sqlstate", None) is not None

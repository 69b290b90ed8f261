"""What blocked an event loop? The event of a synchronous call in its thread."""

from __future__ import annotations

from typing import NamedTuple

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.recording.cause import Cause
from pytest_dbperf.recording.vendors import vendor_of
from pytest_dbperf.sql.fingerprint import Statement, statement_of


class BlockingCall(NamedTuple):
    """One synchronous call in the thread of a running event loop, which it blocked.

    `via` is the library that was called: `django`, `psycopg` or `hashers`. `what` is the function, such as
    `execute`, `connect` or `verify_password`, and `sql` the statement if there is one. `seconds` is the time
    that the loop was blocked, None for a connection that psycopg opened without Django.
    """

    via: str
    what: str
    sql: str | None
    using: str | None
    started: float
    seconds: float | None
    thread: str
    frames: CallPath
    cause: Cause

    @property
    def call_path(self) -> CallPath:
        """The call sites in your code that led to it, innermost first, also across threads."""
        return self.frames + self.cause.path

    @property
    def name(self) -> str:
        """The fingerprint of the statement, or else the function."""
        statement = self.statement
        return self.what if statement is None else statement.fingerprint

    @property
    def statement(self) -> Statement | None:
        """The statement, None if it is a call of another kind."""
        vendor = "postgresql" if self.via == "psycopg" else vendor_of(self.using)
        return None if self.sql is None else statement_of(self.sql, vendor)

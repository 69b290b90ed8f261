"""Database performance as assertions: budgets for queries, connections and thread hops in Django tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_dbperf.budgets.budget import Budget, HasAllowances, HasNumber, HasWarnings, WrongArguments
from pytest_dbperf.budgets.enforcement import BudgetFixture, BudgetWindow, NothingCounts, WrongWindow
from pytest_dbperf.budgets.fixtures import (
    MaxDbTimeFixture,
    MaxNewConnectionsFixture,
    MaxOpenConnectionsFixture,
    MaxThreadHopsFixture,
    NoBlockingCallsFixture,
    NoConnectionLeaksFixture,
    NoIdleInTransactionFixture,
    NoNPlusOneFixture,
    NoRepeatedQueriesFixture,
    NoSyncToAsyncFixture,
    NoUnindexedFiltersFixture,
    NoWriteLoopsFixture,
    QueryBudgetFixture,
    signature_of,
)
from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.growth.database import GrowthUnknown
from pytest_dbperf.probes.listening import Probe
from pytest_dbperf.probes.seam import SeamGone, Undo, wrap
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.cause import Cause, Request, frames_here
from pytest_dbperf.recording.cause import inherited as inherited_cause
from pytest_dbperf.recording.connections import (
    Checkout,
    ConnectionClosed,
    ConnectionReturned,
    NewConnection,
    Why,
)
from pytest_dbperf.recording.events import DriverQuery, Event, Hop, NotSent, Query, Response
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.reports.files import ReportWriter
from pytest_dbperf.results.model import (
    GroupResult,
    HopGroupResult,
    Measurements,
    RequestResult,
    Run,
    TestResult,
)
from pytest_dbperf.results.of_budgets import ViolationResult
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.standing_connections import NotLikeProduction, ThreadIsStuck
from pytest_dbperf.session.verification import ServerDisagrees
from pytest_dbperf.sql.fingerprint import Statement
from pytest_dbperf.standalone import record
from pytest_dbperf.violations.text import BudgetExceeded
from pytest_dbperf.violations.violation import (
    BudgetWarning,
    Evidence,
    Fix,
    Hint,
    Violation,
    WarningLine,
)

if TYPE_CHECKING:
    from pytest_dbperf.clients.asgi import AsgiClient
    from pytest_dbperf.clients.database_settings import DatabaseSettings
    from pytest_dbperf.clients.wsgi import WsgiClient

__all__ = [
    "AsgiClient",
    "BlockingCall",
    "Budget",
    "BudgetExceeded",
    "BudgetFixture",
    "BudgetWarning",
    "BudgetWindow",
    "CallPath",
    "Cause",
    "Checkout",
    "ConnectionClosed",
    "ConnectionReturned",
    "DatabaseSettings",
    "DriverQuery",
    "Event",
    "Evidence",
    "Fix",
    "GroupResult",
    "GrowthUnknown",
    "HasAllowances",
    "HasNumber",
    "HasWarnings",
    "Hint",
    "Hop",
    "HopGroupResult",
    "LiveRecording",
    "LoadedVia",
    "MaxDbTimeFixture",
    "MaxNewConnectionsFixture",
    "MaxOpenConnectionsFixture",
    "MaxThreadHopsFixture",
    "Measurements",
    "NewConnection",
    "NoBlockingCallsFixture",
    "NoConnectionLeaksFixture",
    "NoIdleInTransactionFixture",
    "NoNPlusOneFixture",
    "NoRepeatedQueriesFixture",
    "NoSyncToAsyncFixture",
    "NoUnindexedFiltersFixture",
    "NoWriteLoopsFixture",
    "NotLikeProduction",
    "NotSent",
    "NothingCounts",
    "Probe",
    "Query",
    "QueryBudgetFixture",
    "Recorder",
    "Recording",
    "RelationLoad",
    "ReportWriter",
    "Request",
    "RequestResult",
    "Response",
    "Run",
    "SeamGone",
    "ServerDisagrees",
    "Statement",
    "TestResult",
    "ThreadIsStuck",
    "Undo",
    "Violation",
    "ViolationResult",
    "WarningLine",
    "Why",
    "WrongArguments",
    "WrongWindow",
    "WsgiClient",
    "frames_here",
    "inherited_cause",
    "record",
    "signature_of",
    "wrap",
]

# They are made of Django's classes: importing them takes Django's settings, which the plugin must not need.
_MADE_OF_DJANGO = {"AsgiClient": "asgi", "DatabaseSettings": "database_settings", "WsgiClient": "wsgi"}

# Type checkers read the imports above. For them, this function would give every misspelt name a type.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MADE_OF_DJANGO:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.clients.{_MADE_OF_DJANGO[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

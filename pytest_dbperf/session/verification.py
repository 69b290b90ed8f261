"""Does the server agree? PostgreSQL's count of sessions, against the connections that were counted here."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.recording.open_connections import OpenConnections

# A backend reports its session before it answers its client. If the statistics are locked just then, it tries
# again when it has been idle for ten seconds (PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c).
_SECONDS_TO_CATCH_UP = 12
# What the server knows and we do not will not be known later.
_SECONDS_TO_AGREE = 0.5
_SECONDS_BETWEEN = 0.05

_SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = %s"


class ServerDisagrees(RuntimeError):
    """PostgreSQL has counted other sessions than the plugin has counted connections."""


class ConnectionsNotVerified(UserWarning):
    """The server's count says nothing about the client's connections, or cannot be read."""


class _Monitor:
    """A connection of our own to a server, outside the databases that it looks at, and counted by nobody."""

    def __init__(self, django_connection: Any, connections: OpenConnections) -> None:
        parameters = {**django_connection.get_connection_params(), "dbname": "postgres"}
        # Not for us: Django's own cursors and the adaptation of its types.
        for ours in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(ours, None)
        self.alias: str = django_connection.alias
        self.errors: type[Exception] = django_connection.Database.Error
        self.connection = django_connection.Database.connect(**parameters)
        self.connection.autocommit = True
        connections.remove(self.connection)
        self.is_behind_a_pooler = self.ask("SELECT pg_backend_pid()") != self.connection.info.backend_pid

    def ask(self, sql: str, *parameters: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            (answer,) = cursor.fetchone()
        return int(answer)


@dataclass(frozen=True, slots=True)
class _Disagreement:
    database: str
    theirs: int
    ours: int

    @property
    def is_behind(self) -> bool:
        return 0 <= self.theirs < self.ours

    def __str__(self) -> str:
        return (
            f"dbperf_verify_connections: PostgreSQL has counted {self.theirs} new sessions in "
            f"{self.database!r}, and the plugin {self.ours} connections. {self._explanation()}"
        )

    def _explanation(self) -> str:
        if self.theirs < 0:
            return "Its statistics were reset: by a crash, or by pg_stat_reset()"
        if self.is_behind:
            return "Its counter lags behind, or connections went to another server: please report it"
        return "Something connects that the plugin does not see: another process, or another driver"


class Verification:
    """Compares, test by test, what was opened in each database with what its server has counted."""

    def __init__(self, connections: OpenConnections) -> None:
        self._connections = connections
        self._monitors: dict[str, _Monitor | None] = {}
        self._agreed: dict[str, tuple[_Monitor, int, int]] = {}

    def begin(self, aliases: Iterable[str]) -> None:
        """Read the counts of databases that are new; those that were read before go on from there."""
        from django.db import connections

        for alias in aliases:
            connection: Any = connections[alias]
            database = connection.settings_dict["NAME"]
            if connection.vendor == "postgresql" and database not in self._agreed:
                monitor = self._monitor_of(alias, connection)
                if monitor is not None:
                    self._agreed[database] = self._count(monitor, database)

    def check(self) -> None:
        """Raise ServerDisagrees unless both counts have grown alike since the last time."""
        started = time.monotonic()
        for database in [*self._agreed]:
            while disagreement := self._disagreement(database):
                seconds = _SECONDS_TO_CATCH_UP if disagreement.is_behind else _SECONDS_TO_AGREE
                if time.monotonic() > started + seconds:
                    del self._agreed[database]  # The next test begins anew.
                    raise ServerDisagrees(str(disagreement))
                time.sleep(_SECONDS_BETWEEN)

    def close(self) -> None:
        """End the monitors."""
        for monitor in self._monitors.values():
            if monitor is not None:
                monitor.connection.close()
        self._monitors.clear()
        self._agreed.clear()

    def _monitor_of(self, alias: str, connection: Any) -> _Monitor | None:
        if alias not in self._monitors:
            self._monitors[alias] = None
            try:
                monitor = _Monitor(connection, self._connections)
            except connection.Database.Error as error:
                self._warn(alias, f"its server cannot be asked in the database 'postgres': {error}")
                return None
            if monitor.is_behind_a_pooler:
                monitor.connection.close()
                self._warn(
                    alias, "it is behind a pooler such as PgBouncer, whose sessions serve many clients"
                )
                return None
            self._monitors[alias] = monitor
        return self._monitors[alias]

    def _warn(self, alias: str, why: str) -> None:
        warnings.warn(
            f"dbperf_verify_connections: connections of {alias!r} are not verified, as {why}",
            ConnectionsNotVerified,
            stacklevel=2,
        )

    def _count(self, monitor: _Monitor, database: str) -> tuple[_Monitor, int, int]:
        return monitor, monitor.ask(_SESSIONS, database), self._connections.opened[database]

    def _disagreement(self, database: str) -> _Disagreement | None:
        monitor, sessions_before, opened_before = self._agreed[database]
        try:
            _, sessions, opened = self._count(monitor, database)
        except monitor.errors as error:
            self._forget(monitor)
            self._warn(monitor.alias, f"the server has ended the plugin's own connection: {error}")
            return None
        found = _Disagreement(database, sessions - sessions_before, opened - opened_before)
        return found if found.theirs != found.ours else None

    def _forget(self, monitor: _Monitor) -> None:
        del self._monitors[monitor.alias]
        self._agreed = {
            database: known for database, known in self._agreed.items() if known[0] is not monitor
        }
        monitor.connection.close()

"""Does PostgreSQL agree? Its count of sessions is compared with the connections that the plugin counted."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.recording.open_connections import OpenConnections

# A backend reports its session before it answers its client. If the statistics are locked at that moment, it
# retries after ten idle seconds (PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c).
_SECONDS_TO_CATCH_UP = 12
# If the server counted more than the plugin, waiting longer does not help.
_SECONDS_TO_AGREE = 0.5
_SECONDS_BETWEEN = 0.05

_SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = %s"


class ServerDisagrees(RuntimeError):
    """PostgreSQL's count of sessions differs from the plugin's count of connections."""


class ConnectionsNotVerified(UserWarning):
    """The server's count does not describe the client's connections, or cannot be read."""


class _Monitor:
    """The plugin's own connection to a server: in another database, and not counted."""

    def __init__(self, django_connection: Any, connections: OpenConnections) -> None:
        parameters = {**django_connection.get_connection_params(), "dbname": "postgres"}
        # Django's own cursors and type adapters are not needed here.
        for djangos in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(djangos, None)
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
            f"dbperf_verify_connections: PostgreSQL counted {self.theirs} new sessions in {self.database!r}, "
            f"the plugin {self.ours} new connections. {self._explanation()}"
        )

    def _explanation(self) -> str:
        if self.theirs < 0:
            return "The server's statistics were reset, by a crash or by pg_stat_reset()"
        if self.is_behind:
            return "The server's counter lags behind, or connections went elsewhere: please report this"
        return "Connections were opened that the plugin does not see: by another process or another driver"


class Verification:
    """Compares the connections to each database, after each test, with the count of its server."""

    def __init__(self, connections: OpenConnections) -> None:
        self._connections = connections
        self._monitors: dict[str, _Monitor | None] = {}
        self._agreed: dict[str, tuple[_Monitor, int, int]] = {}

    def begin(self, aliases: Iterable[str]) -> None:
        """Read the server's count for each database that was not read before."""
        from django.db import connections

        for alias in aliases:
            connection: Any = connections[alias]
            database = connection.settings_dict["NAME"]
            if connection.vendor == "postgresql" and database not in self._agreed:
                monitor = self._monitor_of(alias, connection)
                if monitor is not None:
                    self._agreed[database] = self._count(monitor, database)

    def check(self) -> None:
        """Raise ServerDisagrees unless both counts have grown by the same number since the last check."""
        started = time.monotonic()
        for database in [*self._agreed]:
            while disagreement := self._disagreement(database):
                seconds = _SECONDS_TO_CATCH_UP if disagreement.is_behind else _SECONDS_TO_AGREE
                if time.monotonic() > started + seconds:
                    del self._agreed[database]  # The next test reads the count again.
                    raise ServerDisagrees(str(disagreement))
                time.sleep(_SECONDS_BETWEEN)

    def close(self) -> None:
        """Close the plugin's own connections."""
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
                self._warn(alias, f"cannot connect to the database 'postgres' of its server: {error}")
                return None
            if monitor.is_behind_a_pooler:
                monitor.connection.close()
                self._warn(
                    alias,
                    "it goes through a pooler such as PgBouncer, where a session serves many clients",
                )
                return None
            self._monitors[alias] = monitor
        return self._monitors[alias]

    def _warn(self, alias: str, why: str) -> None:
        warnings.warn(
            f"dbperf_verify_connections: connections of {alias!r} are not verified: {why}",
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
            self._warn(monitor.alias, f"the server closed the plugin's own connection: {error}")
            return None
        found = _Disagreement(database, sessions - sessions_before, opened - opened_before)
        return found if found.theirs != found.ours else None

    def _forget(self, monitor: _Monitor) -> None:
        del self._monitors[monitor.alias]
        self._agreed = {
            database: known for database, known in self._agreed.items() if known[0] is not monitor
        }
        monitor.connection.close()

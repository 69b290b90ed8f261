"""How would a test do with other connection settings? They are changed for it, in every thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

from pytest_dbperf.clients import wsgi
from pytest_dbperf.clients.preconditions import require_committed
from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.probes.seam import is_installed, wrap
from pytest_dbperf.session import standing_connections
from pytest_dbperf.session.event_loop import is_on_a_loop
from pytest_dbperf.violations.spelling import did_you_mean

_CHANGEABLE = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "pool")

DatabaseSettings = Callable[..., None]


@contextmanager
def changeable() -> Iterator[DatabaseSettings]:
    """Yield a function that changes settings, `change("default", CONN_MAX_AGE=600)`; undo it at the end."""
    before: dict[str, dict[str, Any]] = {}

    def change(alias: str = "default", **changes: Any) -> None:
        _require_known(alias, changes)
        database = connections.settings[alias]
        options = dict(database["OPTIONS"])
        if "pool" in changes:
            options.pop("pool", None)
            # A driver without pools rejects this option even if it is false.
            if pool := changes.pop("pool"):
                options["pool"] = pool
        changed = {**database, **changes, "OPTIONS": options}
        _require_valid(alias, changed)
        before.setdefault(alias, {**database, "OPTIONS": dict(database["OPTIONS"])})
        _put(alias, changed)

    with ExitStack() as undo:
        if is_installed("psycopg_pool"):
            from django.db.backends.postgresql.base import DatabaseWrapper

            undo.callback(wrap(DatabaseWrapper, "_close", _around_close))
        try:
            yield change
        finally:
            standing_connections.leave_closed.difference_update(before)
            for alias, database in before.items():
                _put(alias, database)


def _require_known(alias: str, changes: dict[str, Any]) -> None:
    if alias not in connections.settings:
        known = ", ".join(sorted(connections.settings))
        meant = did_you_mean(alias, connections.settings)
        raise ValueError(f"database_settings: DATABASES has no alias {alias!r}{meant}, only {known}")
    if unknown := [name for name in changes if name not in _CHANGEABLE]:
        raise ValueError(f"database_settings can change {', '.join(_CHANGEABLE)}, not {', '.join(unknown)}")


def _require_valid(alias: str, changed: dict[str, Any]) -> None:
    if not changed["OPTIONS"].get("pool"):
        return
    connection: Any = connections[alias]
    if not hasattr(type(connection), "pool"):
        raise ValueError(
            f"database_settings: {alias!r} cannot have a pool: Django has pools for PostgreSQL and Oracle, "
            f"not for {connection.vendor}"
        )
    if changed["CONN_MAX_AGE"] != 0:
        raise ValueError(
            f"database_settings: Django's pool needs CONN_MAX_AGE=0, got {changed['CONN_MAX_AGE']}: write "
            f"database_settings({alias!r}, CONN_MAX_AGE=0, pool=True)"
        )


def _put(alias: str, database: dict[str, Any]) -> None:
    """Write settings into the dictionary that the connections of all threads share."""
    shared = connections.settings[alias]
    if shared["OPTIONS"].get("pool") == database["OPTIONS"].get("pool"):
        shared.update(database)
        return
    if not is_on_a_loop():
        require_committed("database_settings")
    with RECORDER.pause():
        shared.update(database)
        on_asgiref_thread = standing_connections.close_on_asgiref_thread([alias])
        # A coroutine sees connections of its own, not those that were opened before the test.
        here = [] if is_on_a_loop() else _close_here(alias)
        for workers in [*wsgi.running]:
            workers.close(alias)
        _close_pool(alias)
        if database["OPTIONS"].get("pool"):
            standing_connections.leave_closed.add(alias)
            RECORDER.connections.standing.discard(alias)
        standing_connections.open_here(here)
        standing_connections.open_on_asgiref_thread(on_asgiref_thread)


def _close_here(alias: str) -> list[str]:
    connection = connections[alias]
    was_open = connection.connection is not None
    connection.close()
    return [alias] if was_open else []


def _close_pool(alias: str) -> None:
    """Close a pool and the connections that it gave out: one left open would block DROP DATABASE."""
    pool = getattr(type(connections[alias]), "_connection_pools", {}).pop(alias, None)
    if pool is None:
        return
    pool.close()
    for owner in RECORDER.connections.owners():
        if getattr(owner, "_pool", None) is pool:
            owner.close()


def _around_close(original: Callable[[Any], None]) -> Callable[[Any], None]:
    def _close(self: Any) -> None:
        # Django reads in the settings whether a connection came from a pool, but they have changed since.
        pool = getattr(self.connection, "_pool", None)
        matches_settings = (pool is not None) == bool(self.settings_dict["OPTIONS"].get("pool"))
        if self.connection is None or matches_settings:
            original(self)
        elif pool is None:
            with self.wrap_database_errors:
                self.connection.close()
        else:
            with self.wrap_database_errors:
                pool.putconn(self.connection)
                self.connection = None

    return _close

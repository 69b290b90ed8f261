"""What if the settings of a database were others? For one test, in every thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from pytest_dbperf import standing
from pytest_dbperf.lifecycle.conditions import require_committed
from pytest_dbperf.probes import RECORDER

_CHANGEABLE = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "pool")

DatabaseSettings = Callable[..., None]


@contextmanager
def changeable() -> Iterator[DatabaseSettings]:
    """Yield a function that changes settings: `change("default", CONN_MAX_AGE=600)`; all is undone after."""
    before: dict[str, dict[str, Any]] = {}

    def change(alias: str = "default", **changes: Any) -> None:
        _require_known(alias, changes)
        database = connections.settings[alias]
        before.setdefault(alias, {**database, "OPTIONS": dict(database["OPTIONS"])})
        options = dict(database["OPTIONS"])
        if "pool" in changes:
            options.pop("pool", None)
            # A driver that has no pool knows no such option, not even a false one.
            if pool := changes.pop("pool"):
                options["pool"] = pool
        _put(alias, {**database, **changes, "OPTIONS": options})

    try:
        yield change
    finally:
        standing.left_to_the_test.difference_update(before)
        for alias, database in before.items():
            _put(alias, database)


def _require_known(alias: str, changes: dict[str, Any]) -> None:
    if alias not in connections.settings:
        known = ", ".join(sorted(connections.settings))
        raise ValueError(f"database_settings: there is no database alias {alias!r}, but {known}")
    if unknown := [name for name in changes if name not in _CHANGEABLE]:
        raise ValueError(f"database_settings changes {', '.join(_CHANGEABLE)}, and not {', '.join(unknown)}")
    connection: Any = connections[alias]
    if changes.get("pool") and not hasattr(type(connection), "pool"):
        raise ValueError(
            f"database_settings: Django has no pool for {alias!r}, which is on {connection.vendor}, but for "
            "PostgreSQL and Oracle"
        )


def _put(alias: str, database: dict[str, Any]) -> None:
    """Put settings into the dictionary that the connections of all threads share."""
    shared = connections.settings[alias]
    if shared["OPTIONS"].get("pool") == database["OPTIONS"].get("pool"):
        shared.update(database)
        return
    # A connection goes back to where the settings say that it came from: it must not outlive them.
    with RECORDER.pause():
        on_asgiref_thread = standing.close_on_asgiref_thread([alias])
        here = [] if _is_on_a_loop() else _close_here(alias)
        shared.update(database)
        if database["OPTIONS"].get("pool"):
            standing.left_to_the_test.add(alias)
        standing.open_here(here)
        standing.open_on_asgiref_thread(on_asgiref_thread)


def _is_on_a_loop() -> bool:
    # A coroutine sees connections of its own, and none that a test stands on.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _close_here(alias: str) -> list[str]:
    connection: Any = connections[alias]
    is_open = connection.connection is not None
    is_pooled = bool(connection.settings_dict["OPTIONS"].get("pool"))
    if is_open and is_pooled == hasattr(connection.connection, "_pool"):
        require_committed("database_settings")
        connection.close()
    if is_pooled:
        connection.close_pool()
    return [alias] if is_open else []

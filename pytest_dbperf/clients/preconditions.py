"""Can production be imitated here? Not on a database that other threads cannot see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.session.standing_connections import NotLikeProduction


def require_committed(client: str) -> None:
    """Refuse a database that a server in other threads would not see.

    Raises NotLikeProduction for a transaction around the test, and for SQLite in memory, with what to do.
    """
    connection: Any
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise NotLikeProduction(
                f"{client}: the test holds a transaction open on the database {connection.alias!r}, and "
                "requests in other threads would not see its rows. Mark it "
                "@pytest.mark.django_db(transaction=True), or use TransactionTestCase"
            )
        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            raise NotLikeProduction(
                f"{client}: the database {connection.alias!r} is SQLite in memory, whose connections are "
                f"never closed. Give the tests a file: DATABASES[{connection.alias!r}]['TEST'] = "
                "{'NAME': 'test.sqlite3'}"
            )


def require_no_loop(client: str, instead: str) -> None:
    """Refuse to block a running event loop. Raises NotLikeProduction with what to do instead."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise NotLikeProduction(f"{client} would block the event loop: {instead}")


def close_left(left: Callable[[], Iterable[Any]]) -> None:
    """Close the connections that served requests and were left open, unseen by recordings."""
    with RECORDER.pause():
        for owner in left():
            # A connection of Django may be closed by the thread that made it, or by all.
            if share := getattr(owner, "inc_thread_sharing", None):
                share()
            owner.close()

"""Can requests be served here as in production? Not on a database that other threads cannot see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.session.event_loop import is_on_a_loop
from pytest_dbperf.session.standing_connections import NotLikeProduction


def require_committed(client: str) -> None:
    """Refuse a database with rows that a server in other threads would not see.

    Raises NotLikeProduction, and says what to do, for a transaction around the test and SQLite in memory.
    """
    connection: Any
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise NotLikeProduction(
                f"{client}: the test runs in a transaction on the database {connection.alias!r}, so requests "
                "in other threads would not see its rows. Mark the test "
                "@pytest.mark.django_db(transaction=True), or use TransactionTestCase"
            )
        if connection.vendor == "sqlite" and connection.is_in_memory_db():
            raise NotLikeProduction(
                f"{client}: the database {connection.alias!r} is SQLite in memory, and Django never closes "
                f"its connections. Use a file for the tests: DATABASES[{connection.alias!r}]['TEST'] = "
                "{'NAME': 'test.sqlite3'}"
            )


def require_no_loop(client: str, instead: str) -> None:
    """Raise NotLikeProduction if an event loop runs in this thread, and say what to do `instead`."""
    if is_on_a_loop():
        raise NotLikeProduction(f"{client} would block the event loop: {instead}")


def close_left(left: Callable[[], Iterable[Any]]) -> None:
    """Close the connections that requests have left open, without recording that."""
    with RECORDER.pause():
        for owner in left():
            # Unless it is shared, only the thread that made a Django connection may close it.
            if share := getattr(owner, "inc_thread_sharing", None):
                share()
            owner.close()

"""Which connections does a test stand on? Those that tests of its kind have anyway, opened beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import TimeoutError as Timeout
from typing import TypeVar

from pytest_dbperf.probes.threads import runs_in

T = TypeVar("T")

# asgiref has one thread for all thread-sensitive calls; one that an earlier test left in it would block us.
_SECONDS_TO_WAIT = 30


# Databases whose pool a test has set up for itself: how it fills up is what the test is about.
left_to_the_test: set[str] = set()


class ThreadIsStuck(RuntimeError):
    """asgiref's thread does not answer."""


class NotLikeProduction(RuntimeError):
    """The test stands on a database, or in a place, where requests cannot be served as in production."""


def open_here(aliases: Iterable[str]) -> list[str]:
    """Open connections in this thread and tell which are open; what cannot be opened, the test will meet."""
    from django.db import DatabaseError, connections

    opened = []
    for alias in set(aliases) - left_to_the_test:
        try:
            connections[alias].ensure_connection()
        except (DatabaseError, RuntimeError, AssertionError):
            # The server is down, pytest-django blocks the database, or Django forbids this alias here.
            continue
        opened.append(alias)
    return opened


def open_on_asgiref_thread(aliases: Sequence[str]) -> list[str]:
    """Open connections on asgiref's thread, and tell which were not open before."""
    from django.db import connections

    def open_missing() -> list[str]:
        missing = [alias for alias in aliases if connections[alias].connection is None]
        return open_here(missing)

    return _on_asgiref_thread(open_missing)


def close_on_asgiref_thread(aliases: Sequence[str] | None = None) -> list[str]:
    """Close connections of asgiref's thread, all by default, but none within a transaction of the user's.

    Returns the aliases of those that were open.
    """
    from django.db import connections

    def close() -> list[str]:
        closed = []
        for connection in connections.all(initialized_only=True):
            is_meant = aliases is None or connection.alias in aliases
            if is_meant and connection.connection is not None and not connection.in_atomic_block:
                connection.close()
                closed.append(connection.alias)
        return closed

    return _on_asgiref_thread(close)


def _on_asgiref_thread(function: Callable[[], T]) -> T:
    from asgiref.sync import SyncToAsync

    if runs_in(SyncToAsync.single_thread_executor):
        return function()
    try:
        return SyncToAsync.single_thread_executor.submit(function).result(_SECONDS_TO_WAIT)
    except Timeout:
        raise ThreadIsStuck(
            f"asgiref's thread has not answered for {_SECONDS_TO_WAIT} s: a sync_to_async call of an earlier "
            "test still runs in it, and this test would wait for it, too"
        ) from None

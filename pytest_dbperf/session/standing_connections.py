"""Which connections are open before a test starts? Those that nearly every such test needs anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import TimeoutError as Timeout
from contextlib import suppress
from typing import TypeVar

from pytest_dbperf.probes.connection_events import is_asgiref_thread
from pytest_dbperf.recording.open_connections import OpenConnections

T = TypeVar("T")

# asgiref has one thread for all thread-sensitive calls: a call that an earlier test left there blocks ours.
_SECONDS_TO_WAIT = 30


# Aliases that are not opened beforehand: the running test set up their pool, and measures how it fills.
leave_closed: set[str] = set()


class ThreadIsStuck(RuntimeError):
    """A thread that the test needs, or has used, does not finish its work."""


class NotLikeProduction(RuntimeError):
    """Requests cannot be served here as in production; the text says what to change."""


def open_here(aliases: Iterable[str]) -> list[str]:
    """Open connections in this thread and return the aliases that are open; skip those that fail."""
    from django.db import connections

    opened = []
    for alias in set(aliases) - leave_closed:
        # The server is down, the settings have a wrong option, pytest-django blocks the database, or Django
        # forbids this alias here. If the test uses it, it gets this error itself.
        with suppress(Exception):
            connections[alias].ensure_connection()
            opened.append(alias)
    return opened


def open_on_asgiref_thread(aliases: Sequence[str]) -> list[str]:
    """Open connections on asgiref's thread, and return the aliases that were not open before."""
    from django.db import connections

    def open_missing() -> list[str]:
        missing = [alias for alias in aliases if connections[alias].connection is None]
        return open_here(missing)

    return _on_asgiref_thread(open_missing)


def expect_on_asgiref_thread(connections: OpenConnections, aliases: Iterable[str]) -> None:
    """Let a test open these there, once each, as if they had been open before."""
    connections.standing = set(aliases) - leave_closed
    connections.opened_late = []


def opened_on_asgiref_thread(connections: OpenConnections) -> list[str]:
    """Return the aliases that a test has opened there, and expect no more."""
    connections.standing = set()
    opened, connections.opened_late = connections.opened_late, []
    return opened


def close_on_asgiref_thread(aliases: Sequence[str] | None = None) -> list[str]:
    """Close the connections of asgiref's thread (all by default), except inside an open transaction.

    Returns the aliases that were open.
    """
    from asgiref.sync import SyncToAsync
    from django.db import connections

    if not SyncToAsync.single_thread_executor._threads:
        # Starting it only for this would leave a thread. Some versions of gevent wait for it without end.
        return []

    def close() -> list[str]:
        closed = []
        for connection in connections.all(initialized_only=True):
            is_chosen = aliases is None or connection.alias in aliases
            if is_chosen and connection.connection is not None and not connection.in_atomic_block:
                connection.close()
                closed.append(connection.alias)
        return closed

    return _on_asgiref_thread(close)


def _on_asgiref_thread(function: Callable[[], T]) -> T:
    from asgiref.sync import SyncToAsync

    if is_asgiref_thread():
        return function()
    try:
        return SyncToAsync.single_thread_executor.submit(function).result(_SECONDS_TO_WAIT)
    except Timeout:
        raise ThreadIsStuck(
            f"asgiref's thread did not answer within {_SECONDS_TO_WAIT} s: a sync_to_async call of an "
            "earlier test is still running on it, and would block this test as well"
        ) from None

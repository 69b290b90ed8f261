"""How do tests cause what otherwise needs two requests at the same moment?

They hold a lock in an open transaction, let the other requests wait for it, and commit once all wait.
"""

from collections.abc import Callable
from typing import TypeVar

import pytest
from django.db import connection, connections

Result = TypeVar("Result")

# One statement, however long it takes: a test should cost the same number of queries every time.
WAIT = """
DO $$
BEGIN
    FOR attempt IN 1..%(attempts)s LOOP
        PERFORM pg_stat_clear_snapshot();
        IF (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock') >= %(sessions)s THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE 'fewer than %(sessions)s sessions wait for a lock';
END
$$
"""
ATTEMPTS = 2500  # DB_STATEMENT_TIMEOUT would end it after 30 seconds.


def require_row_locks() -> None:
    """Skip the test on a database without row locks."""
    if not connection.features.has_select_for_update:
        pytest.skip(f"{connection.vendor} has no row locks: two requests never wait for each other")


def wait_until_blocked(sessions: int) -> None:
    """Return as soon as so many other sessions of this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT % {"sessions": sessions, "attempts": ATTEMPTS})


def disconnecting(call: Callable[[], Result]) -> Callable[[], Result]:
    """Close the connections that a thread's call opened: no other thread can."""

    def called() -> Result:
        try:
            return call()
        finally:
            connections.close_all()

    return called

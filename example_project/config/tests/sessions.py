"""Which connections does the service have, according to PostgreSQL?

PGAPPNAME tells a server of the tests from the test, which has connections to the same database.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from config.tests.locks import ATTEMPTS

SERVICE = "service"
OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"

# One statement, however long it takes: a test should cost the same number of queries every time.
WAIT = f"""
DO $$
BEGIN
    FOR attempt IN 1..{ATTEMPTS} LOOP
        PERFORM pg_stat_clear_snapshot();
        IF ({OPEN.replace("%s", f"'{SERVICE}'")}) = 0 THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE 'the service has connections still';
END
$$
"""


@dataclass(frozen=True, slots=True)
class ServerLog:
    """The rest of PostgreSQL's log from now on. Its processes write it before they answer."""

    path: Path
    start: int

    @classmethod
    def from_now_on(cls) -> "ServerLog":
        """Start at the end, or skip the test if the server is not the throwaway one."""
        if "DATABASE_LOG" not in os.environ:
            pytest.skip("needs the log of the throwaway PostgreSQL")
        path = Path(os.environ["DATABASE_LOG"])
        return cls(path, path.stat().st_size)

    def opened(self) -> int:
        """Count the connections that the service has opened since."""
        with self.path.open(encoding="utf-8") as log:
            log.seek(self.start)
            connected = [line for line in log if "LOG:  connection authorized" in line]
        # The server has the databases of other processes that run tests, too.
        ours = f"database={connection.settings_dict['NAME']} application_name={SERVICE}"
        return sum(ours in line for line in connected)


def open_now() -> int:
    """Count the connections that the service has now."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, [SERVICE])
        return cursor.fetchone()[0]


def wait_until_none_is_open() -> None:
    """Return as soon as the service has no connection: PostgreSQL notices a little later."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT)

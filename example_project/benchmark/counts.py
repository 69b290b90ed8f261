"""What did the load cost? The workers and PostgreSQL both count it."""

import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg

from throwaway_postgres import Server
from throwaway_servers.processes import wait_until

SETTLED = 0.5
"""After so many seconds without a change, the open connections count as left open."""
CONNECTED = "LOG:  connection authorized"
FIELDS = 5


class CountsDisagree(RuntimeError):
    """Two counters of the same thing disagree: one of them is wrong, and so is the table."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The cost of a bounded load."""

    requests: int
    queries: int
    hops: int
    connects: int
    """How often a worker connected, to PostgreSQL or to PgBouncer."""
    new_connections: int
    """The connections that PostgreSQL saw."""
    left_open: int

    @property
    def hops_each(self) -> str:
        """Hops per request."""
        return f"{self.hops / self.requests:.4g}"

    @property
    def queries_each(self) -> str:
        """Queries per request."""
        return f"{self.queries / self.requests:.4g}"


def told_by_workers(place: Path) -> Counter[str]:
    """Ask all workers for their counts, and add them up."""
    files = list(place.glob("*.json"))
    for file in files:
        file.unlink()
        os.kill(int(file.stem), signal.SIGUSR2)
    wait_until(lambda: all(file.exists() for file in files))
    total: Counter[str] = Counter()
    for file in files:
        total.update(json.loads(file.read_text()))
    return total


class Log:
    """What PostgreSQL logs from now on about the connections to a database."""

    def __init__(self, path: Path, database: str) -> None:
        self._path = path
        self._database = database
        self._start = path.stat().st_size

    def new_connections(self) -> int:
        """Return how many connections were opened so far."""
        with self._path.open("rb") as log:
            log.seek(self._start)
            lines = log.read().decode(errors="replace").splitlines()
        messages = [fields for line in lines if len(fields := line.split("\t", FIELDS - 1)) == FIELDS]
        return sum(
            database == self._database and message.startswith(CONNECTED)
            for _, _, database, _, message in messages
        )


def open_connections(server: Server, database: str) -> int:
    """Return how many connections to a database are open, once that number stays the same."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:

        def now() -> int:
            [[number]] = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]
            ).fetchall()
            return int(number)

        number, since = now(), time.monotonic()

        def is_settled() -> bool:
            nonlocal number, since
            if (latest := now()) != number:
                number, since = latest, time.monotonic()
            return time.monotonic() - since > SETTLED

        wait_until(is_settled)
        return number


def agreed(told: Counter[str], sent: int, seen: int, left_open: int, *, is_pooled: bool) -> Counts:
    """Return the counts, or raise CountsDisagree if the clients or PostgreSQL counted something else.

    Behind a pooler, the workers' connections are not PostgreSQL's.
    """
    if told["requests"] != sent:
        raise CountsDisagree(f"the workers counted {told['requests']} requests, and {sent} were sent")
    if told["connects"] != seen and not is_pooled:
        raise CountsDisagree(f"the workers opened {told['connects']} connections, and PostgreSQL saw {seen}")
    return Counts(
        requests=sent,
        queries=told["queries"],
        hops=told["hops"],
        connects=told["connects"],
        new_connections=seen,
        left_open=left_open,
    )

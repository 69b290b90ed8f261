"""Are the workers' counts believed only if others have counted the same?"""

from collections import Counter
from pathlib import Path

import pytest

from benchmark.counts import Counts, CountsDisagree, Log, agreed

CONNECTED = "2030-01-01 12:00:00 UTC\t4711\t{}\t[unknown]\tLOG:  connection authorized: user=postgres\n"
TOLD = Counter(requests=2, queries=6, hops=8, connects=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log in which a connection was opened before."""
    path = tmp_path / "server.log"
    path.write_text(CONNECTED.format("campaigns"))
    return path


def append(path: Path, *lines: str) -> None:
    """Append to the log, as a server does."""
    with path.open("a") as log:
        log.writelines(lines)


def test_the_log_tells_of_new_connections_to_one_database(path: Path) -> None:
    """Earlier connections, other databases and other messages about a connection do not count."""
    log = Log(path, "campaigns")
    received = CONNECTED.replace("authorized", "received")
    append(path, received.format("[unknown]"), CONNECTED.format("campaigns"), CONNECTED.format("postgres"))

    assert log.new_connections() == 1


def test_counts_that_agree_are_believed() -> None:
    """The clients sent as many requests, and PostgreSQL saw as many connections."""
    counts = agreed(TOLD, sent=2, seen=1, left_open=1, is_pooled=False)

    assert counts == Counts(2, 6, 8, connects=1, new_connections=1, left_open=1)


def test_a_connection_that_only_postgresql_saw_is_an_error() -> None:
    """A table that may be wrong is not printed."""
    with pytest.raises(CountsDisagree, match="workers opened 1 connections, and PostgreSQL saw 3"):
        agreed(TOLD, sent=2, seen=3, left_open=1, is_pooled=False)


def test_a_pooler_has_connections_of_its_own() -> None:
    """The counts have the connections to the pooler and to PostgreSQL."""
    counts = agreed(TOLD, sent=2, seen=3, left_open=3, is_pooled=True)

    assert (counts.connects, counts.new_connections) == (1, 3)


def test_a_request_that_no_worker_saw_is_an_error() -> None:
    """A request that no worker saw was answered by another server."""
    with pytest.raises(CountsDisagree, match="workers counted 2 requests, and 5 were sent"):
        agreed(TOLD, sent=5, seen=1, left_open=1, is_pooled=False)

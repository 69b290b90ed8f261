"""Do the workers of a real gunicorn count together, and as PostgreSQL's own log does?"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.db import connection, transaction

from config.tests.locks import wait_until_blocked
from metrics.tests.readings import TOKEN, scraped, total_in
from throwaway_servers import gunicorn
from throwaway_servers.gunicorn import Site
from throwaway_servers.processes import PATIENCE, POLL, ServerFailed, wait_until

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif("DATABASE_LOG" not in os.environ, reason="needs the log of the throwaway PostgreSQL"),
]

# The application name of its connections in the server's log.
NAME = "metrics-of-workers"
QUERIES_OF_A_LIST = 2
COUNT = "django_http_requests_latency_seconds_count"


class Log:
    """The rest of PostgreSQL's log from now on."""

    def __init__(self) -> None:
        self.path = Path(os.environ["DATABASE_LOG"])
        self.start = self.path.stat().st_size
        # The server also has the databases of other processes that run tests.
        self.ours = f"database={connection.settings_dict['NAME']} application_name={NAME}"

    def connections(self) -> int:
        """Count the connections that the service has opened since."""
        with self.path.open(encoding="utf-8") as log:
            log.seek(self.start)
            return sum("connection authorized" in line and self.ours in line for line in log)


@contextmanager
def serving(interface: str, url: str, directory: Path, *arguments: str, **environ: str) -> Iterator[Site]:
    """Serve with two workers, with their files in a directory of the test."""
    arguments = ("--workers", "2", "--worker-tmp-dir", str(directory), *arguments)
    url = f"{url}?application_name={NAME}"
    with gunicorn.serving(interface, *arguments, DATABASE_URL=url, METRICS_TOKEN=TOKEN, **environ) as site:
        yield site


def workers_of(site: Site) -> list[int]:
    """Return the process ids of both workers once both are there."""
    wait_until(lambda: len(site.workers()) == 2)
    return site.workers()


def ask(site: Site, times: int) -> None:
    """Request a list of campaigns, from a few clients at once."""

    def once(_: int) -> None:
        # When a worker ends, gunicorn 23 hangs up on clients that it has not read yet. They try again.
        for _attempt in range(10):
            try:
                with urlopen(f"{site.url}/api/campaigns/", timeout=PATIENCE) as answer:
                    assert answer.status == 200
                    return
            except ConnectionError:
                continue
            except URLError as hung_up:  # While the request was sent.
                if not isinstance(hung_up.reason, ConnectionError):
                    raise
        raise AssertionError(site.server.written())

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(once, range(times)))


@pytest.mark.parametrize(
    ("interface", "environ", "connections"),
    [
        ("wsgi", {"DB_CONN_MAX_AGE": "0"}, range(20, 21)),
        ("wsgi", {"DB_CONN_MAX_AGE": "600"}, range(2, 20)),
        ("asgi", {"DB_CONN_MAX_AGE": "0"}, range(20, 21)),
        ("asgi", {"DB_POOL": "3"}, range(2, 7)),
    ],
    ids=["wsgi", "wsgi-kept", "asgi", "asgi-pool"],
)
def test_the_metrics_are_those_of_all_workers(
    served_database_url: str, tmp_path: Path, interface: str, environ: dict[str, str], connections: range
) -> None:
    """Each worker has answered some requests, and any of them reports all."""
    log = Log()
    with serving(interface, served_database_url, tmp_path, **environ) as site:
        for worker in workers_of(site):
            with gunicorn.stopped(worker):
                ask(site, 10)
        # A pool connects in the background, so the server may be ahead of it for a moment.
        deadline = time.monotonic() + PATIENCE
        while total_in(metrics := scraped(site.url), "django_db_new_connections_total") != log.connections():
            assert time.monotonic() < deadline, (log.connections(), metrics)
            time.sleep(POLL)

    labels = {"view": "/api/campaigns/", "method": "GET", "status": "200"}
    assert total_in(metrics, COUNT, **labels) == 20
    assert total_in(metrics, "django_db_execute_total", alias="default") == 20 * QUERIES_OF_A_LIST
    assert log.connections() in connections


def test_nothing_is_lost_when_workers_are_replaced(served_database_url: str, tmp_path: Path) -> None:
    """There are as many files as slots, not as workers that ever ran."""
    environ = {"MAX_REQUESTS": "3", "MAX_REQUESTS_JITTER": "0"}
    with serving("wsgi", served_database_url, tmp_path, **environ) as site:
        ask(site, 24)
        metrics = scraped(site.url)
        files = sorted(path.name for path in tmp_path.glob("metrics-*/*"))
        wait_until(lambda: site.server.written().count("Booting worker") > 4)

    assert total_in(metrics, COUNT) == 24
    assert set(files) <= {f"{kind}_{place}.db" for kind in ("counter", "histogram") for place in (0, 1, 2)}
    assert not list(tmp_path.glob("metrics-*"))


def test_a_client_that_hangs_up_is_measured(served_database_url: str, tmp_path: Path) -> None:
    """Django cancels the request when the server reports it."""
    with serving("asgi", served_database_url, tmp_path) as site, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE campaigns_campaign")
        client = HTTPConnection(site.url.removeprefix("http://"))
        client.request("GET", "/api/campaigns/")
        wait_until_blocked(1)
        client.close()
        deadline = time.monotonic() + PATIENCE
        while not total_in(scraped(site.url), COUNT, view="/api/campaigns/", status="cancelled"):
            assert time.monotonic() < deadline, site.server.written()
            time.sleep(POLL)


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs /proc for the numbers of other processes"
)
def test_the_workers_tell_how_large_and_how_busy_they_are(served_database_url: str, tmp_path: Path) -> None:
    """The system's numbers for each worker."""
    with serving("wsgi", served_database_url, tmp_path) as site:
        workers = workers_of(site)
        metrics = scraped(site.url)
        for worker in workers:
            pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
            told = total_in(metrics, "process_resident_memory_bytes", pid=str(worker))
            assert told == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.2)
            assert total_in(metrics, "process_cpu_seconds_total", pid=str(worker)) > 0


def test_metrics_that_could_not_be_shared_are_refused(served_database_url: str, tmp_path: Path) -> None:
    """A sum with only one worker's numbers would be worse than no sum."""
    with pytest.raises(ServerFailed, match="preload_app makes the metrics before the workers"):
        with serving("wsgi", served_database_url, tmp_path, "--preload"):
            pass

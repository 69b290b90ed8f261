"""Do the web server's variables do what the README says? Real gunicorns answer, in both modes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from config.tests.http import get
from throwaway_servers import gunicorn
from throwaway_servers.processes import PATIENCE, wait_until

pytestmark = pytest.mark.services

BOTH = pytest.mark.parametrize("interface", ["wsgi", "asgi"])
NAMES = ["WORKER_CONNECTIONS", "WORKER_TIMEOUT", "KEEPALIVE", "MAX_REQUESTS", "MAX_REQUESTS_JITTER"]
# A database URL that is never used: these tests are about the web server.
DESCRIPTION = "/api/openapi.json"
AT_ONCE = 3
# Seconds. A worker is silent while it starts, too, and a busy machine starts it slowly.
SILENT = "20"


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, in the directory of the service."""
    return subprocess.run(
        command,
        cwd=gunicorn.HOME,
        env={**gunicorn.starting_environ(), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def configuration(*command: str, **variables: str) -> dict[str, str]:
    """Return the settings that gunicorn would use, started by this command."""
    shown = run(*command, "-m", "gunicorn", "config.wsgi", "--print-config", **variables)
    assert shown.returncode == 0, shown.stderr
    return dict(re.findall(r"^(\w+) += (.*)$", shown.stdout, re.MULTILINE))


def connect(site: gunicorn.Site, seconds: float) -> HTTPConnection:
    """Open a connection that waits this long for each answer."""
    address = urlsplit(site.url)
    client = HTTPConnection(address.hostname or "", address.port, timeout=seconds)
    client.connect()
    return client


def is_let_go(site: gunicorn.Site) -> bool:
    """Tell whether a connection ends before the default of KEEPALIVE, 5 seconds, would have ended it."""
    with closing(connect(site, seconds=3)) as client:
        try:
            client.request("GET", DESCRIPTION)
            answer = client.getresponse()
            connection = client.sock
            assert answer.read()
            return connection is None or connection.recv(1) == b""
        except TimeoutError:
            return False


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, gunicorn.Site]]:
    """One worker in each mode that keeps no client and serves few."""
    with ExitStack() as servers:
        yield {
            interface: servers.enter_context(
                gunicorn.serving(
                    interface,
                    "--workers",
                    "1",
                    DATABASE_URL="sqlite://:memory:",
                    DB_POOLER="false",
                    KEEPALIVE="0",
                    WORKER_CONNECTIONS=str(AT_ONCE),
                )
            )
            for interface in ("wsgi", "asgi")
        }


def test_the_values_are_those_of_the_report() -> None:
    """Without any variable; temporary files are in memory if the system has such a directory."""
    configured = configuration(sys.executable)

    assert {name: configured[name] for name in ("timeout", "keepalive", "worker_connections")} == {
        "timeout": "60",
        "keepalive": "5",
        "worker_connections": "1000",
    }
    assert (configured["max_requests"], configured["max_requests_jitter"]) == ("10000", "1000")
    assert configured["worker_tmp_dir"] == ("/dev/shm" if os.path.isdir("/dev/shm") else "None")
    assert configured["accesslog"] == "-"


def test_each_variable_reaches_gunicorn() -> None:
    """Five variables, five settings."""
    configured = configuration(
        sys.executable, **{name: str(number) for number, name in enumerate(NAMES, start=11)}
    )

    settings = ["worker_connections", "timeout", "keepalive", "max_requests", "max_requests_jitter"]
    assert [configured[name] for name in settings] == ["11", "12", "13", "14", "15"]


@pytest.mark.parametrize(
    ("variables", "workers"), [({}, "3"), ({"WEB_CONCURRENCY": "1"}, "1"), ({"WEB_CONCURRENCY": "9"}, "9")]
)
def test_the_workers_follow_the_cpus_unless_they_are_said(variables: dict[str, str], workers: str) -> None:
    """The CPUs that the process may use, e.g. one of a large machine, as in a container."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip(f"{sys.platform} binds no process to some of the CPUs")
    bind = (
        "import os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        " os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )

    assert configuration(sys.executable, "-c", bind, **variables)["workers"] == workers


@pytest.mark.parametrize("command", [[sys.executable, "-m", "gunicorn", "config.asgi"], ["./entrypoint.sh"]])
def test_bad_values_stop_the_start_with_their_names(command: list[str]) -> None:
    """The last line of the error names every one of them, also if gunicorn does not use it."""
    names = [*NAMES, "DB_POOL", "DB_CONN_HEALTH_CHECKS", "DB_CONNECT_TIMEOUT", "DB_STATEMENT_TIMEOUT"]

    stopped = run(*command, **dict.fromkeys(names, "nonsense"))

    assert stopped.returncode != 0
    last = stopped.stderr.splitlines()[-1]
    assert [name for name in names if f"'{name}'" not in last] == []


@BOTH
def test_a_client_is_kept_no_longer_than_keepalive(sites: dict[str, gunicorn.Site], interface: str) -> None:
    """With 0, the connection ends with its answer. A busy machine may need a second attempt."""
    wait_until(lambda: is_let_go(sites[interface]))


def test_under_asgi_one_client_too_many_is_refused(sites: dict[str, gunicorn.Site]) -> None:
    """WORKER_CONNECTIONS of them are served, the next gets 503; under WSGI it would have to wait."""
    site = sites["asgi"]
    silent = [connect(site, PATIENCE) for _ in range(AT_ONCE - 1)]
    # A client of before may have hung up, and the worker not have seen it yet.
    wait_until(lambda: get(site.url + DESCRIPTION).status == 200)

    silent.append(connect(site, PATIENCE))
    assert get(site.url + DESCRIPTION).status == 503

    for client in silent:
        client.close()


@BOTH
def test_a_worker_makes_way_after_max_requests(interface: str) -> None:
    """The next worker continues to serve."""
    with gunicorn.serving(interface, "--workers", "1", MAX_REQUESTS="5", MAX_REQUESTS_JITTER="0") as site:
        for _ in range(5):
            assert get(site.url + DESCRIPTION).status == 200

        wait_until(lambda: len(site.workers()) > 1)
        assert get(site.url + DESCRIPTION).status == 200


def test_a_worker_that_is_silent_for_too_long_is_replaced() -> None:
    """WORKER_TIMEOUT is about the process; it does not limit a request."""
    stopped: list[int] = []
    with (
        gunicorn.serving("wsgi", "--workers", "1", WORKER_TIMEOUT=SILENT) as wsgi,
        gunicorn.serving("asgi", "--workers", "1", WORKER_TIMEOUT=SILENT) as asgi,
    ):
        for site in (wsgi, asgi):
            assert get(site.url + DESCRIPTION).status == 200
            stopped.append(site.workers()[-1])
            os.kill(stopped[-1], signal.SIGSTOP)

        for site in (wsgi, asgi):
            wait_until(lambda site=site: site.workers()[-1] not in stopped)
            assert "WORKER TIMEOUT" in site.server.written()
            assert get(site.url + DESCRIPTION).status == 200

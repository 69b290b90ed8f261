"""Do the clients send the right requests, and check the answers?"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmark.load import RequestFailed, drive
from benchmark.scenarios import Request
from throwaway_servers.processes import wait_until

ASKED: list[tuple[str, str, bytes]] = []


class Answering(BaseHTTPRequestHandler):
    """Answers 404 below /missing, else 200, and keeps the requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer at once."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ASKED.append((self.command, self.path, body))
        if self.path == "/slow":
            wait_until(lambda: len(ASKED) == 4)
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"here")

    def do_PATCH(self) -> None:
        """Answer a PATCH in the same way."""
        self.do_GET()

    def log_message(self, *args: object) -> None:
        """Write nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of a server that answers."""
    ASKED.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server, running(server):
        yield f"http://127.0.0.1:{server.server_port}"


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    """Serve in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def test_each_request_is_sent_once_and_timed(url: str) -> None:
    """This holds for any number of clients, and for any request."""
    requests = [Request("PATCH", f"/{number}", {}, b"body") for number in range(25)]

    load = drive(url, requests, clients=3)

    assert sorted(ASKED) == sorted(("PATCH", f"/{number}", b"body") for number in range(25))
    assert len(load.latencies) == 25
    assert 0 < min(load.latencies) <= max(load.latencies) <= load.seconds
    assert load.rate == 25 / load.seconds


def test_clients_who_are_fast_take_more(url: str) -> None:
    """No client waits for the slow requests of a mix while another has none left."""
    requests = [Request("GET", path, {}, None) for path in ("/slow", "/1", "/2", "/3")]

    # The slow request is answered once the other client has sent all others.
    assert len(drive(url, requests, clients=2).latencies) == 4


def test_more_clients_than_requests_are_no_error(url: str) -> None:
    """Some clients have nothing to do."""
    assert len(drive(url, [Request("GET", "/", {}, None)], clients=4).latencies) == 1


def test_an_answer_that_is_not_the_right_one_ends_the_measurement(url: str) -> None:
    """Errors are fast, and would look like an improvement."""
    requests = [Request("GET", "/", {}, None), Request("GET", "/missing", {}, None)]

    with pytest.raises(RequestFailed, match="GET /missing was answered with 404: here"):
        drive(url, requests, clients=1)

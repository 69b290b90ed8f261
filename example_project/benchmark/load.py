"""How long does the service take to answer? Each client waits for its answer before it asks again."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import chain, islice
from time import perf_counter, process_time
from urllib.parse import urlsplit

from benchmark.scenarios import Request

REQUESTS_A_CONNECTION = 10
"""Workers share the clients by chance, so the clients reconnect now and then to spread that chance."""
PATIENCE = 60
"""Seconds that an answer may take."""


class RequestFailed(RuntimeError):
    """The service gave a wrong answer; a fast wrong answer must not count."""


@dataclass(frozen=True, slots=True)
class Load:
    """The results of some requests."""

    latencies: tuple[float, ...]
    """Seconds; for a single client, in the order of the requests."""
    seconds: float
    """From the first request to the last answer."""
    own_seconds: float
    """Processor time of the clients themselves."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


def drive(url: str, requests: Sequence[Request], clients: int) -> Load:
    """Send all requests, as many at a time as there are clients."""
    address = urlsplit(url).netloc
    # A free client takes the next request: a list's iterator gives each one to one thread only.
    waiting = iter(requests)
    with ThreadPoolExecutor(clients) as threads:
        started, own = perf_counter(), process_time()
        answered = list(threads.map(lambda _: _ask(address, waiting), range(clients)))
        seconds, own_seconds = perf_counter() - started, process_time() - own
    return Load(tuple(latency for one in answered for latency in one), seconds, own_seconds)


def _ask(address: str, waiting: Iterator[Request]) -> list[float]:
    """Send requests one after the other until none is left, and return the seconds that each took."""
    latencies: list[float] = []
    for first in waiting:
        with closing(HTTPConnection(address, timeout=PATIENCE)) as connection:
            connection.connect()
            for request in chain([first], islice(waiting, REQUESTS_A_CONNECTION - 1)):
                started = perf_counter()
                connection.request(request.method, request.path, request.body, request.headers)
                response = connection.getresponse()
                body = response.read()
                latencies.append(perf_counter() - started)
                if response.status != HTTPStatus.OK:
                    said = body.decode(errors="replace")[:500]
                    raise RequestFailed(
                        f"{request.method} {request.path} was answered with {response.status}: {said}"
                    )
    return latencies

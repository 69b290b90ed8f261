"""How long does the service take to answer? Asked by clients that each wait for their answer."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from time import perf_counter, process_time
from urllib.parse import urlsplit

from benchmark.scenarios import Request

REQUESTS_A_CONNECTION = 10
"""Workers share the clients by chance: so they are dealt anew now and then, and not once for all."""
PATIENCE = 60
"""Seconds that an answer may take."""


class RequestFailed(RuntimeError):
    """The service did not answer as it should; to be fast in that is no merit."""


@dataclass(frozen=True, slots=True)
class Load:
    """What became of some requests."""

    latencies: tuple[float, ...]
    """Seconds; of a single client in the order of the requests."""
    seconds: float
    """From the first request to the last answer."""
    own_seconds: float
    """Processor time that the clients took themselves."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds


def drive(url: str, requests: Sequence[Request], clients: int) -> Load:
    """Send all requests, as many at a time as there are clients."""
    address = urlsplit(url).netloc
    shares = [requests[number::clients] for number in range(clients)]
    with ThreadPoolExecutor(clients) as threads:
        started, own = perf_counter(), process_time()
        answered = list(threads.map(lambda share: _ask(address, share), shares))
        seconds, own_seconds = perf_counter() - started, process_time() - own
    return Load(tuple(latency for one in answered for latency in one), seconds, own_seconds)


def _ask(address: str, requests: Sequence[Request]) -> list[float]:
    """Send requests one after the other, and return the seconds that each took."""
    latencies = []
    for first in range(0, len(requests), REQUESTS_A_CONNECTION):
        with closing(HTTPConnection(address, timeout=PATIENCE)) as connection:
            connection.connect()
            for request in requests[first : first + REQUESTS_A_CONNECTION]:
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

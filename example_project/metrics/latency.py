"""How long do requests take?

The time starts at the first middleware and ends when there is a response. For a streaming response it ends
when the first byte can be sent.
"""

import asyncio
from collections.abc import Callable
from http import HTTPMethod
from time import perf_counter
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import Histogram

from metrics.views import scrape

# From 1 ms to 10 s, close enough together for percentiles to be useful.
BUCKETS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
LATENCY = Histogram(
    "django_http_requests_latency_seconds",
    "Time until the response, with the middlewares. Requests for the metrics are left out.",
    ["view", "method", "status"],
    buckets=BUCKETS,
)


@sync_and_async_middleware
def measured(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Measure every request. It is a coroutine if the rest of the chain is one, so it costs no hop."""
    if not iscoroutinefunction(get_response):

        def measure(request: HttpRequest) -> Any:
            started = perf_counter()
            response = get_response(request)
            _observe(request, str(response.status_code), perf_counter() - started)
            return response

        return measure

    async def measure_async(request: HttpRequest) -> Any:
        started = perf_counter()
        try:
            response = await get_response(request)
        except asyncio.CancelledError:
            # The client hung up. Requests too slow for their clients must not be missing here.
            _observe(request, "cancelled", perf_counter() - started)
            raise
        _observe(request, str(response.status_code), perf_counter() - started)
        return response

    return measure_async


def _observe(request: HttpRequest, status: str, seconds: float) -> None:
    match = request.resolver_match
    if match is not None and match.func is scrape:
        return
    # A label must not contain what a client invents: each value is stored for ever.
    view = "unknown" if match is None else f"/{match.route}"
    method = request.method if request.method in HTTPMethod.__members__ else "other"
    LATENCY.labels(view, method, status).observe(seconds)

"""Which request did it belong to, and which route served that request?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from pytest_dbperf.recording.cause import Request


class HasRequest(Protocol):
    """An event that may belong to a request: a query or a hop."""

    @property
    def request(self) -> Request | None:
        """The request that it belongs to, None outside of any request."""
        ...


E = TypeVar("E", bound=HasRequest)


def by_request(events: Iterable[E]) -> dict[int, list[E]]:
    """Group the events of requests by the number of their request; other events are left out."""
    requests: dict[int, list[E]] = {}
    for event in events:
        if event.request is not None:
            requests.setdefault(event.request.number, []).append(event)
    return requests


def route_of(request: str, view: str) -> str:
    """Write the method of a request and the URL pattern that matched it: `GET books/<int:pk>/`.

    `view` is that pattern. If it is empty, the path of the request takes its place.
    """
    method, _, path = request.partition(" ")
    # A route is one field of one line, and a regular expression may have line breaks.
    return " ".join((method, *(view or path).split()))

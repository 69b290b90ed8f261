"""Which requests broke the limit of each request, and which of them most?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.recording.requests import HasRequest, by_request, route_of
from pytest_dbperf.violations.violation import Hint, Violation

_MOST_ROUTES = 3

E = TypeVar("E", bound=HasRequest)

LimitOfRoute: TypeAlias = Callable[[str], int | None]
"""Which limit each request of a route has: `GET books/` has 26."""


@runtime_checkable
class LimitsRequests(Protocol):
    """A budget that can limit each single request instead of the whole test."""

    counted: ClassVar[str]
    """What it counts in a request, as a baseline names it: `queries`, `hops`."""
    limit: int | None
    per_request: bool

    def counts(self, recording: Recording) -> Sequence[tuple[str, int]]:
        """The route and the number of each request that has something to count."""
        ...

    def check_requests(self, recording: Recording, limit_of: LimitOfRoute) -> Violation | None:
        """Check each request with the limit of its route, and show the one that is farthest over it."""
        ...


@dataclass(frozen=True, slots=True)
class OneRequest(Generic[E]):
    """A request, the route that served it, and its events of one type."""

    request: Request
    route: str
    events: Sequence[E]

    def __str__(self) -> str:
        request = str(self.request)
        method, _, pattern = self.route.partition(" ")
        return request if request in (self.route, f"{method} /{pattern}") else f"{request} ({pattern})"


@dataclass(frozen=True, slots=True)
class OverLimit:
    """A request of this route is over its limit, with this number."""

    route: str
    measured: int


def requests_in(recording: Recording, events: Iterable[E]) -> list[OneRequest[E]]:
    """List the requests that these events of a recording belong to, in the order of their first events."""
    view_of = {response.number: response.view for response in recording.responses}
    return [
        OneRequest(request, route_of(str(request), view_of.get(request.number, "")), of_request)
        for of_request in by_request(events).values()
        if (request := of_request[0].request) is not None
    ]


def note_on_others(over: Sequence[OverLimit]) -> Iterator[Hint]:
    """Tell how many requests are over the limit, by route, if it is more than the one that is shown."""
    if len(over) < 2:  # noqa: PLR2004  # one is shown, so more than one
        return
    routes: dict[str, list[int]] = {}
    for one in over:
        routes.setdefault(one.route, []).append(one.measured)
    most_first = sorted(routes.items(), key=lambda item: -max(item[1]))
    shown = [
        f"{len(numbers)} to {route} ({'up to ' if len(set(numbers)) > 1 else ''}{max(numbers)})"
        for route, numbers in most_first[:_MOST_ROUTES]
    ]
    left_out = len(most_first) - len(shown)
    if left_out:
        shown.append(f"the rest to {left_out} more {'route' if left_out == 1 else 'routes'}")
    yield Hint("note", f"{len(over)} requests are over the limit: {', '.join(shown)}")

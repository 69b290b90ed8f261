"""Which tests and routes have other numbers? Of queries, hops and new connections, never of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_dbperf.comparison.verdict import NumberChange
from pytest_dbperf.results.model import TestResult


def test_changes(pairs: Iterable[tuple[TestResult, TestResult]]) -> Sequence[NumberChange]:
    """List the numbers of tests that changed, the worst first."""
    changes = (
        NumberChange(head.id, name, before, after)
        for base, head in pairs
        for (name, before), after in zip(_numbers_of(base).items(), _numbers_of(head).values(), strict=True)
        if before != after
    )
    return sorted(changes, key=_worst_first)


def route_changes(pairs: Iterable[tuple[TestResult, TestResult]]) -> Sequence[NumberChange]:
    """List the numbers of routes that changed, and the routes that are new or gone, the worst first."""
    before: dict[tuple[str, str], int] = {}
    after: dict[tuple[str, str], int] = {}
    for base, head in pairs:
        for test, highest in ((base, before), (head, after)):
            for key, number in _numbers_of_routes(test):
                highest[key] = max(number, highest.get(key, 0))
    changes = (
        NumberChange(route, name, before.get((route, name)), after.get((route, name)))
        for route, name in {**before, **after}
        if before.get((route, name), 0) != after.get((route, name), 0)
    )
    return sorted(changes, key=_worst_first)


def _numbers_of(test: TestResult) -> Mapping[str, int]:
    call = test.call
    return {
        "queries": call.queries,
        "hops": sum(call.hops.values()),
        "connections": call.new_connections,
    }


def _numbers_of_routes(test: TestResult) -> Iterator[tuple[tuple[str, str], int]]:
    for request in test.call.requests:
        yield (request.route, "queries"), request.queries
        yield (request.route, "hops"), sum(request.hops.values())


def _worst_first(change: NumberChange) -> tuple[int, str, str]:
    return ((change.base or 0) - (change.head or 0), change.key, change.name)

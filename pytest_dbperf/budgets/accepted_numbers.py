"""Which numbers are over a limit, and does the limit hold apart from the numbers that were accepted?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.per_request import LimitsRequests
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation

# Counts are the same in each run. Times are not, so max_db_time is not among them.
_COUNTING = (QueryBudget, MaxNewConnections, MaxOpenConnections, MaxThreadHops)


@dataclass(frozen=True, slots=True)
class AcceptedNumbers:
    """The numbers that were accepted for a test, by name, and for routes, by route and name.

    `of_test("query_budget")` and `of_route("GET books/", "hops")` are None if no number was accepted.
    """

    of_test: Callable[[str], int | None]
    of_route: Callable[[str, str], int | None]


NOTHING_ACCEPTED = AcceptedNumbers(lambda _: None, lambda *_: None)


@dataclass(frozen=True, slots=True)
class NumberOver:
    """A number over a limit, which can be accepted: of a route, or of the whole test if `route` is empty."""

    name: str
    measured: int
    limit: int
    accepted: int | None
    route: str = ""


def numbers_over(
    placed: PlacedBudget, recording: Recording, accepted: AcceptedNumbers = NOTHING_ACCEPTED
) -> Iterator[NumberOver]:
    """List the numbers of a recording over a limit: one of the test, or the highest of each route.

    A number over a hard limit is left out, because it cannot be accepted.
    """
    budget = placed.budget
    if placed.is_hard or not isinstance(budget, _COUNTING) or budget.limit is None:
        return
    if isinstance(budget, LimitsRequests) and budget.per_request:
        name, highest = _name(budget.counted, budget.aliases), dict[str, int]()
        for route, measured in budget.counts(recording):
            highest[route] = max(measured, highest.get(route, 0))
        for route, measured in highest.items():
            if measured > budget.limit:
                yield NumberOver(name, measured, budget.limit, accepted.of_route(route, name), route)
        return
    name, measured = _name(budget.name, budget.aliases), budget.measured(recording)
    if measured > budget.limit:
        yield NumberOver(name, measured, budget.limit, accepted.of_test(name))


def check_with_accepted(
    placed: PlacedBudget, recording: Recording, accepted: AcceptedNumbers
) -> Violation | None:
    """Check a recording with the higher of the limit and the accepted number, for requests route by route.

    The text of the violation names the limit, and the accepted number if that is the higher one. A hard limit
    is checked as it is, and so are limits without an accepted number, such as one for a table.
    """
    budget = placed.budget
    if placed.is_hard or not isinstance(budget, _COUNTING) or budget.limit is None:
        violation = budget.check(recording)
        return violation and violation.placed_as(str(placed))
    limit = budget.limit
    if isinstance(budget, LimitsRequests) and budget.per_request:
        name = _name(budget.counted, budget.aliases)

        def limit_of(route: str) -> int:
            return max(limit, accepted.of_route(route, name) or 0)

        violation = budget.check_requests(recording, limit_of)
        return violation and _with_accepted(
            violation, placed, limit, limit_of(violation.route), violation.route
        )
    highest = max(limit, accepted.of_test(_name(budget.name, budget.aliases)) or 0)
    violation = replace(budget, limit=highest).check(recording)
    return violation and _with_accepted(violation, placed, limit, highest, "this test")


def _with_accepted(violation: Violation, placed: PlacedBudget, limit: int, number: int, of: str) -> Violation:
    """Add the budget and where it is written, and the number that was accepted if it is above the limit."""
    more = f", with {number} accepted for {of}" if number > limit else ""
    return violation.placed_as(f"{placed}{more}")


def _name(name: str, aliases: Sequence[str]) -> str:
    """Name a number that is accepted. A limit of one alias, such as `other`, has a number of its own."""
    return "_".join((name, *(re.sub(r"\W", "_", f"on_{alias}") for alias in aliases)))

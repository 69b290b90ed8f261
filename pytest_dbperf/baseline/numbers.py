"""Which numbers are over a limit that a debt can lift? Those of tests, and of the routes of requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_dbperf.baseline.debts import Baseline, without_parameters
from pytest_dbperf.budgets.budget import Budget, is_per_request
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.per_request import LimitsRequests
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.of_budgets import NumberResult

# Never a time: the next run has another one.
_WITH_NUMBERS = (QueryBudget, MaxNewConnections, MaxOpenConnections, MaxThreadHops)


def numbers_over(
    placed: PlacedBudget, recording: Recording, test_id: str, baseline: Baseline
) -> list[NumberResult]:
    """List the numbers over a limit that a debt can lift, with the debts there are."""
    return [] if placed.is_hard else [*_numbers_over(placed.budget, recording, test_id, baseline)]


def _numbers_over(
    budget: Budget, recording: Recording, test_id: str, baseline: Baseline
) -> Iterator[NumberResult]:
    if not isinstance(budget, _WITH_NUMBERS) or budget.limit is None:
        return
    if is_per_request(budget) and isinstance(budget, LimitsRequests):
        name, highest = _name(budget.counted, budget.aliases), dict[str, int]()
        for route, number in budget.counts(recording):
            highest[route] = max(number, highest.get(route, 0))
        for route, measured in highest.items():
            if measured > budget.limit:
                accepted = baseline.number_of_route(route, name)
                yield NumberResult("route", route, name, measured, budget.limit, accepted)
        return
    name, measured = _name(budget.name, budget.aliases), budget.measured(recording)
    if measured > budget.limit:
        accepted = baseline.number_of_test(test_id, name)
        yield NumberResult("test", without_parameters(test_id), name, measured, budget.limit, accepted)


def highest_of_each(numbers: Sequence[NumberResult]) -> list[NumberResult]:
    """Keep the highest number of each test and route: a test can have several examples."""
    kept: dict[tuple[str, str, str], NumberResult] = {}
    for each in numbers:
        key = (each.debt_type, each.key, each.name)
        if key not in kept or each.measured > kept[key].measured:
            kept[key] = each
    return [*kept.values()]


def _name(name: str, aliases: Sequence[str]) -> str:
    """Name a number in the baseline. Limits of one alias, such as `other`, have numbers of their own."""
    return "_".join((name, *(re.sub(r"\W", "_", f"on_{alias}") for alias in aliases)))

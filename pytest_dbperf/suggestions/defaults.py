"""What would each default of the suite cost? How many tests, routes and findings it would fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_blocking_calls import NoBlockingCalls
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.recording.requests import route_of
from pytest_dbperf.results.model import RequestResult, TestResult
from pytest_dbperf.results.of_defaults import Cause

# The shares of the tests that each limit keeps.
_SHARES = (Fraction(95, 100), Fraction(99, 100), Fraction(999, 1000))
# Which of these limits a suite could start with.
_TO_START_WITH = 1
# Tests with numbers that are so many times higher than all others need a limit of their own.
_OUTLIER, _SMALL, _ONE_IN = 5, 10, 50

# 0 is what these are for, so tests that use the database and open no connection count, too.
_KEPT_AT_ZERO = (MaxNewConnections.name, MaxOpenConnections.name)
_ABOUT_ASYNC = (NoSyncToAsync.name, NoBlockingCalls.name)
_PER_REQUEST = "_per_request"
# The second one limits what the first one does, and more strictly.
_COVERED_BY = {
    MaxOpenConnections.name: MaxNewConnections.name,
    MaxThreadHops.name: f"{MaxThreadHops.name}{_PER_REQUEST}",
}


@dataclass(frozen=True, slots=True)
class LimitCost:
    """How many tests, or routes, are over each of a few limits. `setting` is without the prefix `dbperf_`."""

    setting: str
    counted: str
    over: Mapping[int, int]

    @property
    def start(self) -> str:
        """The value to start with."""
        return str([*self.over][min(_TO_START_WITH, len(self.over) - 1)])


@dataclass(frozen=True, slots=True)
class FindingCost:
    """How many findings a budget without a number has, and in how many tests.

    Findings in the tests' own code are apart. `findings` is None for a budget that only tells whether a test
    breaks it.
    """

    setting: str
    findings: int | None
    tests: int
    findings_in_tests: int = 0
    tests_with_findings_in_tests: int = 0

    @property
    def start(self) -> str:
        """The value to start with."""
        return "true"


Cost = LimitCost | FindingCost


def costs_of(tests: Sequence[TestResult], set_already: Collection[str]) -> list[Cost]:
    """Work out what each default that is not set would cost the tests that passed."""
    passed = [test for test in tests if test.outcome == "passed" and test.defaults]
    names = dict.fromkeys(result.budget for test in passed for result in test.defaults)
    is_async = any(test.call.hops or test.call.blocking_calls for test in passed)
    costs: list[Cost] = []
    for name in names:
        if name not in set_already and (is_async or name not in _ABOUT_ASYNC):
            costs += _costs_of(name, [test for test in passed if not _has_marker(test, name)])
        if f"{name}{_PER_REQUEST}" not in set_already and name in _IN_REQUEST:
            costs += _limit_cost(f"{name}{_PER_REQUEST}", "route", _most_by_route(passed, name).values())
    return costs


def to_start_with(costs: Sequence[Cost]) -> list[Cost]:
    """Leave out the defaults that another one of them covers."""
    settings = {cost.setting for cost in costs}
    return [cost for cost in costs if _COVERED_BY.get(cost.setting) not in settings]


def _has_marker(test: TestResult, name: str, *, per_request: bool = False) -> bool:
    """Tell whether a marker of a test replaces the default: one for each request replaces another default."""
    return any(
        budget.budget == name and ("per_request=True" in budget.arguments) == per_request
        for budget in test.budgets
    )


def _costs_of(name: str, tests: Sequence[TestResult]) -> Iterator[Cost]:
    results = [(test, result) for test in tests for result in test.defaults if result.budget == name]
    numbers = [
        result.measured
        for test, result in results
        if result.measured or (result.measured == 0 and name in _KEPT_AT_ZERO and _uses_a_database(test))
    ]
    if any(result.measured is not None for _, result in results):
        yield from _limit_cost(name, "test", numbers)
    elif any(result.causes for _, result in results):
        yield _finding_cost(name, [result.causes for _, result in results])
    elif results:
        broken = sum(result.is_broken for _, result in results)
        yield FindingCost(name, findings=None if broken else 0, tests=broken)


def _uses_a_database(test: TestResult) -> bool:
    return bool(test.call.queries or test.call.new_connections)


def _finding_cost(name: str, by_test: Iterable[Sequence[Cause]]) -> FindingCost:
    causes: dict[bool, set[Cause]] = {True: set(), False: set()}
    tests = {True: 0, False: 0}
    for of_test in by_test:
        for in_tests in (True, False):
            found = {cause for cause in of_test if cause.in_tests == in_tests}
            causes[in_tests] |= found
            tests[in_tests] += bool(found)
    return FindingCost(name, len(causes[False]), tests[False], len(causes[True]), tests[True])


def _queries(request: RequestResult) -> int:
    return request.queries


def _hops(request: RequestResult) -> int:
    return sum(request.hops.values())


_IN_REQUEST = {QueryBudget.name: _queries, MaxThreadHops.name: _hops}


def _most_by_route(tests: Iterable[TestResult], name: str) -> dict[str, int]:
    """Return the highest number of each route, where it is not 0."""
    most: dict[str, int] = {}
    for test in tests:
        for request in () if _has_marker(test, name, per_request=True) else test.call.requests:
            if number := _IN_REQUEST[name](request):
                route = route_of(request.request, request.view)
                most[route] = max(number, most.get(route, 0))
    return most


def _limit_cost(setting: str, counted: str, numbers: Collection[int]) -> Iterator[LimitCost]:
    if numbers:
        over = {limit: sum(number > limit for number in numbers) for limit in limits_for(numbers)}
        yield LimitCost(setting, counted, over)


def limits_for(numbers: Collection[int]) -> list[int]:
    """Choose up to three round limits, which keep about 95, 99 and 99.9 percent of the numbers."""
    ordered = _without_outliers(sorted(numbers))
    indexes = (min(ceil(share * len(numbers)), len(ordered)) - 1 for share in _SHARES)
    return sorted({_rounded_up(ordered[index]) for index in indexes})


def _without_outliers(ordered: Sequence[int]) -> Sequence[int]:
    """Leave out what is far above the rest, at most one in fifty."""
    fewest = max(1, len(ordered) - max(1, len(ordered) // _ONE_IN))
    for index in range(fewest, len(ordered)):
        if ordered[index] > max(_SMALL, _OUTLIER * ordered[index - 1]):
            return ordered[:index]
    return ordered


def _rounded_up(number: int) -> int:
    """Round up to a number that a person would choose: 7, 35, 80, 150, 2000."""
    power = 10 ** (len(str(number)) - 1)
    step = 1 if number <= _SMALL else power // 2
    return ceil(number / step) * step

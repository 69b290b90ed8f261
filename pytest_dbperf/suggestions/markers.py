"""Which markers would hold? Those that the numbers of a run prove and that no marker sets already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import NEARER, ON_FUNCTION
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.results.model import SourceResult, TestResult
from pytest_dbperf.results.of_budgets import BudgetResult

# Such a test gives no numbers, and does not stop its function from getting a marker: it was not to pass.
_NOT_EXPECTED_TO_PASS = ("skipped", "xfailed", "xpassed")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A marker that would hold, and the budget that it replaces, if there is one."""

    name: str
    limit: int | None = None
    arguments: str = ""
    instead_of: str = ""
    is_on_function: bool = False
    """Whether the function has this marker already, with another limit."""
    is_per_request: bool = False
    """Whether the limit is one of each request: a marker for the whole test stays as it is."""

    def __str__(self) -> str:
        shown = ", ".join(filter(None, ("" if self.limit is None else str(self.limit), self.arguments)))
        return f"{self.name}({shown})" if shown else self.name


@dataclass(frozen=True, slots=True)
class FunctionSuggestions:
    """The markers for a function: they hold for each of its parameters, in each class that inherits it."""

    source: SourceResult
    suggestions: Sequence[Suggestion]


@dataclass(frozen=True, slots=True)
class _Function:
    """A function and its tests: one for each parameter, and for each class that inherits it."""

    source: SourceResult
    tests: Sequence[TestResult]
    is_async: bool
    has_database: bool

    @property
    def passed(self) -> Sequence[TestResult]:
        """The tests with numbers to learn from."""
        return [test for test in self.tests if test.outcome == "passed"]

    @property
    def why_nothing_is_proven(self) -> str | None:
        """Why the function gets no marker: a marker has to hold in all of its tests."""
        for test in self.tests:
            if test.outcome != "passed" and test.outcome not in _NOT_EXPECTED_TO_PASS:
                return f"{test.id} did not pass ({test.outcome})"
            if test.outcome == "passed" and test.violations:
                return f"{test.id} is over its limit"
        return None if self.passed else f"none of its tests passed ({self.tests[0].outcome})"


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A selected test whose file gets no marker for it, and why."""

    test: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The tests that match the patterns of `--dbperf-write`, and what can be suggested for them."""

    tests: Sequence[TestResult]
    functions: Sequence[FunctionSuggestions]
    not_written: Sequence[NotWritten]
    unmatched: Sequence[str]
    """Patterns that match no test."""


def describe_test(source: SourceResult) -> str:
    """Write where a test is: `tests/test_api.py:18 TestBooks::test_list`."""
    line = f":{source.line}" if source.line else ""
    return f"{source.path}{line} {source.name.replace('.', '::')}"


def suggestions_for(tests: Sequence[TestResult]) -> list[FunctionSuggestions]:
    """Suggest markers for each function with tests that passed, in the order of the files."""
    return _suggestions_for(_functions_of(tests))


def select(tests: Sequence[TestResult], patterns: Sequence[str]) -> Selection:
    """Select functions by their tests' ids: ids as on pytest's command line, or patterns of `fnmatch`."""
    matches = {pattern: _matching(pattern, tests) for pattern in patterns}
    ids = set[str]().union(*matches.values())
    functions = [
        function
        for function in _functions_of(tests)
        if not ids.isdisjoint(test.id for test in function.tests)
    ]
    not_written = [
        NotWritten(test.id, "it was not measured") for test in tests if test.id in ids and test.source is None
    ]
    for function in functions:
        reason = function.source.obstacle or function.why_nothing_is_proven
        if reason:
            name = describe_test(function.source) if function.source.name else function.tests[0].id
            not_written.append(NotWritten(name, reason))
    return Selection(
        tests=[test for test in tests if test.id in ids],
        functions=_suggestions_for(functions),
        not_written=not_written,
        unmatched=[pattern for pattern, found in matches.items() if not found],
    )


def _matching(pattern: str, tests: Sequence[TestResult]) -> list[str]:
    whole = pattern.rstrip("/")
    beginnings = (f"{whole}/", f"{whole}::", f"{whole}[")
    by_name = [test.id for test in tests if test.id == whole or test.id.startswith(beginnings)]
    # To fnmatch, test_it[1] is a pattern that matches test_it1.
    return by_name or [test.id for test in tests if fnmatchcase(test.id, pattern)]


def _functions_of(tests: Sequence[TestResult]) -> list[_Function]:
    by_function: dict[tuple[str, str], list[tuple[SourceResult, TestResult]]] = {}
    for test in tests:
        if test.source is not None:
            key = test.source.path, test.source.name or test.id
            by_function.setdefault(key, []).append((test.source, test))
    return [_function(pairs) for pairs in by_function.values()]


def _function(pairs: Sequence[tuple[SourceResult, TestResult]]) -> _Function:
    sources = [source for source, _ in pairs]
    return _Function(
        # If a test in another file inherits the function, its obstacle holds for all tests of the function.
        source=next((source for source in sources if source.obstacle), sources[0]),
        tests=[test for _, test in pairs],
        is_async=any(source.is_async for source in sources),
        has_database=any(source.has_database or test.call.queries for source, test in pairs),
    )


def _suggestions_for(functions: Sequence[_Function]) -> list[FunctionSuggestions]:
    found = [
        FunctionSuggestions(function.source, suggestions)
        for function in functions
        if function.source.name and function.why_nothing_is_proven is None
        if (suggestions := list(_suggest(function)))
    ]
    return sorted(found, key=lambda one: (one.source.path, one.source.line, one.source.name))


def _suggest(function: _Function) -> Iterator[Suggestion]:
    for name in _LIMITED:
        for per_request in (False, True):
            suggestion = _suggest_limit(name, function, per_request=per_request)
            if suggestion is not None:
                yield suggestion
    has_marker = any(_budgets_of(test, NoSyncToAsync.name) for test in function.passed)
    hops = [test.call.hops for test in function.passed]
    if (any(hops) or (function.is_async and function.has_database)) and not (
        has_marker or any(of_test.get(PROJECT) for of_test in hops)
    ):
        yield Suggestion(NoSyncToAsync.name)


def _suggest_limit(name: str, function: _Function, *, per_request: bool) -> Suggestion | None:
    """Suggest the lowest limit that holds in all tests of a function, if some have a higher one or none."""
    budgets_by_test = [
        (test, [one for one in _budgets_of(test, name) if one.is_per_request == per_request])
        for test in function.passed
    ]
    # A marker on the function does not apply to a parameter that has its own marker.
    governed = [
        (test, budgets)
        for test, budgets in budgets_by_test
        if all(budget.nearness != NEARER for budget in budgets)
    ]
    if not governed or any(len(budgets) > 1 for _, budgets in governed):
        return None
    present = [budget for _, budgets in governed for budget in budgets]
    without = [test for test, budgets in governed if not budgets]
    limits = [budget.limit for budget in present if budget.limit is not None]
    if len(limits) < len(present):
        return None  # A marker lifts the budget on purpose.
    if per_request and (without or not any(test.call.requests for test in function.passed)):
        return None  # Only an existing marker is tightened, and only by requests.
    is_useful, number_of = _LIMITED[name]
    most = max([*(budget.measured or 0 for budget in present), *(number_of(test) for test in without)])
    if without and (present or not is_useful(function)):
        # If only some tests have a budget, one marker for all would change more than the number.
        return None
    looser = [budget for budget in present if budget.limit != most]
    if present and (not looser or min(limits) < most or len({budget.arguments for budget in present}) > 1):
        return None
    return Suggestion(
        name,
        most,
        arguments=present[0].arguments if present else "",
        instead_of=looser[0].text if looser else "",
        is_on_function=any(budget.nearness == ON_FUNCTION for budget in present),
        is_per_request=per_request,
    )


def _budgets_of(test: TestResult, name: str) -> list[BudgetResult]:
    return [budget for budget in test.budgets if budget.budget == name]


def _uses_a_database(function: _Function) -> bool:
    return function.has_database


def _hops(function: _Function) -> bool:
    return any(test.call.hops for test in function.passed)


def _never(_: _Function) -> bool:
    return False


# Whether a new marker is worth its line, and the number that becomes its limit.
_LIMITED: dict[str, tuple[Callable[[_Function], bool], Callable[[TestResult], int]]] = {
    QueryBudget.name: (_uses_a_database, lambda test: test.call.queries),
    MaxNewConnections.name: (_uses_a_database, lambda test: test.call.new_connections),
    # Only an existing marker is tightened, to the number that its own budget measured.
    MaxOpenConnections.name: (_never, lambda _: 0),
    MaxThreadHops.name: (_hops, lambda test: sum(test.call.hops.values())),
}

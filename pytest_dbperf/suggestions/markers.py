"""Which markers would hold? Those that the numbers of a run prove, and no marker has already."""

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
from pytest_dbperf.results.model import BudgetResult, SourceResult, TestResult

# They teach no number, and say nothing against those of the other parameters: they are not expected to pass.
_NOT_EXPECTED_TO_PASS = ("skipped", "xfailed", "xpassed")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker that would hold, and what holds now, if anything does."""

    name: str
    limit: int | None = None
    arguments: str = ""
    instead_of: str = ""
    is_on_function: bool = False
    """Whether the function has one, whose limit changes."""

    def __str__(self) -> str:
        shown = ", ".join(filter(None, ("" if self.limit is None else str(self.limit), self.arguments)))
        return f"{self.name}({shown})" if shown else self.name


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The markers that would hold for a function, with all the parameters and classes that it ran with."""

    source: SourceResult
    markers: Sequence[Marker]


@dataclass(frozen=True, slots=True)
class _Function:
    """A function and its tests: one for each parameter, and for each class that inherits it."""

    source: SourceResult
    tests: Sequence[TestResult]
    is_async: bool
    has_database: bool

    @property
    def passed(self) -> Sequence[TestResult]:
        """The tests that teach numbers."""
        return [test for test in self.tests if test.outcome == "passed"]

    @property
    def why_nothing_is_proven(self) -> str | None:
        """Why it gets no marker: one has to hold for all its tests."""
        for test in self.tests:
            if test.outcome != "passed" and test.outcome not in _NOT_EXPECTED_TO_PASS:
                return f"{test.id} did not pass ({test.outcome})"
            if test.outcome == "passed" and test.violations:
                return f"{test.id} is over its limit"
        return None if self.passed else f"no test of it passed ({self.tests[0].outcome})"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A test that gets no marker, and why."""

    test: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of the tests that were chosen."""

    tests: Sequence[TestResult]
    suggestions: Sequence[Suggestion]
    left_alone: Sequence[LeftAlone]
    unmatched: Sequence[str]
    """Patterns that no test matches."""


def name_of(source: SourceResult) -> str:
    """Write where a test is: `tests/test_api.py:18 TestBooks::test_list`."""
    line = f":{source.line}" if source.line else ""
    return f"{source.path}{line} {source.name.replace('.', '::')}"


def suggestions_of(tests: Sequence[TestResult]) -> list[Suggestion]:
    """Find what would hold, for every function whose tests passed; in the order of the files."""
    return _suggested(_functions_of(tests))


def chosen(tests: Sequence[TestResult], patterns: Sequence[str]) -> Choice:
    """Choose functions by the ids of their tests: as on pytest's command line, or patterns of `fnmatch`."""
    matches = {pattern: _matching(pattern, tests) for pattern in patterns}
    ids = set[str]().union(*matches.values())
    functions = [
        function
        for function in _functions_of(tests)
        if not ids.isdisjoint(test.id for test in function.tests)
    ]
    left_alone = [
        LeftAlone(test.id, "it was not measured") for test in tests if test.id in ids and test.source is None
    ]
    for function in functions:
        reason = function.source.obstacle or function.why_nothing_is_proven
        if reason:
            name = name_of(function.source) if function.source.name else function.tests[0].id
            left_alone.append(LeftAlone(name, reason))
    return Choice(
        tests=[test for test in tests if test.id in ids],
        suggestions=_suggested(functions),
        left_alone=left_alone,
        unmatched=[pattern for pattern, found in matches.items() if not found],
    )


def _matching(pattern: str, tests: Sequence[TestResult]) -> list[str]:
    whole = pattern.rstrip("/")
    beginnings = (f"{whole}/", f"{whole}::", f"{whole}[")
    by_name = [test.id for test in tests if test.id == whole or test.id.startswith(beginnings)]
    # As a pattern, the id test_it[1] would also be that of test_it1.
    return by_name or [test.id for test in tests if fnmatchcase(test.id, pattern)]


def _functions_of(tests: Sequence[TestResult]) -> list[_Function]:
    by_place: dict[tuple[str, str], list[tuple[SourceResult, TestResult]]] = {}
    for test in tests:
        if test.source is not None:
            place = test.source.path, test.source.name or test.id
            by_place.setdefault(place, []).append((test.source, test))
    return [_function(pairs) for pairs in by_place.values()]


def _function(pairs: Sequence[tuple[SourceResult, TestResult]]) -> _Function:
    sources = [source for source, _ in pairs]
    return _Function(
        # If one of its tests inherits it, in another file, it is left alone for all.
        source=next((source for source in sources if source.obstacle), sources[0]),
        tests=[test for _, test in pairs],
        is_async=any(source.is_async for source in sources),
        has_database=any(source.has_database or test.call.queries for source, test in pairs),
    )


def _suggested(functions: Sequence[_Function]) -> list[Suggestion]:
    found = [
        Suggestion(function.source, markers)
        for function in functions
        if function.source.name and function.why_nothing_is_proven is None
        if (markers := list(_markers(function)))
    ]
    return sorted(found, key=lambda one: (one.source.path, one.source.line, one.source.name))


def _markers(function: _Function) -> Iterator[Marker]:
    for name in _LIMITED:
        marker = _with_a_number(name, function)
        if marker is not None:
            yield marker
    held = any(_held(test, NoSyncToAsync.name) for test in function.passed)
    hops = [test.call.hops for test in function.passed]
    if (any(hops) or (function.is_async and function.has_database)) and not (
        held or any(of_test.get(PROJECT) for of_test in hops)
    ):
        yield Marker(NoSyncToAsync.name)


def _with_a_number(name: str, function: _Function) -> Marker | None:
    """Find the number that holds for all tests of a function, if it is tighter than what some have."""
    by_test = [(test, _held(test, name)) for test in function.passed]
    # A marker on the function says nothing to a parameter that has its own.
    governed = [(test, held) for test, held in by_test if all(each.nearness != NEARER for each in held)]
    if not governed or any(len(held) > 1 for _, held in governed):
        return None
    held = [one for _, of_test in governed for one in of_test]
    unheld = [test for test, of_test in governed if not of_test]
    limits = [one.limit for one in held if one.limit is not None]
    if len(limits) < len(held):
        return None  # Somebody has lifted it.
    is_worth, number = _LIMITED[name]
    most = max([*(one.measured or 0 for one in held), *(number(test) for test in unheld)])
    if unheld and (held or not is_worth(function)):
        # Some have one and others have not, so they differ in more than the number.
        return None
    looser = [one for one in held if one.limit != most]
    if held and (not looser or min(limits) < most or len({one.arguments for one in held}) > 1):
        return None
    return Marker(
        name,
        most,
        arguments=held[0].arguments if held else "",
        instead_of=looser[0].text if looser else "",
        is_on_function=any(one.nearness == ON_FUNCTION for one in held),
    )


def _held(test: TestResult, name: str) -> list[BudgetResult]:
    return [held for held in test.budgets if held.budget == name]


def _uses_a_database(function: _Function) -> bool:
    return function.has_database


def _hops(function: _Function) -> bool:
    return any(test.call.hops for test in function.passed)


def _never(_: _Function) -> bool:
    return False


# Whether a marker is worth its line where there is none, and the number that it would have.
_LIMITED: dict[str, tuple[Callable[[_Function], bool], Callable[[TestResult], int]]] = {
    QueryBudget.name: (_uses_a_database, lambda test: test.call.queries),
    MaxNewConnections.name: (_uses_a_database, lambda test: test.call.new_connections),
    # A tighter one is told by what it has measured itself.
    MaxOpenConnections.name: (_never, lambda _: 0),
    MaxThreadHops.name: (_hops, lambda test: sum(test.call.hops.values())),
}

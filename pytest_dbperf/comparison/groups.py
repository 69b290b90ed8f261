"""Which statements and hops ran more often, or less often? Equal ones of many tests are one change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pytest_dbperf.comparison.statements import Counts, Ran, counts_of
from pytest_dbperf.comparison.verdict import Change, GroupChange, Place
from pytest_dbperf.results.model import TestResult


@dataclass(slots=True)
class _Change:
    ran: Ran
    is_more: bool
    differences: dict[str, int] = field(default_factory=dict)
    was_there: bool = False
    is_there: bool = False
    lines: dict[str, str] = field(default_factory=dict)
    tests_of: dict[str, set[str]] = field(default_factory=dict)

    def add(self, test: str, before: Counts, after: Counts) -> None:
        """Add one test, with the functions that ran it more often, or less often."""
        self.differences[test] = after.total - before.total
        self.was_there |= before.total > 0
        self.is_there |= after.total > 0
        more, less = (after, before) if self.is_more else (before, after)
        for function in more.by_function:
            if more.by_function[function] > less.by_function[function]:
                self.lines.setdefault(function, more.lines[function])
                self.tests_of.setdefault(function, set()).add(test)

    @property
    def result(self) -> GroupChange:
        differences = sorted(self.differences.values(), key=abs)
        tests_of = sorted(self.tests_of.items(), key=lambda item: (-len(item[1]), item[0]))
        change: Change
        if self.is_more:
            change = "worse" if self.was_there else "new"
        else:
            change = "better" if self.is_there else "gone"
        return GroupChange(
            what=self.ran.what,
            using=self.ran.using,
            smallest=differences[0],
            largest=differences[-1],
            change=change,
            tests=sorted(self.differences),
            places=[Place(self.lines[function], len(tests)) for function, tests in tests_of],
        )


def group_changes(pairs: Iterable[tuple[TestResult, TestResult]]) -> Sequence[GroupChange]:
    """List what ran more or less often, the worst first; what only moved to another line did not."""
    changes: dict[tuple[Ran, bool], _Change] = {}
    for base, head in pairs:
        before, after = counts_of(base), counts_of(head)
        for ran in {**before, **after}:
            was, now = before.get(ran, Counts()), after.get(ran, Counts())
            if was.total != now.total:
                is_more = now.total > was.total
                change = changes.setdefault((ran, is_more), _Change(ran, is_more))
                change.add(head.id, was, now)
    return sorted((change.result for change in changes.values()), key=_worst_first)


def _worst_first(change: GroupChange) -> tuple[bool, int, int, str, str]:
    return (change.largest < 0, -len(change.tests), -abs(change.largest), change.what, change.using)

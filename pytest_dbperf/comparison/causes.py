"""Which findings are new, gone, more frequent or less? The same cause in many tests is one change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pytest_dbperf.comparison.statements import own_line
from pytest_dbperf.comparison.verdict import CauseChange, MovedCause
from pytest_dbperf.results.model import TestResult
from pytest_dbperf.results.of_budgets import FindingResult


class _Key(NamedTuple):
    budget: str
    subject: str
    function: str


@dataclass(slots=True)
class _Cause:
    first: FindingResult
    counts: dict[str, int] = field(default_factory=dict)
    is_accepted: bool = True

    def add(self, test: str, finding: FindingResult) -> None:
        """Add a finding of a test."""
        self.counts[test] = self.counts.get(test, 0) + finding.count
        self.is_accepted &= finding.is_accepted

    @property
    def total(self) -> int:
        return sum(self.counts.values())


_Causes: TypeAlias = Mapping[_Key, _Cause]


def cause_changes(
    pairs: Iterable[tuple[TestResult, TestResult]],
) -> tuple[Sequence[CauseChange], Sequence[MovedCause]]:
    """List the causes that changed, the worst first, and those that only moved to another function."""
    before: dict[_Key, _Cause] = {}
    after: dict[_Key, _Cause] = {}
    for base, head in pairs:
        for test, causes in ((base, before), (head, after)):
            for finding in test.findings:
                key = _Key(finding.budget, finding.subject, finding.function)
                # A test that was renamed has one id on both sides.
                causes.setdefault(key, _Cause(finding)).add(head.id, finding)
    moves = list(_moved(before, after))
    has_moved = {key for move in moves for key in move}
    changes = [
        _change(key, before, after)
        for key in {**before, **after}
        if key not in has_moved and not _is_same(key, before, after)
    ]
    moved = [
        MovedCause(then.budget, then.subject, then.function, now.function) for then, now in sorted(moves)
    ]
    return sorted(changes, key=_worst_first), moved


def _moved(before: _Causes, after: _Causes) -> Iterator[tuple[_Key, _Key]]:
    """Match causes that differ in nothing but the function, where there is just one match."""
    gone = _by_effect({key: cause for key, cause in before.items() if key not in after})
    new = _by_effect({key: cause for key, cause in after.items() if key not in before})
    for effect, keys in gone.items():
        if len(keys) == 1 and len(new.get(effect, ())) == 1:
            yield keys[0], new[effect][0]


def _by_effect(causes: _Causes) -> Mapping[object, Sequence[_Key]]:
    found: dict[object, list[_Key]] = {}
    for key, cause in causes.items():
        effect = (key.budget, key.subject, frozenset(cause.counts.items()))
        found.setdefault(effect, []).append(key)
    return found


def _is_same(key: _Key, before: _Causes, after: _Causes) -> bool:
    return key in before and key in after and before[key].total == after[key].total


def _change(key: _Key, before: _Causes, after: _Causes) -> CauseChange:
    shown = (after if key in after else before)[key]
    counts_before, counts_after = (causes[key].counts if key in causes else {} for causes in (before, after))
    return CauseChange(
        budget=key.budget,
        subject=key.subject,
        function=key.function,
        base=before[key].total if key in before else None,
        head=after[key].total if key in after else None,
        tests=sorted(
            test
            for test in {**counts_before, **counts_after}
            if counts_before.get(test, 0) != counts_after.get(test, 0)
        ),
        line=own_line(shown.first.lines) if shown.first.lines else key.function,
        fix=shown.first.fix,
        in_tests=shown.first.in_tests,
        is_accepted=shown.is_accepted,
    )


_ORDER = ("new", "worse", "better", "gone")


def _worst_first(change: CauseChange) -> tuple[int, int, str, str, str]:
    return (
        _ORDER.index(change.change),
        -len(change.tests),
        change.budget,
        change.subject,
        change.function,
    )

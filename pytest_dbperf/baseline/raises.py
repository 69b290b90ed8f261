"""Which debts are new, and which allow more than before?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_dbperf.baseline.comments import comment_in
from pytest_dbperf.baseline.debts import Baseline, Debt
from pytest_dbperf.baseline.merging import limits_of, merged


@dataclass(frozen=True, slots=True)
class Raise:
    """A debt that allows more than before. `merge` is the commit that did it, if two branches disagreed."""

    debt: Debt
    before: Debt | None
    has_reason: bool
    merge: str = ""

    @property
    def change(self) -> str:
        """What it allows more: `queries 26 -> 30`, or `new`."""
        if self.before is None:
            return "new"
        was = self.before.numbers
        higher = ((name, was.get(name), number) for name, number in self.debt.numbers.items())
        return ", ".join(
            f"{name} {number} new" if old is None else f"{name} {old} -> {number}"
            for name, old, number in higher
            if old is None or number > old
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge commit: its short name, the baseline that its parents come from, theirs, and its own."""

    name: str
    base: Baseline | None
    ours: Baseline
    theirs: Baseline
    result: Baseline


def raises_between(before: Baseline, now: Baseline) -> Iterator[Raise]:
    """Compare two baselines, in the order of the file."""
    for key in sorted(now.debts):
        debt, old = now.debts[key], before.debts.get(key)
        if _allows_more(debt, old):
            lines = now.comments.get(key, ())
            has_reason = bool(comment_in(debt.comment).reason) or any(line.strip("# ") for line in lines)
            yield Raise(debt, old, has_reason)


def raises_of_merge(merge: Merge, now: Baseline) -> Iterator[Raise]:
    """Find debts that a merge commit made higher than `dbperf baseline merge` does, if they still are.

    GitHub's button merges without the driver, and a conflict may have been resolved for the higher number.
    """
    stricter = merged(merge.base, merge.ours, merge.theirs)
    above = {each.debt.key for each in raises_between(stricter, merge.result)}
    for each in raises_between(stricter, now):
        if each.debt.key in above:
            yield replace(each, merge=merge.name)


def all_raises(before: Baseline, merges: Sequence[Merge], now: Baseline) -> Sequence[Raise]:
    """Find what allows more than before, and what merges since then made higher; each debt once."""
    found = {each.debt.key: each for each in raises_between(before, now)}
    for merge in merges:
        for each in raises_of_merge(merge, now):
            found.setdefault(each.debt.key, each)
    return [found[key] for key in sorted(found)]


def _allows_more(debt: Debt, old: Debt | None) -> bool:
    was = limits_of(old)
    return any(name not in was or number > was[name] for name, number in limits_of(debt).items())

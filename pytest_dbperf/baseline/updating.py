"""What does `--dbperf-update` accept? All debts that a run needed and that the baseline did not have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.owing import debts_needed
from pytest_dbperf.baseline.renames import Rename
from pytest_dbperf.results.model import Run


@dataclass(frozen=True, slots=True)
class Raise:
    """A number of a debt that a run needs to be higher. `before` is None if the debt had no such number."""

    key: Key
    name: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class Update:
    """A baseline after an update, the debts that are new in it, and the numbers that are higher."""

    baseline: Baseline
    new: Sequence[Debt] = ()
    raises: Sequence[Raise] = ()

    @property
    def changes(self) -> bool:
        """Whether the run needed anything that the baseline did not accept."""
        return bool(self.new or self.raises)


def updated(baseline: Baseline, run: Run, moved: Iterable[Rename] = ()) -> Update:
    """Accept all that a run needed. Nothing is removed, and no number gets lower.

    A debt that was `moved` gets the comments of the one that it had been.
    """
    debts, comments = dict(baseline.debts), dict(baseline.comments)
    new: list[Debt] = []
    raises: list[Raise] = []
    origin = {rename.after: rename.before for rename in moved}
    for key, needed in debts_needed(run).items():
        if key not in debts:
            before = origin.get(key)
            if before is not None:
                needed = replace(needed, comment=debts[before].comment)  # noqa: PLW2901
                if before in comments:
                    comments[key] = comments[before]
            debts[key] = needed
            new.append(needed)
            continue
        accepted = debts[key].numbers
        higher = [
            Raise(key, name, accepted.get(name), number)
            for name, number in sorted(needed.numbers.items())
            if number > accepted.get(name, -1)
        ]
        if higher:
            numbers = {**accepted, **{one.name: one.after for one in higher}}
            debts[key] = replace(debts[key], numbers=numbers)
            raises += higher
    return Update(Baseline(debts, comments), new, raises)

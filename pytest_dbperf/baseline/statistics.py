"""Where are the debts, which owners have them, how old are they, and which should be paid by now?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from pytest_dbperf.baseline.comments import comment_in
from pytest_dbperf.baseline.debts import Baseline, Debt, Key

_NOT_COMMITTED = "not committed"
# Days, and the name of all that is younger.
_AGES = ((30, "less than a month"), (91, "1 to 3 months"), (365, "3 to 12 months"))
_OLDEST = "more than a year"
AGES = (_NOT_COMMITTED, *(name for _, name in _AGES), _OLDEST)


@dataclass(frozen=True, slots=True)
class Expired:
    """A debt, the number of its line, and the last day in its comment: None if what is written is none."""

    debt: Debt
    line: int
    until: date | None
    problem: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers of debts, most first, and the debts that have expired."""

    by_type: Mapping[str, int]
    by_folder: Mapping[str, int]
    by_owner: Mapping[str, int]
    by_age: Mapping[str, int] | None
    """None if git does not know when the lines were changed."""
    expired: Sequence[Expired]


def statistics_of(
    baseline: Baseline, line_of: Mapping[Key, int], day_of_line: Mapping[int, date] | None, today: date
) -> Statistics:
    """Count the debts of a baseline. `day_of_line` has the day on which each line was changed last."""
    debts = list(baseline.debts.values())
    owners = [comment_in(debt.comment).owners or ("no owner",) for debt in debts]
    by_age = None
    if day_of_line is not None:
        ages = Counter(_age(day_of_line.get(line_of[debt.key]), today) for debt in debts)
        by_age = {name: ages[name] for name in AGES if ages[name]}
    return Statistics(
        by_type=_most_first([debt.key.debt_type for debt in debts]),
        by_folder=_most_first([_folder_of(debt.key) for debt in debts]),
        by_owner=_most_first([owner for each in owners for owner in each]),
        by_age=by_age,
        expired=expired_in(baseline, line_of, today),
    )


def expired_in(baseline: Baseline, line_of: Mapping[Key, int], today: date) -> Sequence[Expired]:
    """Find the debts that are past the last day in their comment, or that name a day that is none."""
    found: list[Expired] = []
    for debt in baseline.debts.values():
        comment = comment_in(debt.comment)
        problems = [f"`{wrong}` is no month or day, such as until=2027-03" for wrong in comment.wrong]
        if comment.has_expired(today):
            problems.append(f"expired on {comment.until}")
        found += [Expired(debt, line_of[debt.key], comment.until, problem) for problem in problems]
    return sorted(found, key=lambda each: (each.line, each.problem))


def _most_first(names: Sequence[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _folder_of(key: Key) -> str:
    """Return the folder of the code, or of the test; a route has none."""
    if key.debt_type == "route":
        return "(routes)"
    file = key.names[-1].partition("::")[0] if key.debt_type == "test" else key.names[-1].rpartition(" ")[0]
    return str(PurePosixPath(file).parent)


def _age(changed: date | None, today: date) -> str:
    if changed is None:
        return _NOT_COMMITTED
    days = (today - changed).days
    return next((name for most, name in _AGES if days < most), _OLDEST)

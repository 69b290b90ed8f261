"""What is the merge of two baselines? A side that changed a number decides, and the stricter if both did."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_dbperf.baseline.debts import Baseline, Debt, Key

# A finding has no number: it is there, or it is not.
_IS_THERE = ""


def merged(base: Baseline | None, ours: Baseline, theirs: Baseline) -> Baseline:
    """Merge two baselines that both come from `base`.

    If one side changed a number, it is what that side made of it: lower, higher, new or gone. If both sides
    did, the lower one holds, and a number that either side removed is gone. Without a `base`, the other side
    may have removed what one side alone has, so it is gone.

    A comment that either side wrote stays. If its debt is gone, it is a comment of the file, which names the
    debt.
    """
    if base is None:
        base = _loosest(ours, theirs)
    debts: dict[Key, Debt] = {}
    comments: dict[Key | None, Sequence[str]] = {}
    of_file = list(_merged_lines(base, ours, theirs, None))
    for key in {**ours.debts, **theirs.debts}:
        debt = _merged_debt(key, base, ours, theirs)
        lines = _merged_lines(base, ours, theirs, key)
        if debt is not None:
            debts[key] = debt
            comments[key] = lines
        else:
            left = [line for line in lines if line not in base.comments.get(key, ())]
            left += _comments_without_debt(key, base, ours, theirs)
            of_file += [line for line in dict.fromkeys(left) if line not in of_file]
    comments[None] = of_file
    return Baseline(debts, {key: lines for key, lines in comments.items() if lines})


def limits_of(debt: Debt | None) -> Mapping[str, int]:
    """Return what a debt allows by name: its numbers; of a finding, that it is there."""
    if debt is None:
        return {}
    return debt.numbers or ({_IS_THERE: 1} if debt.key.debt_type == "finding" else {})


def _loosest(ours: Baseline, theirs: Baseline) -> Baseline:
    """Return the debts of both sides, with the higher numbers: none of them was raised."""
    debts: dict[Key, Debt] = {}
    for debt in (*ours.debts.values(), *theirs.debts.values()):
        known = debts.get(debt.key, Debt(debt.key)).numbers
        numbers = {name: max(number, known.get(name, number)) for name, number in debt.numbers.items()}
        debts[debt.key] = Debt(debt.key, {**known, **numbers})
    return Baseline(debts)


def _merged_debt(key: Key, base: Baseline, ours: Baseline, theirs: Baseline) -> Debt | None:
    before, one, other = (side.debts.get(key) for side in (base, ours, theirs))
    was, has, had = limits_of(before), limits_of(one), limits_of(other)
    merged_limits = {
        name: number
        for name in {**has, **had}
        if (number := _merged_number(was.get(name), has.get(name), had.get(name))) is not None
    }
    if not merged_limits:
        return None
    numbers = {name: number for name, number in merged_limits.items() if name != _IS_THERE}
    return Debt(key, numbers, _merged_comment(before, one, other))


def _merged_number(base: int | None, ours: int | None, theirs: int | None) -> int | None:
    if ours == base:
        return theirs
    if theirs == base:
        return ours
    return None if ours is None or theirs is None else min(ours, theirs)


def _merged_comment(base: Debt | None, ours: Debt | None, theirs: Debt | None) -> str:
    before = "" if base is None else base.comment
    # A side without the debt says nothing about its comment.
    one, other = (before if debt is None else debt.comment for debt in (ours, theirs))
    if one in {before, other} or other == before:
        return other if one == before else one
    return ", ".join(_merged_parts(_parts(before), _parts(one), _parts(other)))


def _parts(comment: str) -> Sequence[str]:
    return re.split(r",\s*", comment) if comment else ()


def _merged_lines(base: Baseline, ours: Baseline, theirs: Baseline, key: Key | None) -> Sequence[str]:
    before, one, other = (tuple(side.comments.get(key, ())) for side in (base, ours, theirs))
    if key is not None:
        one, other = (
            lines if key in side.debts else before for side, lines in ((ours, one), (theirs, other))
        )
    return _merged_parts(before, one, other)


def _merged_parts(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    """Merge lists: a part that one side removed is gone, a part that one side added is there."""
    if tuple(ours) == tuple(base):
        return theirs
    if tuple(theirs) == tuple(base):
        return ours
    kept = [part for part in ours if part in theirs or part not in base]
    return [*kept, *(part for part in theirs if part not in ours and part not in base)]


def _comments_without_debt(key: Key, base: Baseline, ours: Baseline, theirs: Baseline) -> Sequence[str]:
    """Return the comments that a side wrote on the line of a debt which the merge removes."""
    nothing = Debt(key)
    before = base.debts.get(key, nothing).comment
    written = (side.debts.get(key, replace(nothing, comment=before)).comment for side in (ours, theirs))
    return [f"# {key}: {comment}" for comment in written if comment not in {"", before}]

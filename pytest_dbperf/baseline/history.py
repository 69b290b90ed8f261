"""Which debts were raised since this branch left another one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_dbperf.baseline.conflicts import versions_in
from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.git import common_commit, merge_base, merges_since, version_at
from pytest_dbperf.baseline.merging import merged
from pytest_dbperf.baseline.raises import Merge, Raise, all_raises
from pytest_dbperf.baseline.text import BrokenBaseline, parsed


@dataclass(frozen=True, slots=True)
class Since:
    """The ref, the commit where the branch left it, and what is new or higher since then."""

    ref: str
    commit: str
    raises: Sequence[Raise]


def since(ref: str, file: Path, now: Baseline) -> Since:
    """Compare the baseline of a file with the one in the commit where this branch left a ref.

    Raises:
        GitFailed: Git does not know that commit.
        BrokenBaseline: The file was broken there.
    """
    commit = merge_base(ref, file.parent)
    merges = [_merge(*commits, file=file) for commits in merges_since(commit, file.parent)]
    before = _baseline_at(commit, file)
    return Since(ref, commit, all_raises(before, [merge for merge in merges if merge is not None], now))


def _merge(commit: str, one: str, other: str, *, file: Path) -> Merge | None:
    """Read what a merge commit merged. None if one of its versions is broken: it is not what holds now."""
    base = common_commit(one, other, file.parent)
    try:
        return Merge(
            commit,
            Baseline() if base is None else _baseline_at(base, file),
            *(_baseline_at(each, file) for each in (one, other, commit)),
        )
    except BrokenBaseline:
        return None


def _baseline_at(commit: str, file: Path) -> Baseline:
    """Read a version of the file: without debts if there is none, and of a conflict the stricter side."""
    name = f"{commit[:10]}:{file.name}"
    text = version_at(commit, file) or ""
    versions = versions_in(text, name)
    if versions is None:
        return parsed(text, name, repair=True)
    sides = (parsed(each, name, repair=True) for each in (versions.ours, versions.theirs))
    return merged(None, *sides)

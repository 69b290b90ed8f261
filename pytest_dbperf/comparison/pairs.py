"""Which tests ran in both runs? Those of equal ids, and those that were only renamed or moved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_dbperf.comparison.statements import signature_of
from pytest_dbperf.results.model import Run, TestResult

_ENDED_NORMALLY = ("passed", "xpassed")


@dataclass(frozen=True, slots=True)
class Pairs:
    """The tests of two runs, matched."""

    compared: Sequence[tuple[TestResult, TestResult]]
    only_in_base: Sequence[str]
    only_in_head: Sequence[str]
    not_passed: Sequence[str]
    renamed: Mapping[str, str]


def pairs_of(base: Run, head: Run) -> Pairs:
    """Match the tests of two runs."""
    before = {test.id: test for test in base.tests}
    after = {test.id: test for test in head.tests}
    renamed = _renamed(before, after)
    found = {
        test_id: (test, after[renamed.get(test_id, test_id)])
        for test_id, test in before.items()
        if renamed.get(test_id, test_id) in after
    }
    new_ids = set(renamed.values())
    return Pairs(
        compared=[pair for pair in found.values() if all(map(has_ended, pair))],
        only_in_base=[test_id for test_id in before if test_id not in found],
        only_in_head=[test_id for test_id in after if test_id not in before and test_id not in new_ids],
        not_passed=[now.id for test, now in found.values() if not (has_ended(test) and has_ended(now))],
        renamed=renamed,
    )


def has_ended(test: TestResult) -> bool:
    """Tell whether the body of a test ran to its end, so that its numbers are all there."""
    # A broken budget is told after the body. A body that failed ended early, and one that was skipped too.
    return test.outcome in _ENDED_NORMALLY or (test.outcome == "failed" and bool(test.violations))


def _renamed(before: Mapping[str, TestResult], after: Mapping[str, TestResult]) -> dict[str, str]:
    """Match the ids that only one run has, where there is just one match.

    A file of one name in two folders was moved. A test that did just the same, and something, has another
    name.
    """
    gone = {test_id: test for test_id, test in before.items() if test_id not in after}
    new = {test_id: test for test_id, test in after.items() if test_id not in before}
    files_before, files_after = set(map(_file_of, before)), set(map(_file_of, after))
    moved = _matched(
        (test_id for test_id in gone if _file_of(test_id) not in files_after),
        (test_id for test_id in new if _file_of(test_id) not in files_before),
        _name_wherever,
        _name_wherever,
    )
    matched = set(moved.values())
    called_differently = _matched(
        (test_id for test_id in gone if test_id not in moved),
        (test_id for test_id in new if test_id not in matched),
        lambda test_id: signature_of(gone[test_id]),
        lambda test_id: signature_of(new[test_id]),
    )
    return {**moved, **called_differently}


def _matched(
    before: Iterable[str],
    after: Iterable[str],
    key_before: Callable[[str], Hashable],
    key_after: Callable[[str], Hashable],
) -> dict[str, str]:
    ids_before, ids_after = _by_key(before, key_before), _by_key(after, key_after)
    return {
        ids[0]: ids_after[key][0]
        for key, ids in ids_before.items()
        if key is not None and len(ids) == 1 and len(ids_after.get(key, ())) == 1
    }


def _by_key(ids: Iterable[str], key_of: Callable[[str], Hashable]) -> dict[Hashable, list[str]]:
    found: dict[Hashable, list[str]] = {}
    for test_id in ids:
        found.setdefault(key_of(test_id), []).append(test_id)
    return found


def _file_of(test_id: str) -> str:
    return test_id.partition("::")[0]


def _name_wherever(test_id: str) -> tuple[str, str]:
    file, _, name = test_id.partition("::")
    return file.rpartition("/")[2], name

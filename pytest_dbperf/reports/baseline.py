"""What does the end of a run say about the baseline? What was written, and what could be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_dbperf.baseline.whole import not_run
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.of_baseline import BaselineResult

_MOST_LINES = 5
_MOST_NEW = 20


@dataclass(frozen=True, slots=True)
class Changes:
    """What was asked for, and what became of it."""

    updates: bool
    tightens: bool
    obstacle: str = ""
    """Why nothing was written."""


def lines_about_slack(result: BaselineResult) -> Iterator[str]:
    """Tell what no test needs, in a few lines. It fails nothing."""
    found = [
        *(f"dbperf: no test needs the debt: {debt}" for debt in result.stale),
        *(f"dbperf: a debt could be lower: {number}" for number in result.too_high),
    ]
    yield from _some(found, _MOST_LINES, "dbperf: ")
    yield from _proposed_renames(result)
    if found:
        yield "dbperf: to take back what no test needs: pytest --dbperf-tighten"


def lines_about_changes(result: BaselineResult, changes: Changes, run: Run) -> Iterator[str]:
    """Tell what was written: each number that was raised, and what is new, removed or lower."""
    if changes.obstacle:
        yield f"dbperf: {result.path} was not changed: {changes.obstacle}"
        return
    stays = () if changes.updates else [one.before for one in result.renamed]
    removed = [debt for debt in result.stale if debt.names not in stays]
    done = []
    if changes.updates:
        yield from _some([f"dbperf: accepted: {debt}" for debt in result.new], _MOST_NEW, "dbperf: ")
        # Each of them, because a raise is what a review has to see.
        yield from (f"dbperf: raised: {number}" for number in result.higher)
        done += [counted(len(result.new), "new debt"), f"{len(result.higher)} raised"]
    if changes.tightens:
        yield from (f"dbperf: removed: {debt}" for debt in removed)
        yield from (f"dbperf: lowered: {number}" for number in result.too_high)
        done += [f"{len(removed)} removed", f"{len(result.too_high)} lowered"]
    if changes.updates:
        old = "removed" if changes.tightens else "kept: --dbperf-tighten removes it"
        yield from (f"dbperf: renamed: {one}, and the old line is {old}" for one in result.renamed)
    else:
        yield from _proposed_renames(result)
    yield f"dbperf: {result.path}: {', '.join(done)}"
    if changes.tightens:
        yield from _what_was_not_removed(result, removed, run)


def line_about_new_debts(result: BaselineResult, command: str) -> str:
    """Tell that the run is red because of the baseline, and the command that accepts what is new."""
    new, higher = len(result.new), len(result.higher)
    found = " and ".join(
        filter(None, (f"{new} new" if new else "", f"{higher} higher than accepted" if higher else ""))
    )
    return f"dbperf: not in {result.path}: {found}. Fix it, or accept it: {command}"


def _what_was_not_removed(result: BaselineResult, removed: Sequence[object], run: Run) -> Iterator[str]:
    if result.unknown_because:
        yield f"dbperf: no debt was removed: {result.unknown_because}"
    skipped = not_run(run).total()
    if removed and skipped:
        them = "it needs" if skipped == 1 else "they need"
        yield (
            f"dbperf: {counted(skipped, 'test')} did not run (skipped or xfailed): "
            f"what only {them} was removed as well"
        )


def _proposed_renames(result: BaselineResult) -> Iterator[str]:
    for one in result.renamed:
        yield (
            f"dbperf: renamed? {one}: --dbperf-update accepts it and keeps its comment, "
            "then --dbperf-tighten removes the old line"
        )


def _some(lines: Sequence[str], most: int, start: str) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"{start}{len(lines) - most} more"

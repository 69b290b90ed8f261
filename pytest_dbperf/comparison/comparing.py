"""Is a run worse than an earlier one? Only tests that ran in both are compared."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_dbperf.comparison.causes import cause_changes
from pytest_dbperf.comparison.groups import group_changes
from pytest_dbperf.comparison.numbers import route_changes, test_changes
from pytest_dbperf.comparison.pairs import Pairs, pairs_of
from pytest_dbperf.comparison.verdict import Source, Verdict
from pytest_dbperf.results.model import Run


def compare(base: Run, head: Run) -> Verdict:
    """Compare a run with an earlier one, by cause, route, test and statement."""
    pairs = pairs_of(base, head)
    causes, moved = cause_changes(pairs.compared)
    return Verdict(
        base=_source_of(base),
        head=_source_of(head),
        obstacles=list(_obstacles(base, head, pairs)),
        compared=len(pairs.compared),
        only_in_base=pairs.only_in_base,
        only_in_head=pairs.only_in_head,
        not_passed=pairs.not_passed,
        renamed=pairs.renamed,
        causes=causes,
        moved=moved,
        groups=group_changes(pairs.compared),
        tests=test_changes(pairs.compared),
        routes=route_changes(pairs.compared),
    )


def _source_of(run: Run) -> Source:
    return Source(run.commit, run.dirty, run.versions)


def _obstacles(base: Run, head: Run, pairs: Pairs) -> Iterator[str]:
    if not base.complete:
        yield "the base is incomplete: results are missing in it"
    if not head.complete:
        yield "this run is incomplete: results are missing"
    if not pairs.compared:
        yield "no test passed in both runs"

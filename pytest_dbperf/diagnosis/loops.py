"""Which repeated queries come from one loop, and which loop is told first?"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.diagnosis.around_loads import AroundLoads
from pytest_dbperf.diagnosis.eager_loading import eager_loading_among
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.events import Query


@dataclass(frozen=True, slots=True)
class Finding:
    """Repeats that alternate: they come from one loop, or from one loop inside another."""

    repeats: Sequence[Repeat]

    @property
    def count(self) -> int:
        """The number of queries."""
        return sum(repeat.count for repeat in self.repeats)

    @property
    def call_path(self) -> CallPath:
        """The call path of the first repeat, which is the most frequent one or has a fix."""
        return self.repeats[0].call_path


def in_turns(repeats: Iterable[Repeat]) -> list[Finding]:
    """Put repeats that alternate into one finding, the most frequent first."""
    findings: list[list[Repeat]] = []
    for repeat in sorted(repeats, key=lambda one: -one.count):
        mine = next((found for found in findings if _take_turns(found[0], repeat)), None)
        if mine is None:
            findings.append([repeat])
        else:
            mine.append(repeat)
    return sorted((Finding(found) for found in findings), key=lambda one: -one.count)


def with_a_fix_first(
    findings: Iterable[Finding], queries: Sequence[Query], is_preparation: Callable[[Repeat], bool]
) -> list[Finding]:
    """Put first what a change of one line would load at once, also within each finding.

    What a test does to prepare its rows comes last. `queries` are all of the recording.
    """
    around = AroundLoads(queries)

    def has_no_fix(repeat: Repeat) -> bool:
        return not has_fix(repeat, around)

    ordered = [replace(one, repeats=sorted(one.repeats, key=has_no_fix)) for one in findings]
    return sorted(ordered, key=lambda one: (has_no_fix(one.repeats[0]), is_preparation(one.repeats[0])))


def has_fix(repeat: Repeat, around: AroundLoads) -> bool:
    """Tell whether a change of one line would load at once what these queries load."""
    return bool(eager_loading_among([repeat], around).changes)


def _take_turns(one: Repeat, other: Repeat) -> bool:
    """Tell whether they come from one loop: the other one runs each time before the rarer one runs again."""
    if one.request != other.request or not _share_a_function(one.call_path, other.call_path):
        return False
    rarer, frequent = sorted((one.positions, other.positions), key=len)
    return all(
        bisect(frequent, before) != bisect(frequent, following) for before, following in pairwise(rarer)
    )


def _share_a_function(one: CallPath, other: CallPath) -> bool:
    return not one or not other or not {id(code) for code, _ in one}.isdisjoint(id(code) for code, _ in other)

"""What grows with the rows? Recordings of one call at each scale, compared group by group."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.diagnosis.connections import hints_on_connections
from pytest_dbperf.diagnosis.eager_loading import eager_loading_for, fixes_of
from pytest_dbperf.diagnosis.hops import hints_on_your_hops
from pytest_dbperf.diagnosis.repeats import Repeat, n_plus_ones
from pytest_dbperf.recording.connections import NewConnection
from pytest_dbperf.recording.events import Hop, Query
from pytest_dbperf.recording.groups import groups_of_hops, identity
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Fix, Hint, Violation

# The error of dividing two whole numbers.
_ROUNDING = 1e-9

_WORD = re.compile(r"[^\s(),]+")
# These join the parts of a list, which may be longer for more rows.
_JOINTS = frozenset(("...", "AND", "OR", "UNION", "ALL"))
# Django writes the rows of a bulk_create() as VALUES; on PostgreSQL two or more rows are columns of UNNEST.
_UNNESTED = re.compile(r"\bSELECT \* FROM UNNEST\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_ROWS = re.compile(r"\bVALUES (?:%s ?)*")
# In words. A longer part is not recognised: its statement has another shape for each number of parts.
_LONGEST_PART = 60


@dataclass(frozen=True, slots=True)
class Growth:
    """A group of equal events that grows with the rows.

    `measure` names what grows: queries, thread hops or connections. `counts` has their number at each scale,
    `slope` the largest number added per row between two scales, `events` the events at the scale with most.
    """

    measure: str
    counts: tuple[int, ...]
    slope: float
    events: Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Measure:
    """Something that can grow: its events in a recording, what makes two of them equal, how one is shown."""

    name: str
    events: Callable[[Recording], Sequence[Any]]
    key: Callable[[Any], Hashable]
    shown: Callable[[Any], str]


def violation_of(measured: Sequence[tuple[int, Recording]], slope: float) -> Violation | None:
    """Tell what grew by more than `slope` per row; the recordings are in the order of their scales."""
    grown = growths(measured, slope)
    if not grown:
        return None
    steepest = [max(found, key=lambda growth: growth.slope) for found in _by_measure(grown)]
    return Violation(
        budget="assert_constant",
        measured=_shown(steepest[0].slope, slope),
        limit=slope,
        headline=", ".join(f"{one.measure} grow {_per_row(one, slope)}" for one in steepest),
        evidence=tuple(_evidence_of_growth(growth, slope) for growth in grown),
        during=_only_request(grown),
        advice=tuple(_how_to_stay_constant(grown, *measured[-1])),
    )


def growths(measured: Sequence[tuple[int, Recording]], slope: float) -> list[Growth]:
    """Find the groups that grew by more than `slope` per row, the steepest first.

    Groups are compared, not totals: a group that grows is found even if another one shrinks.
    """
    scales = [scale for scale, _ in measured]
    found = []
    for measure in _MEASURES:
        by_scale = [_groups(measure, recording) for _, recording in measured]
        for key in dict.fromkeys(key for groups in by_scale for key in groups):
            groups = [found.get(key, []) for found in by_scale]
            counts = tuple(map(len, groups))
            grew = steepest_step(scales, counts)
            if grew > slope + _ROUNDING:
                found.append(Growth(measure.name, counts, grew, max(groups, key=len)))
    return sorted(found, key=lambda growth: -growth.slope)


def steepest_step(scales: Sequence[int], counts: Sequence[int]) -> float:
    """Tell how many were added per row between two scales, at most.

    An average over all scales would hide growth that ends once a page is full.
    """
    points = zip(scales, counts, strict=True)
    return max((more - count) / (larger - scale) for (scale, count), (larger, more) in pairwise(points))


@lru_cache(maxsize=1_000)
def shape_of(fingerprint: str) -> str:
    """Remove the lengths of lists from a fingerprint: lists of values, rows, conditions, cases and unions."""
    words: list[str] = []
    for word in _WORD.findall(_UNNESTED.sub("VALUES", fingerprint)):
        if word in _JOINTS:
            continue
        words.append(word)
        for length in range(1, min(len(words) // 2, _LONGEST_PART) + 1):
            if words[-length:] == words[-2 * length : -length]:
                del words[-length:]
                break
    return _ROWS.sub("VALUES ", " ".join(words))


def _groups(measure: _Measure, recording: Recording) -> dict[Hashable, list[Any]]:
    groups: dict[Hashable, list[Any]] = {}
    for event in measure.events(recording):
        groups.setdefault(measure.key(event), []).append(event)
    return groups


def _by_measure(grown: Sequence[Growth]) -> list[list[Growth]]:
    by_measure = ([growth for growth in grown if growth.measure == measure.name] for measure in _MEASURES)
    return [found for found in by_measure if found]


def _evidence_of_growth(growth: Growth, slope: float) -> Evidence:
    first = growth.events[0]
    (what,) = (measure.shown(first) for measure in _MEASURES if measure.name == growth.measure)
    path: CallPath = first.call_path
    return Evidence(max(growth.counts), what, path, f"{_steps(growth)}, {_shown(growth.slope, slope)} a row")


def _per_row(growth: Growth, slope: float) -> str:
    return f"{_shown(growth.slope, slope)} > {slope} a row ({_steps(growth)})"


def _steps(growth: Growth) -> str:
    return " -> ".join(map(str, growth.counts))


def _shown(slope: float, limit: float) -> float:
    """Round a slope, but keep enough digits to show that it is over the limit."""
    return next((round(slope, digits) for digits in range(2, 9) if round(slope, digits) > limit), slope)


def _only_request(grown: Sequence[Growth]) -> str:
    requests = {str(event.cause.request or "") for growth in grown for event in growth.events}
    return requests.pop() if len(requests) == 1 else ""


def _how_to_stay_constant(grown: Sequence[Growth], scale: int, most_rows: Recording) -> Iterator[Hint | Fix]:
    events = [event for growth in grown for event in growth.events]
    yield from _fixes_of_growth([event for event in events if isinstance(event, Query)], scale, most_rows)
    if hops := [event for event in events if isinstance(event, Hop)]:
        yield from hints_on_your_hops(hops, most_rows.hops)
    yield from hints_on_connections([event for event in events if isinstance(event, NewConnection)])


def _fixes_of_growth(grown: Sequence[Query], scale: int, most_rows: Recording) -> tuple[Fix | Hint, ...]:
    """Write the fixes of the N+1 queries that grew, with the numbers of the call with the most rows."""
    keys = {_key_of_query(query) for query in grown}
    counted = [query for query in most_rows.queries if _key_of_query(query) in keys]
    repeats = [repeat for repeat in n_plus_ones(most_rows.queries) if _key_of_query(repeat) in keys]
    left_alone = len(counted) - sum(repeat.count for repeat in repeats)
    return fixes_of(
        eager_loading_for(repeats, most_rows.queries),
        len(most_rows.queries),
        lambda _, unsolved: unsolved + left_alone == 0,
        what=f"queries for populate({scale})",
        within="constant",
    )


def _key_of_query(query: Query | Repeat) -> Hashable:
    return query.using, shape_of(query.statement.fingerprint), identity(query.call_path)


def _key_of_hop(hop: Hop) -> Hashable:
    return hop.via, hop.function, hop.origin, hop.part, identity(hop.call_path)


def _key_of_connection(new: NewConnection) -> Hashable:
    return new.using, new.why, identity(new.call_path)


def _query_shown(query: Query) -> str:
    return shortened(query.statement)


def _hop_shown(hop: Hop) -> str:
    return groups_of_hops([hop])[0].what


def _connection_shown(new: NewConnection) -> str:
    return f"{new.using or f'{new.driver} without a Django alias'}: {new.why}"


_MEASURES = (
    _Measure("queries", lambda recording: recording.queries, _key_of_query, _query_shown),
    _Measure("thread hops", lambda recording: recording.hops, _key_of_hop, _hop_shown),
    _Measure(
        "connections", lambda recording: recording.new_connections, _key_of_connection, _connection_shown
    ),
)

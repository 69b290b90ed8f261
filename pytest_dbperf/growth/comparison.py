"""What grows with the rows? Recordings of one call in worlds of different size, compared group by group."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.diagnosis import connections, hops
from pytest_dbperf.recording.events import Hop, NewConnection, Query
from pytest_dbperf.recording.groups import groups_of_hops, identity
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, Violation

# Of a division; what it divides are whole numbers.
_ROUNDING = 1e-9

_WORD = re.compile(r"[^\s(),]+")
# What only joins the parts of a list: its length is what may differ.
_JOINTS = frozenset(("...", "AND", "OR", "UNION", "ALL"))
# Django writes the rows of a bulk_create() as VALUES, or on PostgreSQL as columns from two rows on.
_UNNESTED = re.compile(r"\bSELECT \* FROM UNNEST\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_ROWS = re.compile(r"\bVALUES (?:%s ?)*")
# In words: a part that is longer is not found, and so its statement has a shape for each number of parts.
_LONGEST_PART = 60


@dataclass(frozen=True, slots=True)
class Growth:
    """Events that are alike, and become more with the rows.

    `counts` has their number at each scale, `slope` tells how many a row were added by the steepest step, and
    `events` are those of the world that had most of them.
    """

    kind: str
    counts: tuple[int, ...]
    slope: float
    events: Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Something that can grow: where it is recorded, what makes two of it alike, and what a reader sees."""

    name: str
    of: Callable[[Recording], Sequence[Any]]
    key: Callable[[Any], Hashable]
    what: Callable[[Any], str]


def violation_of(measured: Sequence[tuple[int, Recording]], slope: float) -> Violation | None:
    """Tell what grew by more than `slope` a row, from recordings by scale; the scales increase."""
    grown = growths(measured, slope)
    if not grown:
        return None
    steepest = [max(of_kind, key=lambda growth: growth.slope) for of_kind in _by_kind(grown)]
    return Violation(
        budget="assert_constant",
        measured=_shown(steepest[0].slope, slope),
        limit=slope,
        headline=", ".join(f"{one.kind} grow {_a_row(one, slope)}" for one in steepest),
        evidence=tuple(_evidence(growth, slope) for growth in grown),
        during=_only_request(grown),
        advice=tuple(_advice(grown)),
    )


def growths(measured: Sequence[tuple[int, Recording]], slope: float) -> list[Growth]:
    """Find the groups that grew by more than `slope` a row, the steepest first.

    Groups are compared and not totals: one that grows is found, though another shrinks.
    """
    scales = [scale for scale, _ in measured]
    found = []
    for kind in _KINDS:
        worlds = [_groups(kind, recording) for _, recording in measured]
        for key in dict.fromkeys(key for world in worlds for key in world):
            groups = [world.get(key, []) for world in worlds]
            counts = tuple(map(len, groups))
            grew = steepest_step(scales, counts)
            if grew > slope + _ROUNDING:
                found.append(Growth(kind.name, counts, grew, max(groups, key=len)))
    return sorted(found, key=lambda growth: -growth.slope)


def steepest_step(scales: Sequence[int], counts: Sequence[int]) -> float:
    """Tell how many a row were added from one scale to the next, at most.

    A line through all points would flatten a growth that ends where a page is full, and a limit that holds
    has to hold at each step.
    """
    points = zip(scales, counts, strict=True)
    return max((more - count) / (larger - scale) for (scale, count), (larger, more) in pairwise(points))


@lru_cache(maxsize=1_000)
def shape_of(fingerprint: str) -> str:
    """Leave out of a fingerprint how long its lists are: of values, rows, conditions, cases and unions."""
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


def _groups(kind: _Kind, recording: Recording) -> dict[Hashable, list[Any]]:
    groups: dict[Hashable, list[Any]] = {}
    for event in kind.of(recording):
        groups.setdefault(kind.key(event), []).append(event)
    return groups


def _by_kind(grown: Sequence[Growth]) -> list[list[Growth]]:
    by_kind = ([growth for growth in grown if growth.kind == kind.name] for kind in _KINDS)
    return [of_kind for of_kind in by_kind if of_kind]


def _evidence(growth: Growth, slope: float) -> Evidence:
    first = growth.events[0]
    (what,) = (kind.what(first) for kind in _KINDS if kind.name == growth.kind)
    path: CallPath = first.call_path
    return Evidence(max(growth.counts), what, path, f"{_steps(growth)}, {_shown(growth.slope, slope)} a row")


def _a_row(growth: Growth, slope: float) -> str:
    return f"{_shown(growth.slope, slope)} > {slope} a row ({_steps(growth)})"


def _steps(growth: Growth) -> str:
    return " -> ".join(map(str, growth.counts))


def _shown(slope: float, limit: float) -> float:
    """Round it, but not so far that it would look allowed."""
    return next((round(slope, digits) for digits in range(2, 9) if round(slope, digits) > limit), slope)


def _only_request(grown: Sequence[Growth]) -> str:
    requests = {str(event.cause.request or "") for growth in grown for event in growth.events}
    return requests.pop() if len(requests) == 1 else ""


def _advice(grown: Sequence[Growth]) -> Iterator[str | Hint]:
    events = [event for growth in grown for event in growth.events]
    yield from hops.advice_on_yours([event for event in events if isinstance(event, Hop)])
    yield from connections.advice_on([event for event in events if isinstance(event, NewConnection)])


def _key_of_query(query: Query) -> Hashable:
    return query.using, shape_of(query.statement.fingerprint), identity(query.call_path)


def _key_of_hop(hop: Hop) -> Hashable:
    return hop.via, hop.function, hop.origin, hop.part, identity(hop.call_path)


def _key_of_connection(new: NewConnection) -> Hashable:
    return new.using, new.why, identity(new.call_path)


def _what_of_query(query: Query) -> str:
    return shortened(query.statement)


def _what_of_hop(hop: Hop) -> str:
    return groups_of_hops([hop])[0].what


def _what_of_connection(new: NewConnection) -> str:
    return f"{new.using or f'{new.driver} without a Django alias'}: {new.why}"


_KINDS = (
    _Kind("queries", lambda recording: recording.queries, _key_of_query, _what_of_query),
    _Kind("thread hops", lambda recording: recording.hops, _key_of_hop, _what_of_hop),
    _Kind(
        "connections", lambda recording: recording.new_connections, _key_of_connection, _what_of_connection
    ),
)

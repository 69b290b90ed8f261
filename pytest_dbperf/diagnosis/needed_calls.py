"""Which call on a queryset would have loaded it at once? Its method and line, or why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_dbperf.callsites.callsite import CallSite
from pytest_dbperf.diagnosis.around_loads import AroundLoads
from pytest_dbperf.diagnosis.joins import (
    has_named_fields,
    has_own_base_manager,
    is_missing,
    joined_but_left_out,
    left_out_on_the_way,
    why_not_joined,
    would_become_none,
)
from pytest_dbperf.diagnosis.queryset_lines import line_to_change
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.groups import key_of_sites
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad

SELECT, PREFETCH, ONLY, DEFER = "select_related", "prefetch_related", "only", "defer"
# An instance keeps what it has loaded so.
_KEPT = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC))


@dataclass(frozen=True, slots=True)
class NeededCall:
    """The method call that would save `count` queries, which loaded one relation, on the line of a queryset.

    `attributes` lead to the relation, and `name` spells them as the method expects. `rows` are those that one
    evaluation of the queryset fetched. `asking` counts those of them, or of the rows below them, that the
    relation was loaded for. `load` is one of the loads. `needs` are the fields that a join needs, and that
    `only()` or `defer()` leaves out. With `is_missing`, one of the loads found no row. With
    `is_loaded_again`, one of the rows loaded it more than once.
    """

    site: CallSite
    method: str
    name: str
    attributes: tuple[str, ...]
    load: RelationLoad
    rows: FetchedRows
    count: int
    asking: int
    statement: str
    needs: tuple[str, ...] = ()
    is_missing: bool = False
    is_loaded_again: bool = False

    @property
    def line(self) -> Hashable:
        """A key of the line."""
        return _line_of(self.site)

    @property
    def is_loaded_by_model(self) -> bool:
        """Whether eager loading takes one query for each model of the related rows."""
        return self.load.via is LoadedVia.GENERIC or has_own_base_manager(self.load.relation)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A method call that would not help, and why. With `is_final`, no other method would help, either."""

    method: str
    name: str
    reason: str
    attributes: tuple[str, ...] = ()
    site: CallSite | None = None
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class _Way:
    """Loads of one relation for rows that one evaluation of a queryset fetched, and the relations to it."""

    root: FetchedRows
    path: Sequence[RelationLoad]
    loads: list[RelationLoad]

    @property
    def load(self) -> RelationLoad:
        return self.path[-1]

    @property
    def attributes(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.path)

    def refused(
        self, method: str, reason: str, site: CallSite | None = None, *, is_final: bool = True
    ) -> Refusal:
        return Refusal(method, self.name_for(method), reason, self.attributes, site, is_final)

    def name_for(self, method: str) -> str:
        """Return its name as this method of a queryset takes it."""
        return "__".join(each.name_in(is_prefetch=method == PREFETCH) for each in self.path)


def needed_calls(repeats: Iterable[Repeat], around: AroundLoads) -> tuple[list[NeededCall], list[Refusal]]:
    """Find the calls that would have loaded relations at once, and those that would not help."""
    found: list[NeededCall] = []
    refused: list[Refusal] = []
    asked: set[Hashable] = set()
    for repeat in repeats:
        if not repeat.is_lazy:
            continue
        for one in _calls_for(repeat, around, asked):
            if isinstance(one, NeededCall):
                found.append(one)
            else:
                refused.append(one)
    refused += _for_single_rows(found)
    blocked = {(_line_of(one.site), one.attributes) for one in refused if one.is_final}
    return [call for call in found if blocked.isdisjoint(_ways_through(call))], refused


def _calls_for(repeat: Repeat, around: AroundLoads, asked: set[Hashable]) -> Iterator[NeededCall | Refusal]:
    if repeat.is_chain:
        # The depth of a tree differs from row to row.
        yield Refusal(SELECT, repeat.loads[0].name, "each row was loaded for the one before, as up a tree")
        return
    # One object may stand for a million loads.
    times = Counter(map(id, repeat.loads))
    ways = _ways(repeat)
    if not ways:
        method = SELECT if repeat.loads[0].via is LoadedVia.TO_ONE else PREFETCH
        yield Refusal(method, repeat.loads[0].name, "the rows come from no queryset of this recording")
    for way in ways:
        method, site = PREFETCH, line_to_change(way.root)
        if way.load.via is LoadedVia.DEFERRED:
            method = DEFER if way.root.defers else ONLY
        elif all(each.via is LoadedVia.TO_ONE for each in way.path):
            method = SELECT
        if isinstance(site, str):
            yield way.refused(method, site)
            continue
        if method == SELECT and (why := _why_not_joined(way, repeat.using)):
            yield way.refused(method, why, site, is_final=False)
            method = PREFETCH
        why = _why_not(method, way, around)
        tables = {table for statement in repeat.statements for table in statement.tables}
        if not why and (table := around.table_written(tables, way.loads, way.root)):
            why = f"{table} is written in between, and rows that were loaded at once would not show that"
        if why:
            yield way.refused(method, why, site)
            continue
        again = _loaded_again(way, around, asked)
        count = sum(times[id(load)] for load in way.loads)
        # An instance that has loaded it before has dropped it since, as refresh_from_db() does.
        count -= again if way.load.via in _KEPT else 0
        if not count:
            continue
        rows = {(id(load.batch), id(load) if load.row is None else load.row) for load in way.loads}
        yield NeededCall(
            site=site,
            method=method,
            name=way.name_for(method),
            attributes=way.attributes,
            load=way.load,
            rows=way.root,
            count=count,
            # A compacted load stands for many rows.
            asking=len(rows) if count + again == len(way.loads) else count,
            statement=repeat.statement.fingerprint,
            needs=_fields_needed(way) if method == SELECT else (),
            is_missing=any(is_missing(each) for each in way.loads),
            is_loaded_again=again > 0,
        )


def _loaded_again(way: _Way, around: AroundLoads, asked: set[Hashable]) -> int:
    """Count the loads for instances that had loaded it before, and note all of them in `asked`.

    Streamed rows are not kept, and another one may take the identity of one that is gone.
    """
    again = 0
    for load in () if way.root.is_streamed else way.loads:
        # A missing row is not kept.
        if not is_missing(load):
            what = id(load.batch), load.via, load.name
            for row, instance in around.rows_and_instances(load):
                if instance is not None:
                    again += (*what, row, instance) in asked
                    asked.add((*what, row, instance))
    return again


def _ways(repeat: Repeat) -> Collection[_Way]:
    """Find the rows at the root that relations were loaded for: those of a queryset of its own."""
    is_of_one_query = len({id(load.batch) for load in repeat.loads}) == 1
    ways: dict[Hashable, _Way] = {}
    for load in {id(load): load for load in repeat.loads}.values():
        path, batch = [load], load.batch
        while batch is not None and (above := batch.load) is not None:
            # A to-many relation is a queryset of its own, unless it was evaluated in a loop, too.
            if above.via is LoadedVia.TO_MANY and is_of_one_query:
                break
            path.insert(0, above)
            batch = above.batch
        if batch is not None:
            way = _Way(batch, path, [])
            ways.setdefault((id(batch), way.attributes), way).loads.append(load)
    return ways.values()


def _why_not_joined(way: _Way, using: str | None) -> str:
    if way.root.is_locked:
        return "select_for_update() would lock the joined rows, too"
    if has_named_fields(way.path, way.root):
        return "only() or defer() would leave out fields of the joined rows"
    # The alias of the query that loaded each of them.
    below = [each.batch.query for each in way.path[1:] if each.batch is not None]
    aliases = [*(query.using if query is not None else using for query in below), using]
    found = (why_not_joined(load, alias, way.root) for load, alias in zip(way.path, aliases, strict=True))
    return next(filter(None, found), "")


def _why_not(method: str, way: _Way, around: AroundLoads) -> str:
    if way.root.is_combined and method in (SELECT, PREFETCH):
        return "Django refuses it after union() and the like"
    if method in (SELECT, PREFETCH) and any(each.is_for_a_row_being_made for each in way.path):
        return "it was asked for before the instance was complete, as in its __init__()"
    if method == PREFETCH:
        return _why_not_prefetched(way, around)
    if method in (DEFER, ONLY) and not all(_is_joined(each) for each in way.path[:-1]):
        return "another queryset leaves it out: the one that loads the related rows"
    return ""


def _why_not_prefetched(way: _Way, around: AroundLoads) -> str:
    if way.root.is_streamed:
        return "iterator() prefetches only with a chunk_size"
    if any(each.via is LoadedVia.GENERIC for each in way.path[:-1]):
        return "some models of the generic foreign key may not have it"
    if any(would_become_none(each) for each in (*way.path, *way.loads)):
        return "one of the rows does not exist: Django raises an error now, and would return None"
    if any(around.is_on_several_databases(each) for each in way.path):
        return "a router sends its queries to several databases, and a prefetch is sent to one"
    return ""


def _is_joined(load: RelationLoad) -> bool:
    return load.via is LoadedVia.TO_ONE and load.relation is None


def _fields_needed(way: _Way) -> tuple[str, ...]:
    return (*left_out_on_the_way(way.path, way.root), *joined_but_left_out(way.root))


def _for_single_rows(found: Sequence[NeededCall]) -> list[Refusal]:
    """Refuse to prefetch for one row each time: that is a query for each as well, used or not."""
    by_change: dict[Hashable, list[NeededCall]] = {}
    for call in found:
        if call.method == PREFETCH:
            by_change.setdefault((call.line, call.name), []).append(call)
    why = "its queryset is evaluated again for each row, and a prefetch would add one more query each time"
    return [
        Refusal(PREFETCH, calls[0].name, why, calls[0].attributes, calls[0].site)
        for calls in by_change.values()
        if len({id(call.rows) for call in calls}) > 1 and all(call.asking == 1 for call in calls)
    ]


def _ways_through(call: NeededCall) -> Iterator[tuple[Hashable, tuple[str, ...]]]:
    """Yield the relations to a call's, and those that lead to them: `writer.mentor` and `writer`."""
    return ((call.line, call.attributes[:length]) for length in range(1, len(call.attributes) + 1))


def _line_of(site: CallSite | None) -> Hashable:
    return key_of_sites((site,)) if site is not None else None

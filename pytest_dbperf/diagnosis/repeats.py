"""Which queries were repeated? N+1 queries, the same query again, and rows written one by one."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.diagnosis.differences import (
    RanFor,
    are_a_chain,
    are_for_others,
    are_shared,
    root_of,
    what_differs,
)
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad
from pytest_dbperf.sql.fingerprint import Statement, offset_of, with_literals

# Tests have two or three rows. Two lazy loads are certain; queries that are only alike may be chance.
LEAST_OF_LAZY_LOADS = 2
LEAST = 3

_WRITES = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Repeat:
    """Queries of one alias with one fingerprint, from one call path, in one request, for one relation.

    `positions` are their indexes among all queries. `distinct` is how many different rows, instances or
    parameters (`ran_for`) there were, None if that cannot be known. `is_paged`: their OFFSETs differ.
    """

    positions: Sequence[int]
    distinct: int | None
    ran_for: RanFor
    is_paged: bool
    statement: Statement
    using: str | None
    call_path: CallPath
    request: Request | None
    loads: Sequence[RelationLoad]

    @property
    def count(self) -> int:
        """The number of queries."""
        return len(self.positions)

    @property
    def load(self) -> RelationLoad | None:
        """What they load, if that is known."""
        return self.loads[0] if self.loads else None

    @property
    def is_lazy(self) -> bool:
        """Whether each loaded something for one row that could have been loaded with the row."""
        return bool(self.loads) and all(load.is_lazy for load in self.loads)

    @property
    def is_certain(self) -> bool:
        """Whether they are lazy loads for rows that were fetched together, or may have been."""
        roots = [root_of(load.batch) for load in self.loads]
        return self.is_lazy and (None in roots or are_shared(roots)) and not self.is_chain

    @property
    def is_chain(self) -> bool:
        """Whether they follow one relation from row to row, as up a tree: that grows with its depth."""
        return are_a_chain(self.loads)

    @property
    def grows(self) -> bool:
        """Whether nearly each query was for another row, or had other parameters.

        Rows that were loaded for other rows often share a related row, which is still loaded for each.
        """
        if self.distinct is None:
            return False
        return self.distinct >= (2 if are_for_others(self.loads) else max(2, self.count - 1))


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
        """The call path of the most frequent repeat."""
        return self.repeats[0].call_path


def n_plus_ones(queries: Iterable[Query], threshold: int | None = None) -> list[Repeat]:
    """Find reads that grow with the rows: one query for all rows, then one more for each of them.

    A group counts from `threshold` queries on: by default from 2 for lazy loads of rows that were fetched
    together, else from 3. As in Flarum's detector, distinct parameters decide; as in Prosopite, the call path
    makes the group, here without the frames of frameworks.
    """
    return [
        repeat
        for repeat in _repeats(queries, _asks_for_a_row)
        if repeat.grows and repeat.count >= (threshold or _least(repeat))
    ]


def repeated(queries: Iterable[Query], threshold: int = LEAST) -> list[Repeat]:
    """Find reads that were repeated with the same few values: their results could be kept.

    Within a request the same query counts wherever it is made, else only if it comes from one call path. A
    write to a table starts the count of its reads again.
    """
    rest = list(queries)
    from_one_path = [
        repeat
        for repeat in _repeats(rest, _is_whole_read, anew_after_writes=True)
        if repeat.count >= threshold
    ]
    # Queries of one call path are shown as such, and not a second time.
    told = {id(rest[position]) for repeat in from_one_path for position in repeat.positions}

    def is_left(query: Query) -> bool:
        is_alone = query.request is not None and query.compacted is None
        return is_alone and id(query) not in told and _is_whole_read(query)

    anywhere = _repeats(rest, is_left, where=_values_of, anew_after_writes=True)
    return [
        repeat
        for repeat in (*from_one_path, *anywhere)
        if repeat.count >= threshold
        and repeat.distinct is not None
        and not repeat.grows
        and not repeat.is_paged
    ]


def write_loops(queries: Iterable[Query], threshold: int = LEAST) -> list[Repeat]:
    """Find rows that were written with one statement each."""
    return [
        repeat
        for repeat in _repeats(queries, _is_write)
        # In a statement with a list, only the other values are known: if these are equal, the lists differ.
        if repeat.count >= threshold and not (repeat.statement.has_list and repeat.distinct == 1)
    ]


def _least(repeat: Repeat) -> int:
    return LEAST_OF_LAZY_LOADS if repeat.is_certain else LEAST


def _is_read(query: Query) -> bool:
    is_cache = query.load is not None and query.load.via is LoadedVia.CACHE
    return query.statement.kind == "select" and not is_cache


def _asks_for_a_row(query: Query) -> bool:
    statement, load = query.statement, query.load
    is_for_many = statement.is_batched if load is None else statement.is_batched or load.rows > 1
    return _is_read(query) and not is_for_many and not (load is None and statement.is_page)


def _is_whole_read(query: Query) -> bool:
    # If a statement has a list and other values, only the other values are known.
    return _is_read(query) and (query.statement.is_batched or not query.statement.has_list)


def _values_of(query: Query) -> tuple[int, ...] | None:
    if query.parameters is None:
        return None
    return (*with_literals(query.sql, (query.parameters,), query.vendor),)


def _is_write(query: Query) -> bool:
    statement = query.statement
    is_of_one = statement.is_of_values and not statement.is_batched and query.executions == 1
    return statement.kind in _WRITES and is_of_one


def _repeats(
    queries: Iterable[Query],
    is_meant: Callable[[Query], bool],
    where: Callable[[Query], Hashable] = lambda query: identity(query.call_path),
    *,
    anew_after_writes: bool = False,
) -> list[Repeat]:
    groups: dict[Hashable, list[tuple[int, Query]]] = {}
    # One object may stand for a million queries.
    group_of: dict[Hashable, list[tuple[int, Query]] | None] = {}
    tables_of: dict[int, tuple[str, ...]] = {}
    writes: Counter[str] = Counter()
    for position, query in enumerate(queries):
        so_far: tuple[int, ...] = ()
        if anew_after_writes:
            if id(query) not in tables_of:
                tables_of[id(query)] = query.statement.tables
            if query.statement.kind in _WRITES:
                writes.update(tables_of[id(query)])
            so_far = tuple(writes[table] for table in tables_of[id(query)])
        if (id(query), so_far) not in group_of:
            load = query.load
            relation = None if load is None else (load.via, load.model, load.name, _path_of(load.batch))
            request = query.request and query.request.number
            key = (query.using, query.statement.fingerprint, where(query), request, relation, so_far)
            group_of[id(query), so_far] = groups.setdefault(key, []) if is_meant(query) else None
        group = group_of[id(query), so_far]
        if group is not None:
            group.append((position, query))
    return [_repeat(members) for members in groups.values() if len(members) > 1]


def _path_of(batch: FetchedRows | None) -> tuple[str, ...]:
    """Return the relations that lead to a prefetch: nested prefetches can have the same query."""
    names = []
    while batch is not None and batch.load is not None and batch.load.via is LoadedVia.PREFETCH:
        names.append(batch.load.name)
        batch = batch.load.batch
    return tuple(names)


def _repeat(members: Sequence[tuple[int, Query]]) -> Repeat:
    queries = [query for _, query in members]
    first = queries[0]
    loads = [query.load for query in queries if query.load is not None]
    count, ran_for = what_differs(queries, loads)
    return Repeat(
        positions=[position for position, _ in members],
        distinct=count,
        ran_for=ran_for,
        is_paged=len({offset_of(sql) for sql in {query.sql for query in queries}}) > 1,
        statement=first.statement,
        using=first.using,
        call_path=first.call_path,
        request=first.request,
        loads=loads,
    )


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

"""Which queries were repeated? N+1 queries, the same query again, and rows written one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.diagnosis.differences import (
    Difference,
    RanFor,
    are_a_chain,
    are_shared,
    root_of,
    what_differs,
)
from pytest_dbperf.diagnosis.growing_lists import are_growing
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.fingerprint import Statement, offset_of, with_literals
from pytest_dbperf.sql.shapes import is_indexed, shape_of, without_index

# Tests have two or three rows. Two lazy loads are certain; queries that are only alike may be chance.
LEAST_OF_LAZY_LOADS = 2
LEAST = 3

# Django fills a cache only once, and has no way to validate several instances with one query. The
# tested code does not cause what a test does to prepare its rows.
_NOT_JUDGED = frozenset((LoadedVia.CACHE, LoadedVia.PREPARATION, LoadedVia.VALIDATION))
_WRITES = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Repeat:
    """Queries of one alias with one fingerprint, from one call path, in one request, for one relation.

    `positions` are their indexes among all queries. `distinct` is how many different rows, instances or
    parameters (`ran_for`) there were, None if that cannot be known. `grows`: more of them make more queries.
    `is_paged`: their OFFSETs differ. `statements` are several if one loop writes them differently.
    """

    positions: Sequence[int]
    distinct: int | None
    ran_for: RanFor
    grows: bool
    is_paged: bool
    statements: Sequence[Statement]
    using: str | None
    call_path: CallPath
    request: Request | None
    loads: Sequence[RelationLoad]

    @property
    def count(self) -> int:
        """The number of queries."""
        return len(self.positions)

    @property
    def statement(self) -> Statement:
        """The statement that is shown."""
        return self.statements[-1]

    @property
    def is_of_indexes(self) -> bool:
        """Whether they ask for `queryset[0]`, `queryset[1]` and so on."""
        return self.is_paged and is_indexed(self.statement.fingerprint)

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


def n_plus_ones(queries: Iterable[Query], threshold: int | None = None) -> list[Repeat]:
    """Find reads that grow with the rows: one query for all rows, then one or more for each of them.

    A group counts from `threshold` queries on: by default from 2 for lazy loads of rows that were fetched
    together, else from 3. As in Flarum's detector, distinct parameters decide where the rows are not known;
    as in Prosopite, the call path makes the group, here without the frames of frameworks. Different
    statements of one loop are a group if none of them is one alone.
    """
    found: list[Repeat] = []
    rest: dict[_Key, list[_Members]] = {}
    for key, members in _groups(queries, _may_ask_for_a_row, for_rows=True).items():
        repeat = _repeat_for_rows(members)
        if repeat is not None and _is_reached(repeat, threshold):
            found.append(repeat)
        else:
            rest.setdefault(key._replace(what=shape_of(key.what)), []).append(members)
    together = (_repeat_of_a_loop(parts) for parts in rest.values())
    return [*found, *(one for one in together if one is not None and _is_reached(one, threshold))]


def _is_reached(repeat: Repeat, threshold: int | None) -> bool:
    return repeat.grows and repeat.count >= (threshold or _least(repeat))


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


def _is_judged(query: Query) -> bool:
    """Tell whether the tested code caused it, and could have run fewer queries."""
    return query.load is None or query.load.via not in _NOT_JUDGED


def _is_read(query: Query) -> bool:
    return query.statement.kind == "select" and _is_judged(query)


def _may_ask_for_a_row(query: Query) -> bool:
    is_page = query.statement.is_page if query.load is None else query.load.rows > 1
    return _is_read(query) and not is_page


def _is_whole_read(query: Query) -> bool:
    # If a statement has a list or the key of a page, and other values beside it, only the others are known.
    statement = query.statement
    is_known = statement.is_batched or not statement.has_list
    return _is_read(query) and is_known and not statement.is_page_of_values


def _values_of(query: Query) -> tuple[int, ...] | None:
    if query.parameters is None:
        return None
    return (*with_literals(query.sql, (query.parameters,), query.vendor),)


def _is_write(query: Query) -> bool:
    statement = query.statement
    is_of_one = statement.is_of_values and not statement.is_batched and query.executions == 1
    return statement.kind in _WRITES and is_of_one and _is_judged(query)


class _Key(NamedTuple):
    """What the queries of a group have in common."""

    what: str
    using: str | None
    where: Hashable
    request: int | None
    relation: Hashable
    writes: tuple[int, ...]


# Queries with their positions among all queries.
_Members = list[tuple[int, Query]]


def _repeats(
    queries: Iterable[Query],
    is_meant: Callable[[Query], bool],
    where: Callable[[Query], Hashable] = lambda query: identity(query.call_path),
    *,
    anew_after_writes: bool = False,
) -> list[Repeat]:
    groups = _groups(queries, is_meant, where, anew_after_writes=anew_after_writes)
    return [_repeat(members) for members in groups.values() if len(members) > 1]


def _groups(
    queries: Iterable[Query],
    is_meant: Callable[[Query], bool],
    where: Callable[[Query], Hashable] = lambda query: identity(query.call_path),
    *,
    for_rows: bool = False,
    anew_after_writes: bool = False,
) -> Mapping[_Key, _Members]:
    groups: dict[_Key, _Members] = {}
    # One object may stand for a million queries.
    group_of: dict[Hashable, _Members | None] = {}
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
            fingerprint = query.statement.fingerprint
            what = without_index(fingerprint) if for_rows else fingerprint
            relation = None if query.load is None else _relation_of(query.load, of_forms=for_rows)
            request = query.request and query.request.number
            key = _Key(what, query.using, where(query), request, relation, so_far)
            # A wrapper that sends a failed statement again is no loop of the code that executed it.
            is_of_code = is_meant(query) and not query.is_sent_again
            group_of[id(query), so_far] = groups.setdefault(key, []) if is_of_code else None
        group = group_of[id(query), so_far]
        if group is not None:
            group.append((position, query))
    return groups


def _relation_of(load: RelationLoad, *, of_forms: bool) -> Hashable:
    """Make a key of what is loaded. Of a form, two fields may repeat the same query."""
    is_alike = load.via is LoadedVia.FORM and not of_forms
    return None if is_alike else (load.via, load.model, load.name, load.prefetches)


def _repeat_for_rows(members: _Members) -> Repeat | None:
    """Make a repeat of queries that ask for rows one by one, not for those of a list."""
    is_for_many = members[0][1].statement.is_batched
    return None if is_for_many or len(members) == 1 else _repeat(members)


def _repeat_of_a_loop(parts: Sequence[_Members]) -> Repeat | None:
    """Make a repeat of queries that one loop may have run, although they are written differently."""
    members = sorted(chain.from_iterable(parts), key=lambda member: member[0])
    queries = [query for _, query in members]
    if any(query.statement.has_list for query in queries):
        is_loop = len(queries) >= LEAST and are_growing(queries)
        return _repeat(members, Difference(len(queries), RanFor.LISTS, grows=True)) if is_loop else None
    return _repeat(members) if len(parts) > 1 else None


def _repeat(members: _Members, difference: Difference | None = None) -> Repeat:
    queries = [query for _, query in members]
    first = queries[0]
    loads = [query.load for query in queries if query.load is not None]
    difference = difference or what_differs(queries, loads)
    return Repeat(
        positions=[position for position, _ in members],
        distinct=difference.count,
        ran_for=difference.ran_for,
        grows=difference.grows,
        is_paged=len({offset_of(sql) for sql in {query.sql for query in queries}}) > 1,
        statements=[
            *dict.fromkeys(query.statement for query in {id(query): query for query in queries}.values())
        ],
        using=first.using,
        call_path=first.call_path,
        request=first.request,
        loads=loads,
    )

"""What else ran around the loads of a relation? Writes, and other evaluations of their queryset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence

from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.loads import FetchedRows, RelationLoad


class AroundLoads:
    """All queries of a recording, to ask what ran around the loads of a relation."""

    def __init__(self, queries: Sequence[Query]) -> None:
        # After compaction, one object may stand for a million queries.
        self._queries = [*{id(query): query for query in queries}.values()]
        self._times = Counter(map(id, queries))
        self._by_load = {id(query.load): query for query in self._queries if query.load is not None}
        self._writes = [query for query in self._queries if query.statement.kind != "select"]
        self._aliases: dict[Hashable, set[str | None]] = {}
        for query in self._by_load.values():
            self._aliases.setdefault(_what_is_loaded(query.load), set()).add(query.using)

    def table_written(
        self, tables: Collection[str], loads: Sequence[RelationLoad], since: FetchedRows
    ) -> str:
        """Return one of these tables that was written between the fetch of the rows and the last load."""
        writes = [query for query in self._writes if not set(tables).isdisjoint(query.statement.tables)]
        if not writes or since.query is None:
            return ""
        loading = [self._by_load[id(load)] for load in loads if id(load) in self._by_load]
        last = max(max(_starts_of(query)) for query in loading)
        for query in writes:
            if any(since.query.started < start < last for start in _starts_of(query)):
                return next(table for table in query.statement.tables if table in tables)
        return ""

    def rows_and_instances(self, load: RelationLoad) -> Iterator[tuple[int | None, int | None]]:
        """Yield the row and the instance of each query that shares a load: several after compaction."""
        query = self._by_load.get(id(load))
        if query is None or query.compacted is None:
            yield load.row, load.instance
            return
        rows, instances = query.compacted.row, query.compacted.instance
        for index in range(len(query.compacted.started)):
            yield (
                rows[index] if rows is not None else None,
                instances[index] if instances is not None else None,
            )

    def is_on_several_databases(self, load: RelationLoad) -> bool:
        """Tell whether this relation was loaded from more than one database for rows fetched together."""
        return len(self._aliases.get(_what_is_loaded(load), ())) > 1

    def evaluations_without(self, attributes: tuple[str, ...], roots: Sequence[FetchedRows]) -> int:
        """Count the evaluations of the queryset of these rows that loaded nothing by these attributes."""
        keys = {_key_of(root.query) for root in roots if root.query is not None}
        alike = {id(query) for query in self._queries if _key_of(query) in keys}
        asking = {
            id(root)
            for query in self._by_load.values()
            for root, way in _ways_of(query.load)
            if way == attributes and root.query is not None and _key_of(root.query) in keys
        }
        return max(0, sum(self._times[key] for key in alike) - len(asking))


def _ways_of(load: RelationLoad | None) -> Iterator[tuple[FetchedRows, tuple[str, ...]]]:
    """Yield the rows that a relation was loaded for, those above them, and the attributes from each."""
    way: tuple[str, ...] = ()
    while load is not None and load.batch is not None:
        way = (load.name, *way)
        yield load.batch, way
        load = load.batch.load


def _what_is_loaded(load: RelationLoad | None) -> Hashable:
    return None if load is None else (id(load.batch), load.via, load.model, load.name)


def _starts_of(query: Query) -> Sequence[float]:
    return (query.started,) if query.compacted is None else query.compacted.started


def _key_of(query: Query) -> Hashable:
    return query.using, query.statement.fingerprint, identity(query.call_path)

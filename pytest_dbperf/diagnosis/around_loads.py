"""What else ran around the loads of a relation? Writes, and other evaluations of their queryset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence

from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.loads import FetchedRows, RelationLoad


class AroundLoads:
    """All queries of a recording, as loads that were made one by one need to know them."""

    def __init__(self, queries: Sequence[Query]) -> None:
        # After compaction, one object may stand for a million queries.
        self._queries = [*{id(query): query for query in queries}.values()]
        self._times = Counter(map(id, queries))
        self._by_load = {id(query.load): query for query in self._queries if query.load is not None}

    def table_written(
        self, tables: Collection[str], loads: Sequence[RelationLoad], since: FetchedRows
    ) -> str:
        """Return a table of these that was written after the rows were fetched and before the last load."""
        last = max((max(_starts_of(query)) for query in self._queries_of(loads)), default=0.0)
        first = since.query.started if since.query is not None else last
        for query in self._queries:
            if query.statement.kind != "select" and any(first < start < last for start in _starts_of(query)):
                for table in query.statement.tables:
                    if table in tables:
                        return table
        return ""

    def is_on_several_databases(self, load: RelationLoad) -> bool:
        """Tell whether this relation was loaded from more than one database for rows fetched together."""
        return len({query.using for query in self._queries if _is_alike(query.load, load)}) > 1

    def evaluations_without(self, attributes: tuple[str, ...], roots: Sequence[FetchedRows]) -> int:
        """Count the evaluations of the queryset of these rows that loaded nothing by these attributes."""
        keys = {_key_of(root.query) for root in roots if root.query is not None}
        evaluated = sum(self._times[id(query)] for query in self._queries if _key_of(query) in keys)
        asking = {
            id(root)
            for query in self._queries
            if query.load is not None
            for root, way in _ways_of(query.load)
            if way == attributes and root.query is not None and _key_of(root.query) in keys
        }
        return max(0, evaluated - len(asking))

    def _queries_of(self, loads: Sequence[RelationLoad]) -> Iterator[Query]:
        return (self._by_load[key] for key in {id(load) for load in loads} if key in self._by_load)


def _ways_of(load: RelationLoad) -> Iterator[tuple[FetchedRows, tuple[str, ...]]]:
    """Yield the rows that a relation was loaded for, those above them, and the attributes from each."""
    way: tuple[str, ...] = (load.name,)
    batch = load.batch
    while batch is not None:
        yield batch, way
        if batch.load is None:
            return
        way, batch = (batch.load.name, *way), batch.load.batch


def _is_alike(one: RelationLoad | None, other: RelationLoad) -> bool:
    if one is None or one.batch is not other.batch:
        return False
    return (one.via, one.model, one.name) == (other.via, other.model, other.name)


def _starts_of(query: Query) -> Sequence[float]:
    return (query.started,) if query.compacted is None else query.compacted.started


def _key_of(query: Query) -> Hashable:
    return query.using, query.statement.fingerprint, identity(query.call_path)

"""In what do queries differ that are alike otherwise? Rows, instances or parameters."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import distinct
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad

# What is kept on the instance once it is loaded: to load it again there has to be another.
_KEPT = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC, LoadedVia.DEFERRED))


class Of(StrEnum):
    """What it is that differs: an instance is one of several that one row was made into."""

    ROWS = "row"
    INSTANCES = "instance"
    PARAMETERS = "parameter"


def what_differs(queries: Sequence[Query], loads: Sequence[RelationLoad]) -> tuple[int | None, Of]:
    """Count what differs, None where that cannot be known, and tell what it is."""
    # The rows that it is for, where these are known: all of them may have the same owner.
    rows = None if any(load.rows > 1 for load in loads) else _distinct_rows(queries)
    if rows is None:
        return distinct(queries, "parameters"), Of.PARAMETERS
    if rows < len(queries) and are_for_others(loads) and all(load.via in _KEPT for load in loads):
        return len(queries), Of.INSTANCES
    if not all(load.is_plain_relation for load in loads):
        parameters = distinct(queries, "parameters")
        if parameters is not None and parameters > rows:
            return parameters, Of.PARAMETERS
    return rows, Of.ROWS


def are_for_others(loads: Sequence[RelationLoad]) -> bool:
    """Tell whether they are lazy loads of rows that were loaded for others, and came together with these."""
    batches = [load.batch for load in loads]
    return all(
        load.is_lazy and load.batch is not None and load.batch.load is not None for load in loads
    ) and are_shared([root_of(batch) for batch in batches])


def are_shared(roots: Sequence[FetchedRows | None]) -> bool:
    """Tell whether some came from one evaluation."""
    return len({id(root) for root in roots}) < len(roots)


def _distinct_rows(queries: Sequence[Query]) -> int | None:
    """Count the rows that queries ran for: of each evaluation by itself, if one of them had several.

    A list may be made twice, with the same rows. What was got one by one is the same row again.
    """
    by_root: dict[int, list[Query]] = {}
    for query in queries:
        root = root_of(query.load.batch) if query.load is not None else None
        by_root.setdefault(id(root), []).append(query)
    of_each = [distinct(of_one, "row") for of_one in by_root.values()]
    known = [count for count in of_each if count is not None]
    has_several = len(known) == len(of_each) and max(known) > 1
    return sum(known) if has_several else distinct(queries, "row")


def root_of(batch: FetchedRows | None) -> FetchedRows | None:
    """Find the rows that were loaded for no others, None where that is not known."""
    while batch is not None and batch.load is not None:
        batch = batch.load.batch
    return batch


def are_a_chain(loads: Sequence[RelationLoad]) -> bool:
    """Tell whether all but the first were loaded for a row that one of them has loaded."""
    first = [load for load in loads if not _goes_on(load)]
    return len(first) == 1 < len(loads)


def _goes_on(load: RelationLoad) -> bool:
    before = load.batch.load if load.batch is not None else None
    is_the_same = before is not None and (before.via, before.name) == (load.via, load.name)
    return is_the_same and load.via is LoadedVia.TO_ONE

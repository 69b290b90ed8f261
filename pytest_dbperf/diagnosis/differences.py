"""What differs between equal queries? The row, the instance or the parameters that each ran for."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import distinct
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad

# An instance keeps these once they are loaded: only another instance of the row loads them again.
_KEPT = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC, LoadedVia.DEFERRED))


class RanFor(StrEnum):
    """What differs from query to query. One row may have several instances."""

    ROWS = "row"
    INSTANCES = "instance"
    PARAMETERS = "parameter"


def what_differs(queries: Sequence[Query], loads: Sequence[RelationLoad]) -> tuple[int | None, RanFor]:
    """Count the different rows, instances or parameters, None if that cannot be known, and say which."""
    # Rows decide if they are known: all of them may have the same owner.
    rows = None if any(load.rows > 1 for load in loads) else _distinct_rows(queries)
    if rows is None:
        return distinct(queries, "parameters"), RanFor.PARAMETERS
    if rows < len(queries) and are_for_others(loads) and all(load.via in _KEPT for load in loads):
        return len(queries), RanFor.INSTANCES
    if not all(load.is_plain_relation for load in loads):
        parameters = distinct(queries, "parameters")
        if parameters is not None and parameters > rows:
            return parameters, RanFor.PARAMETERS
    return rows, RanFor.ROWS


def are_for_others(loads: Sequence[RelationLoad]) -> bool:
    """Tell whether they are lazy loads for rows that were loaded for other rows of one queryset."""
    batches = [load.batch for load in loads]
    return all(
        load.is_lazy and load.batch is not None and load.batch.load is not None for load in loads
    ) and are_shared([root_of(batch) for batch in batches])


def are_shared(roots: Sequence[FetchedRows | None]) -> bool:
    """Tell whether some of them come from one evaluation of a queryset."""
    return len({id(root) for root in roots}) < len(roots)


def _distinct_rows(queries: Sequence[Query]) -> int | None:
    """Count the rows that queries ran for: separately for each evaluation, if one of them had several rows.

    A list may be fetched twice, with the same rows. A row that is fetched alone twice counts once.
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
    """Find the rows at the root, which were not loaded for other rows; None if that is not known."""
    while batch is not None and batch.load is not None:
        batch = batch.load.batch
    return batch


def are_a_chain(loads: Sequence[RelationLoad]) -> bool:
    """Tell whether each load but the first is for a row that another of them loaded."""
    first = [load for load in loads if not _goes_on(load)]
    return len(first) == 1 < len(loads)


def _goes_on(load: RelationLoad) -> bool:
    before = load.batch.load if load.batch is not None else None
    is_the_same = before is not None and (before.via, before.name) == (load.via, load.name)
    return is_the_same and load.via is LoadedVia.TO_ONE

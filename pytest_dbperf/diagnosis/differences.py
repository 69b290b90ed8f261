"""What differs between equal queries? The row, the instance or the parameters that each ran for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import Field, distinct, number_of_runs
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad

# An instance keeps these once they are loaded: only another instance of the row loads them again. A deferred
# field is loaded twice if a library reads it before it is kept.
_KEPT = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC))
# Fewer may be the same few values again.
_LEAST_VALUES = 3


class RanFor(StrEnum):
    """What differs from query to query. One row may have several instances."""

    ROWS = "row"
    INSTANCES = "instance"
    FORMS = "form"
    PARAMETERS = "parameter"
    LISTS = "list"


@dataclass(frozen=True, slots=True)
class Difference:
    """How many different rows or values there were, None if unknown, and whether more make more queries."""

    count: int | None
    ran_for: RanFor
    grows: bool


def what_differs(queries: Sequence[Query], loads: Sequence[RelationLoad]) -> Difference:
    """Count the different rows, instances or parameters, and tell whether there is a query for each of them.

    Rows decide if they are known: all of them may have the same owner, and each may ask several times.
    """
    rows = None if any(load.rows > 1 for load in loads) else _distinct_rows(queries)
    if rows is None:
        parameters = distinct(queries, "parameters")
        return Difference(parameters, RanFor.PARAMETERS, _differ(queries, "parameters", parameters))
    if all(load.via is LoadedVia.FORM for load in loads):
        return Difference(rows, RanFor.FORMS, rows >= _LEAST_VALUES)
    instances = _distinct_instances(queries, loads)
    if instances > rows and all(load.via in _KEPT for load in loads):
        return Difference(len(queries), RanFor.INSTANCES, grows=True)
    come_together = instances > rows or _have_come_together(queries)
    if not all(load.is_plain_relation for load in loads):
        parameters = distinct(queries, "parameters")
        if parameters is not None and parameters > rows:
            differ = _differ(queries, "parameters", parameters)
            return Difference(parameters, RanFor.PARAMETERS, come_together or differ)
    if instances > rows:
        return Difference(instances, RanFor.INSTANCES, grows=True)
    return Difference(rows, RanFor.ROWS, come_together or _differ(queries, "row", rows))


def _differ(queries: Sequence[Query], field: Field, count: int | None) -> bool:
    """Tell whether nearly each query has a value of its own, or each value runs some queries in a row.

    Code may read a property twice for each row, and the property may run a query each time.
    """
    if count is None:
        return False
    if count >= max(2, len(queries) - 1):
        return True
    return count >= _LEAST_VALUES and count >= number_of_runs(queries, field) - 1


def _distinct_instances(queries: Sequence[Query], loads: Sequence[RelationLoad]) -> int:
    """Count the instances of rows that were loaded for other rows of one queryset, 0 if there are none.

    Rows that were loaded for other rows often share a related row. Each of them has an instance of its own.
    """
    if not are_for_others(loads):
        return 0
    if all(load.via in _KEPT for load in loads):
        return len(queries)
    of_each = [
        sum(distinct(rows, "instance") or 0 for rows in _by(of_one, lambda load: id(load.batch)))
        for of_one in _by(queries, lambda load: id(root_of(load.batch)))
    ]
    # A row that is fetched alone again has another instance, too.
    return sum(of_each) if max(of_each) > 1 else 0


def are_for_others(loads: Sequence[RelationLoad]) -> bool:
    """Tell whether they are loads for rows that were loaded for other rows of one queryset."""
    batches = [load.batch for load in loads]
    return all(
        load.rows == 1 and load.batch is not None and load.batch.load is not None for load in loads
    ) and are_shared([root_of(batch) for batch in batches])


def are_shared(roots: Sequence[FetchedRows | None]) -> bool:
    """Tell whether some of them come from one evaluation of a queryset."""
    return len({id(root) for root in roots}) < len(roots)


def _have_come_together(queries: Sequence[Query]) -> bool:
    """Tell whether one evaluation of a queryset has fetched several of the rows, or related rows of them."""
    return any(
        (distinct(of_one, "row") or 0) > 1
        for of_one in _by(queries, lambda load: id(root_of(load.batch)))
        if of_one[0].load is not None and root_of(of_one[0].load.batch) is not None
    )


def _distinct_rows(queries: Sequence[Query]) -> int | None:
    """Count the rows that queries ran for: separately for each evaluation, if one of them had several rows.

    A list may be fetched twice, with the same rows. A row that is fetched alone twice counts once.
    """
    of_each = [distinct(of_one, "row") for of_one in _by(queries, lambda load: id(root_of(load.batch)))]
    known = [count for count in of_each if count is not None]
    has_several = len(known) == len(of_each) and max(known) > 1
    return sum(known) if has_several else distinct(queries, "row")


def _by(queries: Sequence[Query], key: Callable[[RelationLoad], Hashable]) -> list[list[Query]]:
    """Group queries by something in their loads."""
    groups: dict[Hashable, list[Query]] = {}
    for query in queries:
        groups.setdefault(None if query.load is None else key(query.load), []).append(query)
    return list(groups.values())


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

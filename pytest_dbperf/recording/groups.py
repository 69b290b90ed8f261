"""What happened repeatedly? Equal events from one call path, grouped."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, groupby
from typing import Literal, TypeVar

from pytest_dbperf.callsites.callsite import CallPath, SourcePosition, position_of, without_recursion
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.connections import Checkout, NewConnection
from pytest_dbperf.recording.events import Hop, Query
from pytest_dbperf.sql.asked import without_mark
from pytest_dbperf.sql.fingerprint import Statement, with_literals

_MOST_AT_ONCE = 200_000

Field = Literal["parameters", "row", "instance"]
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class QueryGroup:
    """Queries with the same alias, fingerprint, call path and request.

    `distinct` is the number of different parameters, None if it is unknown.
    """

    count: int
    distinct: int | None
    statement: Statement
    using: str | None
    call_path: CallPath
    request: Request | None
    seconds: float


@dataclass(frozen=True, slots=True)
class HopGroup:
    """Hops with the same origin, function and call path.

    `queries` is the number of queries in them. `waited` and `seconds` are sums: the time that they waited for
    a thread, and the time that they ran.
    """

    count: int
    via: str
    function: str
    origin: str
    part: str
    is_thread_sensitive: bool | None
    queries: int
    waited: float
    seconds: float
    call_path: CallPath

    @property
    def what(self) -> str:
        """The text for a reader: the way of the hop, and its origin if that is not your code."""
        return shown_hop(self)

    @property
    def note(self) -> str:
        """The number of queries in it, empty if there are none."""
        return f"{self.queries} {'query' if self.queries == 1 else 'queries'} in it" if self.queries else ""


def shown_hop(hop: Hop | HopGroup) -> str:
    """Write the way of a hop, and its origin if that is not your code."""
    by_name = f"{hop.via}({hop.function})"
    call = by_name if hop.via.endswith("sync") else f"{hop.function} in a thread, by {hop.via}"
    return call if hop.origin == PROJECT else f"{hop.part or hop.origin}: {call}"


def groups_of_queries(queries: Iterable[Query]) -> list[QueryGroup]:
    """Group equal queries, the largest group first."""

    def group(members: Sequence[Query]) -> QueryGroup:
        first = members[0]
        return QueryGroup(
            count=len(members),
            distinct=distinct(members, "parameters"),
            statement=first.statement,
            using=first.using,
            call_path=without_recursion(first.call_path),
            request=first.request,
            seconds=sum(query.seconds for query in members),
        )

    return [
        group(members)
        for members in _most_frequent_first(
            queries,
            lambda query: (
                query.using,
                query.statement.fingerprint,
                identity(query.call_path),
                query.request and query.request.number,
            ),
        )
    ]


def only_request(requests: Iterable[Request | None]) -> str:
    """Name the request if all of these are one and the same."""
    # Not a set of requests: hashing one would read the bytecode of its whole call path.
    found = {request and request.number: request for request in requests}
    return str(*found.values()) if len(found) == 1 and None not in found else ""


def groups_of_hops(hops: Iterable[Hop]) -> list[HopGroup]:
    """Group equal hops, the largest group first."""

    def group(members: Sequence[Hop]) -> HopGroup:
        first = members[0]
        return HopGroup(
            count=len(members),
            via=first.via,
            function=first.function,
            origin=first.origin,
            part=first.part,
            is_thread_sensitive=first.is_thread_sensitive,
            queries=sum(hop.queries for hop in members),
            waited=sum(hop.waited or 0.0 for hop in members),
            seconds=sum(hop.seconds or 0.0 for hop in members),
            call_path=without_recursion(first.call_path),
        )

    return [
        group(members)
        for members in _most_frequent_first(
            hops,
            lambda hop: (
                *(hop.via, hop.function, hop.origin, hop.part, hop.is_thread_sensitive),
                identity(hop.call_path),
            ),
        )
    ]


def groups_of_connections(
    opened: Iterable[NewConnection], note: Callable[[NewConnection], str]
) -> list[list[NewConnection]]:
    """Group connections with the same call path, reason and note, the largest group first."""
    return _most_frequent_first(
        opened,
        lambda new: (new.using, new.why, note(new), identity(new.call_path), identity(new.because_of)),
    )


def groups_of_checkouts(taken: Iterable[Checkout], note: Callable[[Checkout], str]) -> list[list[Checkout]]:
    """Group connections that were taken from a pool, with the same call path and note, the largest first."""
    return _most_frequent_first(
        taken, lambda each: (each.using, note(each), identity(each.call_path), identity(each.because_of))
    )


def groups_of_blocking_calls(calls: Iterable[BlockingCall]) -> list[list[BlockingCall]]:
    """Group equal calls that blocked an event loop, the largest group first."""
    return _most_frequent_first(
        calls, lambda call: (call.via, call.what, call.name, call.using, identity(call.call_path))
    )


def identity(path: CallPath) -> tuple[SourcePosition, ...]:
    """Make a key of a call path; it is the same at any depth of a recursion."""
    return key_of_sites(without_recursion(path))


def key_of_sites(sites: CallPath) -> tuple[SourcePosition, ...]:
    """Make a key of call sites from their positions in the source."""
    return tuple(map(position_of, sites))


def _most_frequent_first(events: Iterable[E], key: Callable[[E], Hashable]) -> list[list[E]]:
    groups: dict[Hashable, list[E]] = {}
    group_of: dict[int, list[E]] = {}
    for event in events:
        group = group_of.get(id(event))
        if group is None:
            # After compaction, one object may stand for a million queries.
            group = group_of[id(event)] = groups.setdefault(key(event), [])
        group.append(event)
    return sorted(groups.values(), key=len, reverse=True)


def distinct(queries: Sequence[Query], field: Field) -> int | None:
    """Count the different parameters, rows or instances of queries. Return None if one of them is unknown.

    Values that are written into the SQL text count as parameters.
    """
    columns: list[Iterable[int]] = []
    for query in {id(query): query for query in queries}.values():
        if getattr(query, field) is None:
            return None
        columns.append(_values(query, field))
    # A set of a million values takes 100 MB, so they are counted in parts.
    parts = len(queries) // _MOST_AT_ONCE + 1
    return sum(
        len({one for one in chain.from_iterable(columns) if one % parts == part}) for part in range(parts)
    )


def number_of_runs(queries: Sequence[Query], field: Field) -> int:
    """Count how often the parameters, or rows, change from query to query, and the first of them."""
    values: dict[int, Iterator[int]] = {}
    for query in queries:
        if id(query) not in values:
            values[id(query)] = cycle(_values(query, field))
    # After compaction, one object has the values of many queries, in their order.
    return sum(1 for _ in groupby(next(values[id(query)]) for query in queries))


def _values(query: Query, field: Field) -> Iterable[int]:
    compacted = query.compacted
    values: Iterable[int] = (getattr(query, field),) if compacted is None else getattr(compacted, field)
    if field != "parameters":
        return values
    if not (compacted is not None and compacted.has_texts):
        values = with_literals(query.sql, values, query.vendor)
    # The mark of a list is no value of its own.
    return map(without_mark, values) if query.statement.has_list else values

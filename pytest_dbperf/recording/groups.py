"""What happened again and again? Events that are alike, together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeVar

from pytest_dbperf.callsites.callsite import CallPath, Place, place_of, without_recursion
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.events import BlockingCall, Hop, NewConnection, Query
from pytest_dbperf.sql.fingerprint import Statement, with_literals

_MOST_AT_ONCE = 200_000

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class QueryGroup:
    """Queries of one alias with one fingerprint, from one call path, in one request.

    `distinct` tells how many different parameters they ran with, None when that cannot be known.
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
    """Hops of one origin with one function, from one call path.

    `queries` ran in them, all together they `waited` for a thread and ran for so many `seconds`.
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
        """What a reader sees: how it crossed, and whose decision it was, if not yours."""
        by_name = f"{self.via}({self.function})"
        call = by_name if self.via.endswith("sync") else f"{self.function} in a thread, by {self.via}"
        whose = self.part or self.origin
        return call if self.origin == PROJECT else f"{whose}: {call}"

    @property
    def remark(self) -> str:
        """What ran there."""
        return f"{self.queries} {'query' if self.queries == 1 else 'queries'} in it" if self.queries else ""


def groups_of_queries(queries: Iterable[Query]) -> list[QueryGroup]:
    """Group queries, the most frequent first."""

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
    """Name the request that all of it happened in, if it was one."""
    # Not a set of them: to hash one would read the bytecode of all that led to it.
    found = {request and request.number: request for request in requests}
    return str(*found.values()) if len(found) == 1 and None not in found else ""


def groups_of_hops(hops: Iterable[Hop]) -> list[HopGroup]:
    """Group hops, the most frequent first."""

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
    opened: Iterable[NewConnection], remark: Callable[[NewConnection], str]
) -> list[list[NewConnection]]:
    """Group connections that were opened from the same place for the same reason, the most frequent first."""
    return _most_frequent_first(
        opened,
        lambda new: (new.using, new.why, remark(new), identity(new.call_path), identity(new.because_of)),
    )


def groups_of_blocking_calls(calls: Iterable[BlockingCall]) -> list[list[BlockingCall]]:
    """Group what made an event loop wait, the most frequent first."""
    return _most_frequent_first(
        calls, lambda call: (call.via, call.what, call.name, call.using, identity(call.call_path))
    )


def identity(path: CallPath) -> tuple[Place, ...]:
    """Make a key for a call path, at any depth of a recursion."""
    return key_of_sites(without_recursion(path))


def key_of_sites(sites: CallPath) -> tuple[Place, ...]:
    """Make a key for call sites: where in the source they are."""
    return tuple(map(place_of, sites))


def _most_frequent_first(events: Iterable[E], key: Callable[[E], Hashable]) -> list[list[E]]:
    groups: dict[Hashable, list[E]] = {}
    group_of: dict[int, list[E]] = {}
    for event in events:
        group = group_of.get(id(event))
        if group is None:
            # One object may stand for a million queries.
            group = group_of[id(event)] = groups.setdefault(key(event), [])
        group.append(event)
    return sorted(groups.values(), key=len, reverse=True)


def distinct(queries: Sequence[Query], what: Literal["parameters", "row"]) -> int | None:
    """Count the different parameters, or rows, that queries ran for; None when one of them is not known.

    What is written into the text is a parameter, too.
    """
    columns: list[Iterable[int]] = []
    for query in {id(query): query for query in queries}.values():
        own = getattr(query, what)
        if own is None:
            return None
        alike = query.alike
        values: Iterable[int] = (own,) if alike is None else getattr(alike, what)
        if what == "parameters" and not (alike is not None and alike.has_texts):
            values = with_literals(query.sql, values)
        columns.append(values)
    # A set of a million takes 100 MB, so not all at once.
    parts = len(queries) // _MOST_AT_ONCE + 1
    return sum(
        len({one for one in chain.from_iterable(columns) if one % parts == part}) for part in range(parts)
    )

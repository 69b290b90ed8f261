"""What was the outcome of a hop? Its thread, its queries, its times and its request."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.events import Event, Hop, HopEnded, Query
from pytest_dbperf.sql.fingerprint import is_bookkeeping


def completed(events: Sequence[Event]) -> list[Hop]:
    """Return the hops, each with its thread, its number of queries, its times and its request."""
    hops = [event for event in events if isinstance(event, Hop)]
    ended = {event.number: event for event in events if isinstance(event, HopEnded)}
    queries = Counter(
        event.cause.hop for event in events if isinstance(event, Query) and not is_bookkeeping(event.sql)
    )
    visits: dict[object, Request] = {}
    for event in events:
        if isinstance(event, Request) and event.cause.visit is not None:
            visits.setdefault(event.cause.visit, event)
    return [_completed(hop, ended.get(hop.number), queries[hop.number], visits) for hop in hops]


def _completed(hop: Hop, end: HopEnded | None, queries: int, visits: dict[object, Request]) -> Hop:
    if end is not None:
        # `async_to_sync` starts a loop of its own and does not wait in a queue.
        waited = end.started - hop.started if hop.leaves_the_loop else 0.0
        hop = hop._replace(
            ran_in=end.thread,
            thread_number=end.thread_number,
            waited=waited,
            seconds=end.seconds,
            queries=queries,
        )
    if hop.cause.request is None and (request := visits.get(hop.cause.visit)) is not None:
        # It ran before Django made the request, or after the response: in a signal, or closing the response.
        hop = hop._replace(cause=hop.cause._replace(request=request))
    return hop


def seconds_in_queues(hops: Iterable[Hop]) -> float:
    """Add up how long hops waited while their thread was busy with other hops."""
    ran: dict[int, list[Hop]] = {}
    for hop in hops:
        if hop.waited is not None and hop.leaves_the_loop:
            ran.setdefault(hop.thread_number, []).append(hop)
    return sum(_seconds_in_queue(_one_after_another(of_thread)) for of_thread in ran.values())


def _one_after_another(hops: Sequence[Hop]) -> list[Hop]:
    """Leave out hops that ran while another one ran in the same thread.

    That one was in `async_to_sync` and waited only for them.
    """
    outermost: list[Hop] = []
    busy_until = float("-inf")
    # Of two that start at once, the longer one is outside.
    for hop in sorted(hops, key=lambda hop: (_ran_from(hop), -_ran_until(hop))):
        if _ran_from(hop) >= busy_until or _ran_until(hop) > busy_until:
            outermost.append(hop)
            busy_until = _ran_until(hop)
    return outermost


def _ran_from(hop: Hop) -> float:
    return hop.started + (hop.waited or 0.0)


def _ran_until(hop: Hop) -> float:
    return _ran_from(hop) + (hop.seconds or 0.0)


def _seconds_in_queue(hops: Sequence[Hop]) -> float:
    """Add up how long hops waited for one thread, which runs one hop after another."""
    spans = sorted((_ran_from(hop), hop.seconds or 0.0) for hop in hops)
    starts = [start for start, _ in spans]
    busy_before = [0.0, *accumulate(seconds for _, seconds in spans)]

    def busy_until(moment: float) -> float:
        index = bisect_left(starts, moment)
        running_on = max(0.0, starts[index - 1] + spans[index - 1][1] - moment) if index else 0.0
        return busy_before[index] - running_on

    return sum(busy_until(_ran_from(hop)) - busy_until(hop.started) for hop in hops)

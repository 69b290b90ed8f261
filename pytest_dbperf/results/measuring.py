"""What is kept of a recording? Its numbers and, on request, its groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_dbperf.caches.functions import CachedFunction
from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.shown import describe, location_of
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.connections import NewConnection
from pytest_dbperf.recording.event_lists import reuse
from pytest_dbperf.recording.events import Hop, Query, Response
from pytest_dbperf.recording.groups import groups_of_hops, groups_of_queries, identity
from pytest_dbperf.recording.hops import seconds_in_queues
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.recording.requests import by_request
from pytest_dbperf.results.model import AliasResult, GroupResult, HopGroupResult, Measurements, RequestResult
from pytest_dbperf.results.of_budgets import ViolationResult, WarningResult
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import Violation, WarningLine


def measure(recording: Recording, root: Path, *, with_groups: bool) -> Measurements:
    """Summarise a recording. Grouping reads every statement and call path, so it is done only on request."""
    # Each of these lists is a pass over all events, so each is made once.
    statements = recording.statements
    queries = [query for query in statements if not query.is_bookkeeping]
    new, checkouts, requests = recording.new_connections, recording.checkouts, recording.requests
    queries_of = Counter(query.cause.request.number for query in queries if query.cause.request)
    hops = recording.hops
    hops_of = by_request(hops)
    response_to = {response.number: response for response in recording.responses}
    lines_of: dict[Hashable, list[str]] = {}

    def described(path: CallPath) -> list[str]:
        # One call path can have a group in each of ten thousand requests.
        key = identity(path)
        if key not in lines_of:
            lines_of[key] = describe(path, root)
        return lines_of[key]

    return Measurements(
        queries=len(queries),
        bookkeeping=len(statements) - len(queries),
        new_connections=len(new),
        closed_connections=len(recording.closed_connections),
        peak_connections=recording.peak_connections,
        leaked_connections=len(recording.leaked_connections) + len(recording.unreturned_checkouts),
        checkouts=len(checkouts),
        pool_waits=sum(checkout.waited > 0 for checkout in checkouts),
        pool_wait_ms=_milliseconds(sum(checkout.waited for checkout in checkouts)),
        reuse=reuse(len(new), len(checkouts) or len(requests)),
        hops=dict(sorted(Counter(hop.origin for hop in hops).items())),
        blocking_calls=len(recording.blocking_calls),
        hops_queued_ms=_milliseconds(seconds_in_queues(hops)),
        requests=[
            _request(
                request,
                queries_of[request.number],
                hops_of.get(request.number, []),
                response_to.get(request.number),
            )
            for request in requests
        ],
        by_alias=_by_alias(queries, new),
        db_ms=_milliseconds(sum(query.seconds for query in statements)),
        groups=[
            GroupResult(
                count=group.count,
                distinct=group.distinct,
                fingerprint=group.statement.fingerprint,
                kind=group.statement.kind,
                tables=list(group.statement.tables),
                using=group.using,
                call_path=described(group.call_path),
                request=str(group.request) if group.request else None,
                ms=_milliseconds(group.seconds),
            )
            for group in (groups_of_queries(queries) if with_groups else ())
        ],
        hop_groups=[
            HopGroupResult(
                count=group.count,
                via=group.via,
                function=group.function,
                origin=group.origin,
                part=group.part or None,
                thread_sensitive=group.is_thread_sensitive,
                queries=group.queries,
                waited_ms=_milliseconds(group.waited),
                ms=_milliseconds(group.seconds),
                call_path=described(group.call_path),
            )
            for group in (groups_of_hops(hops) if with_groups else ())
        ],
    )


def _request(request: Request, queries: int, hops: Sequence[Hop], response: Response | None) -> RequestResult:
    counted_as = Counter(hop.counted_as for hop in hops)
    result = RequestResult(
        str(request),
        queries,
        hops=dict(sorted(counted_as.items())),
        hops_in_view=sum(hop.is_in_view for hop in hops),
    )
    if response is None:
        return result
    return replace(result, view=response.view, status=response.status, ms=_milliseconds(response.seconds))


def _by_alias(queries: Sequence[Query], opened: Sequence[NewConnection]) -> dict[str, AliasResult]:
    queries_of = Counter(query.using for query in queries)
    opened_to = Counter(new.using for new in opened)
    return {
        alias: AliasResult(queries_of[alias], opened_to[alias])
        for alias in sorted(alias for alias in queries_of | opened_to if alias is not None)
    }


def violation_result_of(violation: Violation, root: Path) -> ViolationResult:
    """Return what is kept of a violation: the numbers, the text and the location."""
    _, *explanation = explain([violation], root)
    return ViolationResult(
        violation.budget,
        violation.measured,
        violation.limit,
        violation.first_line,
        violation.location(root),
        explanation,
    )


def warning_result_of(budget: str, warning_line: WarningLine, root: Path) -> WarningResult:
    """Return what is kept of a warning of a budget: the text and the location."""
    path = warning_line.call_path
    return WarningResult(budget, warning_line.text, location_of(path[0], root) if path else None)


def name_of_cache(cached: CachedFunction, root: Path) -> str:
    """Write which cache it is: `campaigns/conf.py:12 setting (lru_cache)`."""
    return f"{describe((cached.site,), root)[0]} ({cached.made_by})"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)

"""What do we keep? The result of a test, the run of all, and their JSON form (schema `dbperf-run/1`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_dbperf.callsite import describe
from pytest_dbperf.groups import groups_of_queries
from pytest_dbperf.recording import Recording, reuse
from pytest_dbperf.violations import Violation

SCHEMA = "dbperf-run/1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """Queries that are alike: how many, with how many different parameters, which, where from."""

    count: int
    distinct: int | None
    fingerprint: str
    kind: str
    tables: Sequence[str]
    using: str
    call_path: Sequence[str]
    request: str | None
    ms: float


@dataclass(frozen=True, slots=True)
class RequestResult:
    """A request and the number of its queries."""

    request: str
    queries: int


@dataclass(frozen=True, slots=True)
class ViolationResult:
    """A broken budget: its first line, and the call site to mend."""

    budget: str
    measured: int
    limit: int
    message: str
    location: str | None


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a recording amounts to."""

    queries: int = 0
    bookkeeping: int = 0
    new_connections: int = 0
    closed_connections: int = 0
    peak_connections: int = 0
    leaked_connections: int = 0
    checkouts: int = 0
    pool_waits: int = 0
    pool_wait_ms: float = 0.0
    reuse: float | None = None
    hops: Mapping[str, int] = field(default_factory=dict)
    requests: Sequence[RequestResult] = ()
    db_ms: float = 0.0
    groups: Sequence[GroupResult] = ()


@dataclass(frozen=True, slots=True)
class TestResult:
    """What one test did: its call phase, the queries of its other phases, and the budgets it broke."""

    __test__ = False  # for pytest, which collects by name

    id: str
    outcome: str
    call: Measurements = Measurements()
    phases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    violations: Sequence[ViolationResult] = ()

    def to_json(self) -> Json:
        """Write the measurements of the call phase at the top level."""
        call = asdict(self.call)
        groups = call.pop("groups")
        return {
            "id": self.id,
            "outcome": self.outcome,
            **call,
            "phases": {phase: dict(numbers) for phase, numbers in self.phases.items()},
            "groups": groups,
            "violations": [asdict(violation) for violation in self.violations],
        }


@dataclass(frozen=True, slots=True)
class Run:
    """All results of a run. It is not complete when a worker crashed, or when it was stopped early."""

    complete: bool
    exit_code: int
    versions: Mapping[str, str]
    tests: Sequence[TestResult]

    @property
    def totals(self) -> Mapping[str, int | float]:
        """The sums of the call phases."""
        calls = [test.call for test in self.tests]
        return {
            "tests": len(calls),
            "queries": sum(call.queries for call in calls),
            "bookkeeping": sum(call.bookkeeping for call in calls),
            "new_connections": sum(call.new_connections for call in calls),
            "leaked_connections": sum(call.leaked_connections for call in calls),
            "checkouts": sum(call.checkouts for call in calls),
            "hops": sum(sum(call.hops.values()) for call in calls),
            "db_ms": round(sum(call.db_ms for call in calls), 3),
        }

    @property
    def reuse(self) -> float | None:
        """The part of all checkouts and requests that needed no new connection; None without any."""
        served = [test.call for test in self.tests if test.call.reuse is not None]
        return reuse(
            sum(call.new_connections for call in served),
            sum(call.checkouts or len(call.requests) for call in served),
        )

    @property
    def over_limit(self) -> Sequence[TestResult]:
        """The tests that broke a budget and were not expected to."""
        return [test for test in self.tests if test.violations and test.outcome != "xfailed"]

    def to_json(self) -> Json:
        """Write the run in the form that `docs/` publishes as a JSON Schema."""
        return {
            "schema": SCHEMA,
            "complete": self.complete,
            "versions": dict(self.versions),
            "exit_code": self.exit_code,
            "totals": {**self.totals, "reuse": self.reuse},
            "tests": [test.to_json() for test in self.tests],
        }


def measure(recording: Recording, root: Path, *, with_groups: bool) -> Measurements:
    """Boil a recording down. Grouping reads every statement and call path, so it is done on request only."""
    queries = recording.queries
    by_request = Counter(query.request.number for query in queries if query.request)
    return Measurements(
        queries=len(queries),
        bookkeeping=len(recording.bookkeeping),
        new_connections=len(recording.new_connections),
        closed_connections=len(recording.closed_connections),
        peak_connections=recording.peak_connections,
        leaked_connections=len(recording.leaked_connections),
        checkouts=len(recording.checkouts),
        pool_waits=sum(checkout.waited > 0 for checkout in recording.checkouts),
        pool_wait_ms=_milliseconds(sum(checkout.waited for checkout in recording.checkouts)),
        reuse=recording.reuse,
        hops=dict(sorted(Counter(hop.origin for hop in recording.hops).items())),
        requests=[RequestResult(str(request), by_request[request.number]) for request in recording.requests],
        db_ms=_milliseconds(recording.seconds),
        groups=[
            GroupResult(
                count=group.count,
                distinct=group.distinct,
                fingerprint=group.statement.fingerprint,
                kind=group.statement.kind,
                tables=list(group.statement.tables),
                using=group.using,
                call_path=describe(group.call_path, root),
                request=str(group.request) if group.request else None,
                ms=_milliseconds(group.seconds),
            )
            for group in (groups_of_queries(queries) if with_groups else ())
        ],
    )


def summarise(violation: Violation, root: Path) -> ViolationResult:
    """Keep of a violation what a report needs."""
    return ViolationResult(
        violation.budget,
        violation.measured,
        violation.limit,
        violation.first_line,
        violation.location(root),
    )


def measurements_from(json: Json) -> Measurements:
    """Read measurements back, from what travels with a test report."""
    return Measurements(
        **{
            **json,
            "requests": [RequestResult(**request) for request in json["requests"]],
            "groups": [GroupResult(**group) for group in json["groups"]],
        }
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)

"""What do we keep? The result of a test, the run of all, and their JSON form (schema `dbperf-run/1`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pytest_dbperf.recording.event_lists import reuse

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
    using: str | None
    call_path: Sequence[str]
    request: str | None
    ms: float


@dataclass(frozen=True, slots=True)
class RequestResult:
    """A request, the number of its queries, of its hops by who decided on them, and of those of its view.

    `view` is the route of its view, empty where none was found; `status` and `ms` are None for one that
    had no response before the test was over.
    """

    request: str
    queries: int
    hops: Mapping[str, int] = field(default_factory=dict)
    hops_in_view: int = 0
    view: str = ""
    status: int | None = None
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class AliasResult:
    """What was asked of one database, and how many connections were opened to it."""

    queries: int
    new_connections: int


@dataclass(frozen=True, slots=True)
class HopGroupResult:
    """Hops that are alike: how many, what crossed, whose decision it was, what ran there, where from."""

    count: int
    via: str
    function: str
    origin: str
    part: str | None
    thread_sensitive: bool | None
    queries: int
    waited_ms: float
    ms: float
    call_path: Sequence[str]


@dataclass(frozen=True, slots=True)
class AllowanceResult:
    """Something that a budget allows, where that is written, and whether the test needed it."""

    budget: str
    place: str
    pattern: str
    is_used: bool


@dataclass(frozen=True, slots=True)
class ViolationResult:
    """A broken budget: its first line, and the call site to mend."""

    budget: str
    measured: float
    limit: float
    message: str
    location: str | None


@dataclass(frozen=True, slots=True)
class WarningResult:
    """What a budget had to say although it was kept, and the call site that it is about."""

    budget: str
    message: str
    location: str | None


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """A budget of a test, the number that it is about, and how near to the test it is written."""

    budget: str
    limit: int | None
    measured: int | None
    """What is compared with the limit; None where that is not a number."""
    arguments: str
    """As they are written, without the limit, and without the reason unless it is the function's own."""
    text: str
    nearness: str
    """Seen from the decorators of the function: nearer, one of them, or farther."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """Where a test is written, for whoever has markers to add to it."""

    path: str
    line: int
    """0 where none is known."""
    name: str
    """As it is found in the file, `TestBooks.test_list`; empty if it is not a function."""
    digest: str
    """Of the file when it was imported, to notice a change."""
    obstacle: str
    """Why no marker can be written there."""
    is_async: bool
    has_database: bool


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
    hops_queued_ms: float = 0.0
    blocking_calls: int = 0
    requests: Sequence[RequestResult] = ()
    by_alias: Mapping[str, AliasResult] = field(default_factory=dict)
    """By the alias in DATABASES; what the driver was asked for without one is not here."""
    db_ms: float = 0.0
    groups: Sequence[GroupResult] = ()
    hop_groups: Sequence[HopGroupResult] = ()


@dataclass(frozen=True, slots=True)
class TestResult:
    """What one test did: its call phase, the queries of its other phases, and the budgets it broke."""

    __test__ = False  # for pytest, which collects by name

    id: str
    outcome: str
    call: Measurements = Measurements()
    phases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    violations: Sequence[ViolationResult] = ()
    warnings: Sequence[WarningResult] = ()
    allowances: Sequence[AllowanceResult] = ()
    warm_caches: Sequence[str] = ()
    """The caches that an earlier test had filled by queries, and this one used."""
    source: SourceResult | None = None
    """Where it is written; this and `held` only for suggestions."""
    held: Sequence[BudgetResult] = ()
    ended: float = 0.0
    """When it was over, in seconds since the epoch."""

    def to_json(self) -> Json:
        """Write the measurements of the call phase at the top level."""
        call = asdict(self.call)
        groups, hop_groups = call.pop("groups"), call.pop("hop_groups")
        return {
            "id": self.id,
            "outcome": self.outcome,
            **call,
            "phases": {phase: dict(numbers) for phase, numbers in self.phases.items()},
            "groups": groups,
            "hop_groups": hop_groups,
            "violations": [asdict(violation) for violation in self.violations],
            "warnings": [asdict(warning) for warning in self.warnings],
            "warm_caches": list(self.warm_caches),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """All results of a run. It is not complete when a worker crashed, or when it was stopped early."""

    complete: bool
    exit_code: int
    versions: Mapping[str, str]
    tests: Sequence[TestResult]
    project: str = ""
    """The name of the directory that holds it."""
    started: float = 0.0
    """When its first test began, in seconds since the epoch."""

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
            "blocking_calls": sum(call.blocking_calls for call in calls),
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
    def unused_allowances(self) -> Sequence[AllowanceResult]:
        """What is allowed, and no test needed. Nothing, unless all tests ran and passed."""
        if not self.complete or self.exit_code:
            return []
        is_used: dict[AllowanceResult, bool] = {}
        for allowance in (allowance for test in self.tests for allowance in test.allowances):
            key = replace(allowance, is_used=False)
            is_used[key] = is_used.get(key, False) or allowance.is_used
        return [allowance for allowance, used in is_used.items() if not used]

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
            "unused_allowances": [
                {"budget": unused.budget, "place": unused.place, "pattern": unused.pattern}
                for unused in self.unused_allowances
            ],
            "tests": [test.to_json() for test in self.tests],
        }


def measurements_from(json: Json) -> Measurements:
    """Read measurements back, from what travels with a test report."""
    return Measurements(
        **{
            **json,
            "requests": [RequestResult(**request) for request in json["requests"]],
            "by_alias": {alias: AliasResult(**numbers) for alias, numbers in json["by_alias"].items()},
            "groups": [GroupResult(**group) for group in json["groups"]],
            "hop_groups": [HopGroupResult(**group) for group in json["hop_groups"]],
        }
    )


def digest_of(source: bytes) -> str:
    """Tell a text from others."""
    return hashlib.sha256(source).hexdigest()

"""What do we keep? The result of each test, the run, and their JSON form (schema `dbperf-run/1`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from pytest_dbperf.recording.event_lists import reuse
from pytest_dbperf.recording.requests import route_of
from pytest_dbperf.results.circumstances import Selection, Shard
from pytest_dbperf.results.of_baseline import BaselineResult
from pytest_dbperf.results.of_budgets import (
    AllowanceResult,
    BudgetResult,
    FindingResult,
    NumberResult,
    ViolationResult,
    WarningResult,
)
from pytest_dbperf.results.of_defaults import DefaultResult

SCHEMA = "dbperf-run/1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A group of queries: how many, with how many different parameters, which statement, from which lines."""

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
    """A request with the number of its queries, and of its hops by part of Django or else by origin.

    `hops_in_view` counts the hops of the view alone. `view` is the URL pattern that matched, empty if none
    did. `status` and `ms` are None if the request had no response before the test ended.
    """

    request: str
    queries: int
    hops: Mapping[str, int] = field(default_factory=dict)
    hops_in_view: int = 0
    view: str = ""
    status: int | None = None
    ms: float | None = None

    @property
    def route(self) -> str:
        """The method and the URL pattern, such as `GET books/`; the path if no pattern matched."""
        return route_of(self.request, self.view)


@dataclass(frozen=True, slots=True)
class AliasResult:
    """The queries and the new connections of one database alias."""

    queries: int
    new_connections: int


@dataclass(frozen=True, slots=True)
class HopGroupResult:
    """A group of hops: how many, through which function, their origin, their queries, from which lines."""

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
class SourceResult:
    """Where a test is written, so that markers can be added to it."""

    path: str
    line: int
    """0 if it is unknown."""
    name: str
    """Its name in the file, `TestBooks.test_list`; empty if it is not a function."""
    digest: str
    """The digest of the file at import, which shows whether the file has changed since."""
    obstacle: str
    """Why no marker can be written there; empty if one can."""
    is_async: bool
    has_database: bool


@dataclass(frozen=True, slots=True)
class Measurements:
    """The numbers of a recording."""

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
    """By the alias in DATABASES; raw driver statements without an alias are left out."""
    db_ms: float = 0.0
    groups: Sequence[GroupResult] = ()
    hop_groups: Sequence[HopGroupResult] = ()

    @classmethod
    def from_dict(cls, numbers: Json) -> Self:
        """Read back what `dataclasses.asdict` made of it."""
        return cls(
            **{
                **numbers,
                "requests": [RequestResult(**request) for request in numbers["requests"]],
                "by_alias": {alias: AliasResult(**each) for alias, each in numbers["by_alias"].items()},
                "groups": [GroupResult(**group) for group in numbers["groups"]],
                "hop_groups": [HopGroupResult(**group) for group in numbers["hop_groups"]],
            }
        )


@dataclass(frozen=True, slots=True)
class TestResult:
    """The result of one test: its call phase, the queries of its other phases, and the budgets it broke."""

    __test__ = False  # pytest collects classes by name.

    id: str
    outcome: str
    call: Measurements = Measurements()
    phases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    violations: Sequence[ViolationResult] = ()
    warnings: Sequence[WarningResult] = ()
    allowances: Sequence[AllowanceResult] = ()
    findings: Sequence[FindingResult] = ()
    """What the budgets found, also what the baseline accepts."""
    over: Sequence[NumberResult] = ()
    """The numbers over a limit, also those that the baseline accepts."""
    is_checked: bool = False
    """Whether its body passed, so that all its budgets were checked."""
    warm_caches: Sequence[str] = ()
    """The caches that this test read after an earlier test had filled them by queries."""
    source: SourceResult | None = None
    """Where it is written; this and `budgets` are kept only for suggestions."""
    budgets: Sequence[BudgetResult] = ()
    defaults: Sequence[DefaultResult] = ()
    """What each budget would find; kept only for suggestions."""
    ended: float = 0.0
    """When its last phase ended, in seconds since the epoch."""

    def to_json(self) -> Json:
        """Write the result as JSON, with the numbers of the call phase at the top level."""
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
            "allowances": [asdict(allowance) for allowance in self.allowances],
            "findings": [asdict(finding) for finding in self.findings],
            "over": [asdict(number) for number in self.over],
            "is_checked": self.is_checked,
            "warm_caches": list(self.warm_caches),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """All results of a run. It is incomplete if a worker of xdist crashed or the run was stopped early."""

    complete: bool
    exit_code: int
    versions: Mapping[str, str]
    tests: Sequence[TestResult]
    project: str = ""
    """The name of the root directory."""
    directory: str = ""
    """Where pytest's root directory is in its repository; empty if both are the same, or if there is none."""
    started: float = 0.0
    """When the first test began, in seconds since the epoch."""
    commit: str | None = None
    """The commit that git had checked out; None if git does not know the directory, or was not asked."""
    dirty: bool | None = None
    """Whether files that git knows were changed since that commit."""
    selection: Selection = field(default_factory=Selection)
    shard: Shard | None = None
    """Which part of a suite this is; None for a run of its own, and for shards that were combined."""
    baseline: BaselineResult | None = None
    """The file of accepted debts; None if there is none."""

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
        """The share of checkouts and requests that needed no new connection; None if there were none."""
        served = [test.call for test in self.tests if test.call.reuse is not None]
        return reuse(
            sum(call.new_connections for call in served),
            sum(call.checkouts or len(call.requests) for call in served),
        )

    @property
    def unused_allowances(self) -> Sequence[AllowanceResult]:
        """The allowances that no test needed; empty unless the whole run passed."""
        if not self.complete or self.exit_code:
            return []
        is_used: dict[AllowanceResult, bool] = {}
        for allowance in (allowance for test in self.tests for allowance in test.allowances):
            key = replace(allowance, is_used=False)
            is_used[key] = is_used.get(key, False) or allowance.is_used
        return [allowance for allowance, used in is_used.items() if not used]

    @property
    def over_limit(self) -> Sequence[TestResult]:
        """The tests that broke a budget, apart from those that were expected to fail."""
        return [test for test in self.tests if test.violations and test.outcome != "xfailed"]

    def to_json(self) -> Json:
        """Write the run as the JSON Schema in `docs/` describes it."""
        return {
            "schema": SCHEMA,
            "directory": self.directory,
            "complete": self.complete,
            "versions": dict(self.versions),
            "exit_code": self.exit_code,
            "commit": self.commit,
            "dirty": self.dirty,
            "selection": {**asdict(self.selection), "is_whole": self.selection.is_whole},
            "shard": None if self.shard is None else asdict(self.shard),
            "baseline": None if self.baseline is None else asdict(self.baseline),
            "totals": {**self.totals, "reuse": self.reuse},
            "unused_allowances": [
                {"budget": unused.budget, "place": unused.written_at, "pattern": unused.pattern}
                for unused in self.unused_allowances
            ],
            "tests": [test.to_json() for test in self.tests],
        }


def digest_of(source: bytes) -> str:
    """Return a digest of a file, to notice a change."""
    return hashlib.sha256(source).hexdigest()

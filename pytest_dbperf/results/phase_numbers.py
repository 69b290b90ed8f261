"""What does the report of one phase carry? A value that can be written as a plain dict and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from pytest_dbperf.results.model import Json, Measurements, SourceResult
from pytest_dbperf.results.of_budgets import (
    AllowanceResult,
    BudgetResult,
    FindingResult,
    NumberResult,
    ViolationResult,
    WarningResult,
)
from pytest_dbperf.results.of_defaults import DefaultResult
from pytest_dbperf.violations.plain import plain


@dataclass(frozen=True, slots=True)
class PhaseNumbers:
    """The numbers that one report brings, or several reports of one test together.

    pytest-xdist sends reports from a worker to the controller, which only plain values survive.
    """

    queries: Mapping[str, int] = field(default_factory=dict)
    """Of the setup and the teardown. A unittest's `setUp` and `tearDown` run in the call phase."""
    call: Measurements | None = None
    """None until the body of the test has ended; the fields below are known from then on."""
    violations: Sequence[ViolationResult] = ()
    warnings: Sequence[WarningResult] = ()
    allowances: Sequence[AllowanceResult] = ()
    findings: Sequence[FindingResult] = ()
    over: Sequence[NumberResult] = ()
    is_checked: bool = False
    warm_caches: Sequence[str] = ()
    budgets: Sequence[BudgetResult] = ()
    defaults: Sequence[DefaultResult] = ()
    source: SourceResult | None = None
    """Where the test is written: known from the setup on, if suggestions are wanted."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The versions of databases, from the first test of a process that used them."""

    def with_queries(self, phase: str, count: int) -> Self:
        """Add queries to the setup or the teardown."""
        return replace(self, queries={**self.queries, phase: self.queries.get(phase, 0) + count})

    def followed_by(self, later: PhaseNumbers) -> PhaseNumbers:
        """Add what a later report of the same test brings."""
        phases = {**self.queries, **later.queries}
        return replace(
            self if later.call is None else later,
            queries={phase: self.queries.get(phase, 0) + later.queries.get(phase, 0) for phase in phases},
            source=later.source or self.source,
            versions={**self.versions, **later.versions},
        )

    def to_dict(self) -> Json:
        """Write it as a plain dict."""
        numbers: Json = plain(asdict(self))
        return numbers

    @classmethod
    def from_dict(cls, numbers: Json) -> Self:
        """Read back what `to_dict` wrote."""
        call, source = numbers["call"], numbers["source"]
        return cls(
            queries=numbers["queries"],
            call=None if call is None else Measurements.from_dict(call),
            violations=[ViolationResult(**violation) for violation in numbers["violations"]],
            warnings=[WarningResult(**warning) for warning in numbers["warnings"]],
            allowances=[AllowanceResult(**allowance) for allowance in numbers["allowances"]],
            findings=[FindingResult(**finding) for finding in numbers["findings"]],
            over=[NumberResult(**number) for number in numbers["over"]],
            is_checked=numbers["is_checked"],
            warm_caches=numbers["warm_caches"],
            budgets=[BudgetResult(**budget) for budget in numbers["budgets"]],
            defaults=[DefaultResult.from_dict(default) for default in numbers["defaults"]],
            source=None if source is None else SourceResult(**source),
            versions=numbers["versions"],
        )

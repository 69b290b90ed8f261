"""What is known about the running test? Its recording and budgets, and the numbers for its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_dbperf.budgets.enforcement import BudgetWindow
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.resolution import without_lifted
from pytest_dbperf.caches.functions import CachedFunction
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.measuring import measure, name_of_cache, violation_result_of, warning_result_of
from pytest_dbperf.results.model import Json, SourceResult
from pytest_dbperf.results.of_budgets import AllowanceResult, FindingResult, NumberResult
from pytest_dbperf.results.of_defaults import DefaultResult
from pytest_dbperf.results.phase_numbers import PhaseNumbers
from pytest_dbperf.session.budget_results import budget_result_of
from pytest_dbperf.session.finding_results import each_once
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.violations.violation import Violation, WarningLine


class RunningTest:
    """A test while it runs: its recording, its budgets, and what checking them has found."""

    def __init__(self, recording: LiveRecording) -> None:
        self.id = ""
        self.recording = recording
        self.budgets: Sequence[PlacedBudget] = ()
        self.windows: list[BudgetWindow] = []
        self.violations: list[Violation] = []
        self.warnings: list[tuple[PlacedBudget, WarningLine]] = []
        self.allowances: list[AllowanceResult] = []
        # What the budgets that it does not have would find, if that is asked for.
        self.wants_defaults = False
        self.defaults: Sequence[DefaultResult] = ()
        self.findings: list[FindingResult] = []
        self.over: list[NumberResult] = []
        # Whether its body passed, so that all its budgets were checked.
        self.is_checked = False
        # How many examples of it Hypothesis has run: each is checked by itself.
        self.examples = 0
        self.warm_caches: Sequence[CachedFunction] = ()
        self.opened_for_it: list[str] = []
        self._numbers = PhaseNumbers()

    @property
    def limits(self) -> Sequence[PlacedBudget]:
        """Its budgets without those that only lift another one."""
        return without_lifted(self.budgets)

    @property
    def has_ended(self) -> bool:
        """Whether its body has ended; the report of a subtest comes earlier."""
        return self._numbers.call is not None

    def take_numbers(self) -> Json:
        """Return the numbers of the phase that has ended, and begin those of the next."""
        numbers, self._numbers = self._numbers, PhaseNumbers()
        return numbers.to_dict()

    def add_call(self, root: Path, *, with_groups: bool, with_budgets: bool) -> None:
        """Add what its body did, and what the checks of its budgets found."""
        self._numbers = replace(
            self._numbers,
            call=measure(self.recording, root, with_groups=with_groups),
            violations=[violation_result_of(violation, root) for violation in self.violations],
            warnings=[warning_result_of(placed.budget.name, line, root) for placed, line in self.warnings],
            allowances=self.allowances,
            defaults=self.defaults,
            findings=each_once(self.findings),
            over=self.over,
            is_checked=self.is_checked,
            warm_caches=[name_of_cache(cached, root) for cached in self.warm_caches],
            budgets=[budget_result_of(placed, self.recording) for placed in self.budgets if with_budgets],
        )

    def add_source(self, source: SourceResult) -> None:
        """Add where it is written, which is known before it runs."""
        self._numbers = replace(self._numbers, source=source)

    def add_versions(self, versions: Mapping[str, str]) -> None:
        """Add the versions of databases that no earlier test has told."""
        self._numbers = replace(self._numbers, versions=versions)

    def add_queries(self, phase: str, recording: Recording) -> None:
        """Add the queries of a recording to the setup or the teardown."""
        self._numbers = self._numbers.with_queries(phase, len(recording.queries))

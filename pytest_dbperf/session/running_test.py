"""What is known of the test that runs? Its recording and budgets, and the numbers that its reports take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pytest_dbperf.budgets.enforcement import Allowance, BudgetWindow, PlacedBudget
from pytest_dbperf.budgets.resolution import Near
from pytest_dbperf.caches.functions import CachedFunction
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.measuring import measure, named, noted, summarise
from pytest_dbperf.results.model import Json, SourceResult
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.sources import held_by
from pytest_dbperf.violations.violation import Violation, WarningLine


class RunningTest:
    """A test while it runs: its recording, its budgets, and which of them it broke."""

    def __init__(self, recording: LiveRecording) -> None:
        self.recording = recording
        self.budgets: Sequence[PlacedBudget] = ()
        self.windows: list[BudgetWindow] = []
        self.violations: list[Violation] = []
        self.remarks: list[tuple[PlacedBudget, WarningLine]] = []
        self.allowances: list[Allowance] = []
        self.warm_caches: Sequence[CachedFunction] = ()
        self.opened_for_it: Sequence[str] = ()
        self.nearest: Sequence[Near] = ()
        self.numbers: Json = {}

    @property
    def is_measured(self) -> bool:
        """Whether its body has ended; a subtest is reported before that."""
        return "call" in self.numbers

    def take_numbers(self) -> Json:
        """Hand over the numbers of the phase that has ended."""
        numbers, self.numbers = self.numbers, {}
        return numbers

    def add_call(self, root: Path, *, with_groups: bool) -> None:
        """Keep what its body did, and which budgets it broke, needed or was warned by, and what it found."""
        self.numbers["call"] = asdict(measure(self.recording, root, with_groups=with_groups))
        self.numbers["violations"] = [asdict(summarise(violation, root)) for violation in self.violations]
        self.numbers["warnings"] = [
            asdict(noted(given.budget.name, remark, root)) for given, remark in self.remarks
        ]
        self.numbers["allowances"] = [asdict(allowance) for allowance in self.allowances]
        self.numbers["warm_caches"] = [named(memo, root) for memo in self.warm_caches]

    def add_source(self, source: SourceResult) -> None:
        """Keep where it is written; that is known before anything of it has run."""
        self.numbers["source"] = asdict(source)

    def add_held(self) -> None:
        """Keep its budgets, also those that only lift others, with the numbers that they are about."""
        self.numbers["held"] = [asdict(held_by(near, self.recording)) for near in self.nearest]

    def add_queries(self, phase: str, recording: Recording) -> None:
        """Count the queries of a recording for the setup or the teardown."""
        numbers = self.numbers.setdefault(phase, {"queries": 0})
        numbers["queries"] += len(recording.queries)

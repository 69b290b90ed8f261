"""How does a baseline fit a run? What the run needed and the file lacks, and what it did not need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.owing import debts_needed
from pytest_dbperf.baseline.tightening import Slack, slack_of, tightened
from pytest_dbperf.baseline.updating import Update, updated
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.of_baseline import BaselineResult, ChangedNumber, DebtResult, RenameResult


@dataclass(frozen=True, slots=True)
class Gate:
    """A baseline, what an update would add to it, and what tightening would take back."""

    baseline: Baseline
    update: Update
    slack: Slack
    used: int

    def changed(self, *, updates: bool, tightens: bool) -> Baseline:
        """Return the baseline with the changes that were asked for."""
        baseline = self.update.baseline if updates else self.baseline
        # An update has accepted the new names, with the comments of the old ones.
        slack = replace(self.slack, renames=()) if updates else self.slack
        return tightened(baseline, slack) if tightens else baseline

    def result(self, path: str) -> BaselineResult:
        """Return what is kept of it."""
        return BaselineResult(
            path=path,
            debts=len(self.baseline.debts),
            used=self.used,
            new=[_result_of(debt) for debt in self.update.new],
            higher=[
                ChangedNumber(one.key.debt_type, one.key.names, one.name, one.before, one.after)
                for one in self.update.raises
            ],
            stale=[_result_of(debt) for debt in self.slack.stale],
            too_high=[
                ChangedNumber(one.key.debt_type, one.key.names, one.name, one.accepted, one.needed)
                for one in self.slack.too_high
            ],
            renamed=[
                RenameResult(one.before.debt_type, one.before.names, one.after.names)
                for one in self.slack.renames
            ],
            unknown_because=self.slack.unknown_because,
        )


def gate_of(baseline: Baseline, run: Run, is_known: Callable[[Key], bool]) -> Gate:
    """Compare a baseline with a run. `is_known` leaves out debts that tests of other suites may need."""
    slack = slack_of(baseline, run, is_known)
    used = sum(key in baseline.debts for key in debts_needed(run))
    return Gate(baseline, updated(baseline, run, slack.renames), slack, used)


def _result_of(debt: Debt) -> DebtResult:
    return DebtResult(debt.key.debt_type, debt.key.names, dict(debt.numbers))

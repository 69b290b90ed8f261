"""Does a limit hold, apart from what the baseline accepts? A marker of the test itself accepts nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pytest_dbperf.baseline.debts import Baseline, Key, without_parameters
from pytest_dbperf.baseline.places import BaselineFile
from pytest_dbperf.budgets.accepted_numbers import AcceptedNumbers, check_with_accepted
from pytest_dbperf.budgets.findings import Found, HasFindings
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.of_budgets import NumberResult
from pytest_dbperf.violations.violation import Hint, Violation


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a run accepts: the debts of a baseline, or all that a debt can lift, while it is updated."""

    file: BaselineFile | None = None
    baseline: Baseline = field(default_factory=Baseline)
    directory: Path = Path()
    """Where pytest was started."""
    accepts_all: bool = False

    def accepts(self, placed: PlacedBudget, found: Found) -> bool:
        """Tell whether a finding is accepted."""
        return not placed.is_hard and (
            self.accepts_all or self.baseline.accepts(placed.budget.name, *found.key)
        )

    def numbers_of(self, test_id: str) -> AcceptedNumbers:
        """Return the numbers that the baseline accepts for a test and for routes."""
        return AcceptedNumbers(partial(self.baseline.number_of_test, test_id), self.baseline.number_of_route)

    def with_update(self, over: NumberResult) -> NumberResult:
        """Accept a number over a limit if the run accepts all."""
        return replace(over, accepted=max(over.measured, over.accepted or 0)) if self.accepts_all else over

    def left_of(
        self,
        violation: Violation,
        placed: PlacedBudget,
        recording: Recording,
        test_id: str,
        over: Sequence[NumberResult],
    ) -> Violation | None:
        """Return what is left of a violation without the accepted numbers, of which `over` has the results.

        Findings that are accepted are no part of it. What is left gets the debt and the command that accepts
        more, if there is a baseline.
        """
        if placed.is_hard or self.file is None:
            return violation
        if isinstance(placed.budget, HasFindings):
            return self._with_command(violation, self.file, test_id, ())
        if not over:
            return violation  # No debt lifts it: it is a time, or the limit of a table.
        accepted = {(one.key, one.name): one.accepted for one in over}
        left = check_with_accepted(
            placed,
            recording,
            AcceptedNumbers(
                of_test=lambda name: accepted.get((without_parameters(test_id), name)),
                of_route=lambda route, name: accepted.get((route, name)),
            ),
        )
        too_high = [one for one in over if not one.is_accepted]
        return self._with_command(left, self.file, test_id, too_high) if left and too_high else left

    def _with_command(
        self, violation: Violation, file: BaselineFile, test_id: str, too_high: Sequence[NumberResult]
    ) -> Violation:
        debt = f"not in {file.name}"
        for one in too_high:
            if one.accepted is not None and one.key == (violation.route or one.key):
                line = file.line_of(Key("route" if violation.route else "test", (one.key,)))
                debt = f"{file.name}{f':{line}' if line else ''} accepts {one.accepted}"
        path, colons, name = without_parameters(test_id).partition("::")
        test = f"{Path(os.path.relpath(file.root / path, self.directory)).as_posix()}{colons}{name}"
        hint = Hint("debt", f"{debt}. To accept it: pytest --dbperf-update {shlex.quote(test)}")
        return replace(violation, advice=(*violation.advice, hint))

"""What would each budget measure or find in a test if it were a default of the suite?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pytest_dbperf.budgets.budget import Budget, HasNumber, WrongArguments, make, takes_a_limit, wants_plans
from pytest_dbperf.budgets.enforcement import NothingCounts, checking
from pytest_dbperf.budgets.findings import HasFindings
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.callsites.of_tests import is_of_tests
from pytest_dbperf.plans import explain
from pytest_dbperf.plans.explain_session import CannotExplain
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.results.of_defaults import Cause, DefaultResult
from pytest_dbperf.session.countable import require_checkable


class Defaults:
    """The budgets that the ini file could set, each with its usual arguments. They fail no test."""

    def __init__(self, recorder: Recorder, budget_classes: Iterable[type[Budget]], root: Path) -> None:
        self._recorder = recorder
        self._root = root
        self._budgets = list(_budgets_of(budget_classes))

    def results_of(self, recording: Recording) -> list[DefaultResult]:
        """Check each budget that can be checked here on the recording of a test that has passed."""
        checkable = [placed for placed in self._budgets if _is_checkable(placed)]
        if any(wants_plans(placed.budget) for placed in checkable) and not self._has_plans(recording):
            # "No findings" would be a guess.
            checkable = [placed for placed in checkable if not wants_plans(placed.budget)]
        results = []
        for placed in checkable:
            with checking(placed):
                results.append(_result_of(placed.budget, recording))
        return results

    def _has_plans(self, recording: Recording) -> bool:
        """Ask PostgreSQL for plans, unless a marker of the test has needed them already."""
        try:
            if not recording.plans:
                with self._recorder.pause():
                    recording.keep_plans(explain.plans_of(recording, self._root))
        except CannotExplain:
            return False
        return True


def _budgets_of(budget_classes: Iterable[type[Budget]]) -> Iterator[PlacedBudget]:
    for budget_class in budget_classes:
        # A budget of another plugin may refuse a limit of 0.
        with suppress(WrongArguments):
            budget = make(budget_class, (0,) if takes_a_limit(budget_class) else (), {})
            # A limit of something that cannot be read, such as a time, has no number to suggest.
            if isinstance(budget, HasNumber) or not takes_a_limit(budget_class):
                yield PlacedBudget(budget, "")


def _is_checkable(placed: PlacedBudget) -> bool:
    try:
        require_checkable(placed)
    except NothingCounts:
        return False
    return True


def _result_of(budget: Budget, recording: Recording) -> DefaultResult:
    if isinstance(budget, HasNumber):
        return DefaultResult(budget.name, measured=budget.measured(recording))
    if isinstance(budget, HasFindings):
        causes = [
            Cause(*found.key, in_tests=is_of_tests(found.call_path)) for found in budget.findings(recording)
        ]
        return DefaultResult(budget.name, causes=causes)
    return DefaultResult(budget.name, is_broken=budget.check(recording) is not None)

"""Did a test break a budget? They are checked when its body ends, and when the window of a fixture closes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pytest_dbperf.budgets.budget import Budget, make, wants_plans
from pytest_dbperf.budgets.enforcement import (
    BudgetWindow,
    IsAccepted,
    NothingCounts,
    check_all,
    want_plans,
    warn,
    warnings_of,
)
from pytest_dbperf.budgets.placed import NEARER, PlacedBudget
from pytest_dbperf.caches.watch import CacheWatch
from pytest_dbperf.callsites.callsite import project_frames
from pytest_dbperf.callsites.shown import location_of
from pytest_dbperf.options.chosen import Options
from pytest_dbperf.plans import explain
from pytest_dbperf.plans.explain_session import CannotExplain
from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.session.budget_results import allowance_results_of
from pytest_dbperf.session.countable import require_checkable, require_tables
from pytest_dbperf.session.examples import keeping_each_finding_once
from pytest_dbperf.session.finding_results import finding_results_of
from pytest_dbperf.session.guarding import guard
from pytest_dbperf.session.running_test import RunningTest
from pytest_dbperf.violations.text import BudgetExceeded
from pytest_dbperf.violations.violation import Violation, WarningLine


class Checking:
    """Checks budgets, keeps what it finds with the test, and fails the test where budgets are enforced."""

    def __init__(
        self, recorder: Recorder, options: Options, caches: CacheWatch, root: Path, *, verbose: bool
    ) -> None:
        self._recorder = recorder
        self._options = options
        self._caches = caches
        self._root = root
        self._verbose = verbose
        self.is_accepted: IsAccepted | None = None
        """Tells whether a baseline accepts a finding; None without a baseline."""

    def check_test(self, test: RunningTest) -> None:
        """Check the budgets of a test whose body has passed; those of examples have been checked already."""
        __tracebackhide__ = True
        for placed in test.limits:
            if placed.is_default:
                require_checkable(placed, test.recording)
        if not test.examples:
            self.check(test, test.limits, test.recording)
        for window in test.windows:
            window.require_use()

    @contextmanager
    def example_of(self, test: RunningTest) -> Iterator[None]:
        """Record one example of a test, and check the budgets on it."""
        __tracebackhide__ = True
        recording = self._recorder.record(
            driver_queries=self._options.counts_driver_queries, samples=want_plans(test.limits)
        )
        with (
            keeping_each_finding_once(test, fails=self._options.enforces),
            self._caches.leaving_as_found(),
        ):
            with recording:
                yield
            self.check(test, test.limits, recording)

    def check(self, test: RunningTest, budgets: Sequence[PlacedBudget], recording: Recording) -> None:
        """Check budgets on a recording of a test or of a part of it, and tell all violations in one error."""
        __tracebackhide__ = True
        if BUGS:
            return  # Something broke while this was recorded: a limit could seem to hold, or to be broken.
        no_plans = None
        with guard("asking PostgreSQL for plans"):
            no_plans = self._add_plans(test, budgets, recording)
        with guard("noting which allowances were needed"):
            test.allowances += allowance_results_of(budgets, recording)
        checked = check_all(budgets, recording, self.is_accepted)
        with guard("keeping what budgets have found"):
            for one in checked:
                test.findings += finding_results_of(one, recording, self._root, self.is_accepted)
        violations = [one.violation for one in checked if one.violation is not None]
        with guard("looking for filled caches"):
            violations = self._caches.explained(violations, recording, test.recording)
        test.violations += violations
        found = warnings_of(budgets, recording)
        test.warnings += found
        if not self._options.enforces:
            return
        error = self._error_of(violations) if violations else no_plans
        if error is None:
            for placed in budgets:
                require_tables(placed, recording)
        for placed, line in found:
            warn(f"{line.text}   {placed}", line, may_fail=error is None)
        if error is not None:
            raise error

    def fail(self, test: RunningTest, violation: Violation) -> None:
        """Keep a violation that an assertion of the test has found, and raise it."""
        __tracebackhide__ = True
        test.violations.append(violation)
        if self._options.enforces and not BUGS:
            raise self._error_of([violation])

    def window(
        self,
        test: RunningTest,
        budget_class: type[Budget],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> BudgetWindow:
        """Make a budget for a part of a test."""
        site, written_at = None, ""
        with guard("finding the line of a budget"):
            site = next(iter(project_frames(2)), None)
            written_at = f"at {location_of(site, self._root)}" if site else ""
        placed = PlacedBudget(make(budget_class, args, kwargs), written_at, NEARER)
        require_checkable(placed)
        record = partial(
            self._recorder.record,
            driver_queries=self._options.counts_driver_queries,
            samples=want_plans([placed]),
        )
        window = BudgetWindow(placed, record, partial(self.check, test), site)
        # A fixture may make a window during the setup, for tests that need not enter it.
        if test.recording in self._recorder.open_recordings:
            test.windows.append(window)
        return window

    def _add_plans(
        self, test: RunningTest, budgets: Sequence[PlacedBudget], recording: Recording
    ) -> NothingCounts | None:
        """Add PostgreSQL's plans if a budget needs them, or return the error that says why there are none."""
        needing = [placed for placed in budgets if wants_plans(placed.budget)]
        try:
            with self._recorder.pause():
                recording.keep_plans(explain.plans_of(recording, self._root) if needing else ())
        except CannotExplain as error:
            obstacle = f"{needing[0]} cannot be checked: {error}."
            test.warnings.append((needing[0], WarningLine(obstacle)))
            return NothingCounts(obstacle)
        return None

    def _error_of(self, violations: Sequence[Violation]) -> BudgetExceeded:
        return BudgetExceeded(violations, self._root, verbose=self._verbose)

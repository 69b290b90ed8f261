"""When is a budget checked? When its window closes, unless the code inside has failed anyway."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from pytest_dbperf.budgets.budget import HasWarnings, wants_plans, written
from pytest_dbperf.budgets.findings import Found, HasFindings, nothing_is_accepted
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.callsites.callsite import CallSite, line_of
from pytest_dbperf.recording.bugs import OURS, Guard, is_ours, name_of
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.plain import plain_text
from pytest_dbperf.violations.text import BudgetExceeded, explain
from pytest_dbperf.violations.violation import BudgetWarning, Violation, WarningLine


class NothingCounts(RuntimeError):
    """A budget was set where it cannot be checked: an error, never a pass. `mark` is its marker, if any."""

    def __init__(self, text: str, mark: Any = None) -> None:
        super().__init__(text)
        self.mark = mark


IsAccepted = Callable[[PlacedBudget, Found], bool]
LeftOf = Callable[[PlacedBudget, Violation], Violation | None]
"""Returns what is left of a violation without the numbers that are accepted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A budget that was checked: what it found, also what is accepted, and whether that breaks it."""

    placed: PlacedBudget
    findings: Sequence[Found] = ()
    violation: Violation | None = None


def check_all(
    budgets: Iterable[PlacedBudget],
    recording: Recording,
    is_accepted: IsAccepted | None = None,
    left_of: LeftOf = lambda _, violation: violation,
) -> list[Checked]:
    """Check a recording against all budgets, and return those that are broken or that found something."""
    checked: list[Checked] = []
    for placed in budgets:
        with checking(placed):
            budget = placed.budget
            if isinstance(budget, HasFindings):
                found = budget.findings(recording)
                accepted = nothing_is_accepted if is_accepted is None else partial(is_accepted, placed)
                violation = budget.check_without(recording, accepted) if found else None
            else:
                found, violation = (), budget.check(recording)
            if violation is not None and (violation := left_of(placed, violation)) is not None:
                violation = violation if violation.placed else violation.placed_as(str(placed))
                if not is_ours(type(budget)):
                    explain([violation], Path())  # An error while it is shown is theirs, too.
            if found or violation is not None:
                checked.append(Checked(placed, found, violation))
    return checked


def warnings_of(
    budgets: Sequence[PlacedBudget], recording: Recording
) -> list[tuple[PlacedBudget, WarningLine]]:
    """Return what breaks no budget but is worth a warning, each with the budget that found it.

    A budget does not warn of what another one judges, which then fails the test, allows it or accepts it.
    """
    found: list[tuple[PlacedBudget, WarningLine]] = []
    in_force = {placed.budget.name for placed in budgets}
    for placed in budgets:
        judged_by_another = getattr(placed.budget, "warns_instead_of", None) in in_force
        if isinstance(placed.budget, HasWarnings) and not judged_by_another:
            with checking(placed):
                found += [(placed, line) for line in placed.budget.warnings(recording)]
    return found


def checking(placed: PlacedBudget) -> Guard:
    """Note an error in the check of a budget, as a bug of the plugin that the budget comes from."""
    budget_class = type(placed.budget)
    owner = OURS if is_ours(budget_class) else f"the budget {placed.budget.name} ({name_of(budget_class)})"
    return Guard(f"checking {placed.budget.name}", owner=owner, meant=lambda: (NothingCounts,))


def warn(text: str, warning_line: WarningLine, *, may_fail: bool = True) -> None:
    """Warn at the line of your code that caused it; where warnings are errors, pytest fails the test.

    With `may_fail=False` the warning stays a warning even there: a worse failure is about to be raised.
    """
    try:
        _warn(plain_text(text), warning_line)
    except BudgetWarning:
        if may_fail:
            raise
        with warnings.catch_warnings():
            warnings.simplefilter("always", BudgetWarning)
            _warn(plain_text(text), warning_line)


def _warn(text: str, warning_line: WarningLine) -> None:
    if warning_line.call_path:
        site = warning_line.call_path[0]
        warnings.warn_explicit(BudgetWarning(text), None, site[0].co_filename, line_of(site))
    else:
        warnings.warn(BudgetWarning(text), stacklevel=3)


def want_plans(budgets: Iterable[PlacedBudget]) -> bool:
    """Tell whether one of these budgets needs the plans of PostgreSQL."""
    return any(wants_plans(placed.budget) for placed in budgets)


class WrongWindow(RuntimeError):
    """A budget for a part of a test was never entered, or entered twice at once: an error, never a pass."""

    def __init__(self, text: str, site: CallSite | None = None) -> None:
        super().__init__(text)
        self.site = site


_MEANT = (BudgetExceeded, BudgetWarning, NothingCounts)


class BudgetWindow:
    """A budget for a part of a test: `with query_budget(3) as recording:`, or `async with`.

    `check` is called when the block ends, unless the block raised an error. A window can be entered again,
    and then counts from zero.
    """

    def __init__(
        self,
        placed: PlacedBudget,
        record: Callable[[], Recording],
        check: Callable[[Sequence[PlacedBudget], Recording], None],
        site: CallSite | None = None,
    ) -> None:
        self._placed = placed
        self._record = record
        self._check = check
        self._site = site
        self._recording: Recording | None = None
        self._was_entered = False

    def require_use(self) -> None:
        """Raise WrongWindow if it was never entered."""
        __tracebackhide__ = True
        if not self._was_entered:
            raise WrongWindow(
                f"{self._placed} was never entered, so it checked nothing. Write "
                f"`with {written(self._placed.budget)}:`, or `async with`, around the code that it limits",
                self._site,
            )

    def __enter__(self) -> Recording:
        __tracebackhide__ = True
        if self._recording is not None:
            raise WrongWindow(
                f"{self._placed} is already open. Make a second budget for code that runs inside it or at "
                "the same time"
            )
        self._was_entered = True
        self._recording = recording = self._record()
        with Guard("recording a part of a test"):
            recording.__enter__()
        return recording

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        recording, self._recording = cast(Recording, self._recording), None
        with Guard("recording a part of a test"):
            recording.__exit__(exc_type, error, traceback)
        if exc_type is None:
            with Guard("checking a part of a test", meant=lambda: _MEANT):
                self._check([self._placed], recording)

    async def __aenter__(self) -> Recording:
        __tracebackhide__ = True
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        self.__exit__(exc_type, error, traceback)


# The type of the budget fixtures: `with query_budget(3): ...` where `query_budget: BudgetFixture`.
BudgetFixture = Callable[..., BudgetWindow]

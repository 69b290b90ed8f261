"""When is a budget checked? When its window closes, and nothing worse happened inside."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import cast

from pytest_dbperf.budgets.budget import Budget, HasAllowances, HasWarnings, wants_plans, written
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import BudgetWarning, Violation, WarningLine


@dataclass(frozen=True, slots=True)
class PlacedBudget:
    """A budget and where it is written."""

    budget: Budget
    place: str

    def __str__(self) -> str:
        return f"{written(self.budget)} {self.place}"


class NothingCounts(RuntimeError):
    """A budget was set where nothing could have been counted: an error, and never a pass."""


def violations_of(budgets: Iterable[PlacedBudget], recording: Recording) -> list[Violation]:
    """Check a recording against all budgets, and tell all that are broken."""
    checked = ((given, given.budget.check(recording)) for given in budgets)
    return [violation.given_as(str(given)) for given, violation in checked if violation is not None]


def warnings_of(
    budgets: Iterable[PlacedBudget], recording: Recording
) -> list[tuple[PlacedBudget, WarningLine]]:
    """Tell what is worth a warning, although it breaks no budget."""
    return [
        (given, remark)
        for given in budgets
        if isinstance(given.budget, HasWarnings)
        for remark in given.budget.warnings(recording)
    ]


def warn(text: str, remark: WarningLine, *, may_fail: bool = True) -> None:
    """Warn of the line of your code that it is about; pytest shows it, or fails where warnings are errors.

    If it may not fail, because something worse is to be told, it is a warning there, too.
    """
    try:
        _warn(text, remark)
    except BudgetWarning:
        if may_fail:
            raise
        with warnings.catch_warnings():
            warnings.simplefilter("always", BudgetWarning)
            _warn(text, remark)


def _warn(text: str, remark: WarningLine) -> None:
    if remark.call_path:
        site = remark.call_path[0]
        warnings.warn_explicit(BudgetWarning(text), None, site[0].co_filename, line_of(site))
    else:
        warnings.warn(BudgetWarning(text), stacklevel=3)


def want_plans(budgets: Iterable[PlacedBudget]) -> bool:
    """Tell whether one of them is judged by what the server plans."""
    return any(wants_plans(given.budget) for given in budgets)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A pattern that a budget allows, where that is written, and whether anything needed it."""

    budget: str
    place: str
    pattern: str
    is_used: bool


def allowances_of(budgets: Iterable[PlacedBudget], recording: Recording) -> Iterator[Allowance]:
    """Tell which allowances were needed."""
    for given in budgets:
        budget = given.budget
        if isinstance(budget, HasAllowances) and budget.allow:
            used = budget.allowances_used(recording)
            for pattern in budget.allow:
                yield Allowance(budget.name, given.place, pattern, pattern in used)


class WrongWindow(RuntimeError):
    """A budget over a part of a test was never entered, or twice at once: an error, and never a pass."""


class BudgetWindow:
    """A budget over a part of a test: `with query_budget(3) as recording:`, or `async with`.

    `check` is called when it closes, unless the part has failed anyway. Each time it is entered, it counts
    anew.
    """

    def __init__(
        self,
        given: PlacedBudget,
        record: Callable[[], Recording],
        check: Callable[[Sequence[PlacedBudget], Recording], None],
    ) -> None:
        self._given = given
        self._record = record
        self._check = check
        self._recording: Recording | None = None
        self._was_entered = False

    def require_use(self) -> None:
        """Raise WrongWindow if it was never entered."""
        __tracebackhide__ = True
        if not self._was_entered:
            raise WrongWindow(
                f"{self._given} was never entered, so it has limited nothing: write "
                f"`with {written(self._given.budget)}:`, or `async with`, around what it is to limit"
            )

    def __enter__(self) -> Recording:
        __tracebackhide__ = True
        if self._recording is not None:
            raise WrongWindow(
                f"{self._given} is open already: make another one for what runs inside or at the same time"
            )
        self._was_entered = True
        self._recording = self._record()
        return self._recording.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        recording, self._recording = cast(Recording, self._recording), None
        recording.__exit__(kind, error, traceback)
        if kind is None:
            self._check([self._given], recording)

    async def __aenter__(self) -> Recording:
        __tracebackhide__ = True
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self.__exit__(kind, error, traceback)


# What the fixtures of budgets are: `with query_budget(3): ...` where `query_budget: BudgetFixture`.
BudgetFixture = Callable[..., BudgetWindow]

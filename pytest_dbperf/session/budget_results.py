"""What is kept of a test's budgets? Their numbers, and which of their allowances were needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_dbperf.budgets.budget import HasAllowances, HasNumber, arguments_of, is_per_request
from pytest_dbperf.budgets.placed import ON_FUNCTION, PlacedBudget
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.of_budgets import AllowanceResult, BudgetResult


def budget_result_of(placed: PlacedBudget, recording: Recording) -> BudgetResult:
    """Return what is needed to suggest a tighter budget."""
    budget = placed.budget
    limit, measured = (
        (budget.limit, budget.measured(recording)) if isinstance(budget, HasNumber) else (None, None)
    )
    left_out = ("limit",) if placed.nearness == ON_FUNCTION else ("limit", "reason")
    return BudgetResult(
        budget=budget.name,
        limit=limit,
        measured=measured,
        arguments=", ".join(arguments_of(budget, without=left_out)),
        text=str(placed).rstrip(),
        nearness=placed.nearness,
        is_per_request=is_per_request(budget),
    )


def allowance_results_of(budgets: Iterable[PlacedBudget], recording: Recording) -> Iterator[AllowanceResult]:
    """Tell for each pattern of `allow` whether something in the recording needed it."""
    for placed in budgets:
        budget = placed.budget
        if isinstance(budget, HasAllowances) and budget.allow:
            used = budget.allowances_used(recording)
            for pattern in budget.allow:
                yield AllowanceResult(budget.name, placed.written_at, pattern, pattern in used)

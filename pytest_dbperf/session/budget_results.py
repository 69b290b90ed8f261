"""What is kept of a test's budgets? Numbers, also those over a limit, and the allowances that were needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_dbperf.baseline.debts import without_parameters
from pytest_dbperf.budgets.accepted_numbers import AcceptedNumbers, numbers_over
from pytest_dbperf.budgets.budget import HasAllowances, HasNumber, arguments_of, is_per_request
from pytest_dbperf.budgets.placed import ON_FUNCTION, PlacedBudget
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.of_budgets import AllowanceResult, BudgetResult, NumberResult


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


def number_results_of(
    test_id: str, budgets: Iterable[PlacedBudget], recording: Recording, accepted: AcceptedNumbers
) -> Iterator[NumberResult]:
    """Return the numbers over a limit that a baseline can accept: of the test, and of its routes."""
    for placed in budgets:
        for over in numbers_over(placed, recording, accepted):
            yield NumberResult(
                debt_type="route" if over.route else "test",
                key=over.route or without_parameters(test_id),
                name=over.name,
                measured=over.measured,
                limit=over.limit,
                accepted=over.accepted,
            )


def highest_of_each(numbers: Iterable[NumberResult]) -> list[NumberResult]:
    """Keep the highest of each number that several budgets, or several examples, have measured."""
    highest: dict[tuple[str, str, str], NumberResult] = {}
    for number in numbers:
        key = number.debt_type, number.key, number.name
        if key not in highest or number.measured > highest[key].measured:
            highest[key] = number
    return [*highest.values()]

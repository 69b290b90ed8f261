"""Where is a budget written, and how near to the test is that?"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_dbperf.budgets.budget import Budget, written

# Where a marker stands, compared with the decorators of the test's function.
NEARER = "nearer"
ON_FUNCTION = "on the function"
FARTHER = "farther"


@dataclass(frozen=True, slots=True)
class PlacedBudget:
    """A budget, where it is written (`at tests/test_api.py:18`), and how near to the test that is."""

    budget: Budget
    written_at: str
    nearness: str = FARTHER

    def __str__(self) -> str:
        return f"{written(self.budget)} {self.written_at}"

"""Where is a budget written, and how near to the test is that?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_dbperf.budgets.budget import Budget, written

# Where a marker stands, compared with the decorators of the test's function.
NEARER = "nearer"
ON_FUNCTION = "on the function"
FARTHER = "farther"


@dataclass(frozen=True, slots=True)
class PlacedBudget:
    """A budget, where it is written (`at tests/test_api.py:18`), and how near to the test that is.

    `is_default` is true if the ini file sets it for all tests. `mark` is its marker, if it has one.
    """

    budget: Budget
    written_at: str
    nearness: str = FARTHER
    is_default: bool = False
    mark: Any = field(default=None, compare=False)

    @property
    def is_hard(self) -> bool:
        """Whether it is a marker of the function or of a parameter, or a fixture: no debt lifts it."""
        return self.nearness != FARTHER

    def __str__(self) -> str:
        return f"{written(self.budget)} {self.written_at}"

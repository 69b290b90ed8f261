"""What does a failed test show instead of a traceback?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.budgets.enforcement import NothingCounts, WrongWindow
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.growth.database import GrowthUnknown
from pytest_dbperf.session.standing_connections import NotLikeProduction, ThreadIsStuck
from pytest_dbperf.session.verification import ServerDisagrees
from pytest_dbperf.violations.plain import plain_text
from pytest_dbperf.violations.text import BudgetExceeded
from pytest_dbperf.violations.violation import BudgetWarning

if TYPE_CHECKING:
    import pytest

# The text of these errors is complete: a traceback through the plugin would only hide it.
OWN_ERRORS = (
    BudgetExceeded,
    BudgetWarning,
    GrowthUnknown,
    NothingCounts,
    NotLikeProduction,
    ServerDisagrees,
    ThreadIsStuck,
    WrongArguments,
    WrongWindow,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The text of a failed test, and the line of code that it points to."""

    lines: Sequence[str]
    path: Path
    line: int
    error: str


def explanation_of(error: BaseException, item: pytest.Item) -> Explanation | None:
    """Explain an error of the plugin by its text and the line to change; return None for other errors."""
    if not isinstance(error, OWN_ERRORS):
        return None
    site = error.call_path[0] if isinstance(error, BudgetExceeded) and error.call_path else None
    if site is not None:
        path, line = Path(site[0].co_filename), line_of(site)
    else:
        path, line = item.config.rootpath / item.location[0], (item.location[1] or 0) + 1
    return Explanation(plain_text(str(error)).splitlines(), path, line, type(error).__name__)

"""What does a failed test show instead of a traceback?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.budgets.enforcement import NothingCounts, WrongWindow
from pytest_dbperf.callsites.callsite import CallSite, line_of, role_of
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.growth.database import GrowthUnknown
from pytest_dbperf.session.standing_connections import NotLikeProduction, ThreadIsStuck
from pytest_dbperf.session.verification import ServerDisagrees
from pytest_dbperf.session.wrong_markers import location_of_marker
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
    path, line = _location_of(error, item)
    # Hypothesis names the example in a note.
    notes: list[str] = getattr(error, "__notes__", [])
    text = "\n".join((str(error), *([""] if notes else []), *notes))
    return Explanation(plain_text(text).splitlines(), path, line, type(error).__name__)


def _location_of(error: BaseException, item: pytest.Item) -> tuple[Path, int]:
    """Find the line to change: of the code under test, of a wrong call or marker, or else of the test."""
    if isinstance(error, BudgetExceeded):
        site = error.call_path[0] if error.call_path else None
    else:
        site = error.site if isinstance(error, WrongWindow) else None
        site = site or _innermost_project_site(error)
    if site is not None:
        return Path(site[0].co_filename), line_of(site)
    mark = error.mark if isinstance(error, WrongArguments | NothingCounts) else None
    argument = error.argument if isinstance(error, WrongArguments) else ""
    of_marker = None if mark is None else location_of_marker(item, mark, argument)
    return of_marker or (item.config.rootpath / item.location[0], (item.location[1] or 0) + 1)


def _innermost_project_site(error: BaseException) -> CallSite | None:
    """Return the innermost line of your code that led to an error, None if it came from no line of yours."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        if role_of(traceback.tb_frame.f_code.co_filename) is PROJECT:
            found = traceback.tb_frame.f_code, traceback.tb_lasti
        traceback = traceback.tb_next
    return found

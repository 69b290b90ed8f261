"""What is a broken budget? The measured number, the limit, the evidence and the advice, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_dbperf.callsites.callsite import CallPath, CallSite
from pytest_dbperf.callsites.shown import location_of

Label: TypeAlias = Literal["fix", "or", "why", "note"]
"""What a line of advice is: a change, another way to do it, the reason it pays, or what else to know."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that was counted: how often, what it was, a note on it, and the code that caused it.

    `because` introduces a second call path, `because_of`: the code that made this one necessary.
    """

    count: int
    what: str
    call_path: CallPath
    note: str = ""
    because: str = ""
    because_of: CallPath = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """One sentence of advice, and the lines of your code that it is about. A detail is shown with -v only."""

    label: Label
    text: str
    sites: CallPath = ()
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """A change to one line of your code, and its proven result: `34 -> 9 queries, within budget`."""

    site: CallSite
    text: str
    result: str
    is_alternative: bool = False

    @property
    def label(self) -> Label:
        """An alternative follows the fix that it could replace."""
        return "or" if self.is_alternative else "fix"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken budget: the measured number, the limit, and the evidence, the largest count first.

    `headline` has both numbers in its first 30 characters: pytest's short test summary cuts the rest. Both
    are counts, except for budgets in milliseconds and for rates, such as queries per row. `during` names the
    request if all of it happened in one; `placed` is the budget and where it is written. `route` is that of
    the request, such as `GET books/`, if the limit is one of each request; otherwise it is empty.
    """

    budget: str
    measured: float
    limit: float
    headline: str
    evidence: tuple[Evidence, ...]
    during: str = ""
    advice: tuple[Hint | Fix, ...] = ()
    placed: str = ""
    route: str = ""

    @property
    def call_path(self) -> CallPath:
        """The call path of the first evidence that has one."""
        return next((evidence.call_path for evidence in self.evidence if evidence.call_path), ())

    @property
    def has_fix(self) -> bool:
        """Whether a change of one line of your code is proven to help."""
        return any(isinstance(line, Fix) for line in self.advice)

    @property
    def first_line(self) -> str:
        """Both numbers, the budget and where it is written, and the request if there was only one."""
        return "   ".join(filter(None, (self.headline, self.placed, self.during)))

    def placed_as(self, text: str) -> Violation:
        """Add the budget and where it is written: `query_budget(10) at tests/test_api.py:18`."""
        return replace(self, placed=text)

    def location(self, root: Path) -> str | None:
        """The line to change first: `campaigns/api.py:31`."""
        return location_of(self.call_path[0], root) if self.call_path else None


@dataclass(frozen=True, slots=True)
class WarningLine:
    """A warning in one line, and the code that caused it: it breaks no budget."""

    text: str
    call_path: CallPath = ()


class BudgetWarning(UserWarning):
    """A budget found something that does not break it. Use this class in `filterwarnings`."""


def compare(measured: int, limit: int) -> str:
    """Write `34 > 10 (+24)`, or `0 < 1` if there were too few."""
    return f"{measured} > {limit} (+{measured - limit})" if measured > limit else f"{measured} < {limit}"


def in_milliseconds(seconds: float) -> float:
    """Round up to a tenth of a millisecond, so that a time over the limit also reads as over it."""
    return ceil(round(seconds * 10_000, 5)) / 10


def compare_milliseconds(measured: float, limit: float) -> str:
    """Write `48.2 > 20 ms (+28.2)`."""
    return f"{measured} > {limit} ms (+{round(measured - limit, 3)})"

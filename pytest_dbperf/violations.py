"""How do we say it? A broken budget with its evidence, and the text that a developer reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil
from pathlib import Path

from pytest_dbperf.callsite import CallPath, CallSite, describe, location_of, together

# A failure is read where it scrolls by; -v shows all of it.
# Two more lines tell the location.
MOST_LINES = 18
_LINES_OF_A_SPACED_BLOCK = 8
_MOST_SITES = 2
_LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that was counted: how often, what it was, a remark on it, and the code that caused it.

    `because` introduces another call path, `because_of`, without which it would not have been necessary.
    """

    count: int
    what: str
    call_path: CallPath
    remark: str = ""
    because: str = ""
    because_of: CallPath = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """A piece of advice, and the lines of your code that it is about."""

    text: str
    sites: CallPath = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of one line of your code that is proven to help, and in what it results."""

    site: CallSite
    text: str
    result: str
    is_alternative: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken budget: what was measured against which limit, and the evidence, the heaviest first.

    `headline` has both numbers within its first 30 characters: a short test summary cuts the rest. Both are
    counts, but for budgets of milliseconds and for rates, such as the queries a row. `during` names the
    request that all of it happened in, `given` the budget and where it is written.
    """

    budget: str
    measured: float
    limit: float
    headline: str
    evidence: tuple[Evidence, ...]
    during: str = ""
    advice: tuple[str | Hint | Fix, ...] = ()
    given: str = ""

    @property
    def call_path(self) -> CallPath:
        """The call path of the heaviest evidence that has one."""
        return next((evidence.call_path for evidence in self.evidence if evidence.call_path), ())

    @property
    def first_line(self) -> str:
        """Both numbers, where the limit comes from, and the request if it was one."""
        return "   ".join(filter(None, (self.headline, self.given, self.during)))

    def given_as(self, text: str) -> Violation:
        """Add which budget it was and where it is written: `query_budget(10) at tests/test_api.py:18`."""
        return replace(self, given=text)

    def location(self, root: Path) -> str | None:
        """The call site to mend: `campaigns/api.py:31`."""
        return location_of(self.call_path[0], root) if self.call_path else None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that breaks no budget, and is worth a warning: one line, and the code that caused it."""

    text: str
    call_path: CallPath = ()


class BudgetWarning(UserWarning):
    """Something that breaks no budget, and is worth telling. `filterwarnings` takes it by this name."""


class BudgetExceeded(AssertionError):
    """One or more budgets were broken: `violations` has all of them, the text explains them."""

    def __init__(self, violations: Sequence[Violation], root: Path, *, verbose: bool = False) -> None:
        super().__init__("\n".join(explain(violations, root, verbose=verbose)))
        self.violations = tuple(violations)

    @property
    def call_path(self) -> CallPath:
        """The call path to mend first."""
        return next((violation.call_path for violation in self.violations if violation.call_path), ())


def compare(measured: int, limit: int) -> str:
    """Write `34 > 10 (+24)`, or `0 < 1` where it should have been more."""
    return f"{measured} > {limit} (+{measured - limit})" if measured > limit else f"{measured} < {limit}"


def in_milliseconds(seconds: float) -> float:
    """Round a time up to a tenth of a millisecond, so that what is over a limit reads as over it."""
    return ceil(round(seconds * 10_000, 5)) / 10


def compare_milliseconds(measured: float, limit: float) -> str:
    """Write `48.2 > 20 ms (+28.2)`."""
    return f"{measured} > {limit} ms (+{round(measured - limit, 3)})"


def explain(violations: Sequence[Violation], root: Path, *, verbose: bool = False) -> list[str]:
    """Write violations for a reader: the numbers first, then who did it, then what to change."""
    if len(violations) == 1:
        return _block(violations[0], root, None if verbose else MOST_LINES)
    lines = [", ".join(violation.headline for violation in violations)]
    room = max((MOST_LINES - 1) // len(violations) - 1, 1)
    for violation in violations:
        lines += ["", *_block(violation, root, None if verbose else room)]
    return lines


def _block(violation: Violation, root: Path, room: int | None) -> list[str]:
    rows = [_row(evidence, root, in_full=room is None) for evidence in violation.evidence]
    advice = [f"  {_advice(line, root)}" for line in violation.advice]
    spaced = room is None or room >= _LINES_OF_A_SPACED_BLOCK
    if room is None:
        shown = len(rows)
    else:
        shown = _as_many_as_fit(rows, room - 1 - len(advice) - 2 * spaced)
        if rows and not shown and advice:
            advice = []
            shown = _as_many_as_fit(rows, room - 1)
    parts = [
        [violation.first_line],
        [line for row in rows[:shown] for line in row]
        + ([f"  ... {len(rows) - shown} more (-v lists all)"] if 0 < shown < len(rows) else []),
        advice,
    ]
    lines: list[str] = []
    for part in filter(None, parts):
        lines += ([""] if spaced and lines else []) + part
    return lines


def _advice(line: str | Hint | Fix, root: Path) -> str:
    if isinstance(line, Fix):
        word = "or " if line.is_alternative else "fix"
        return f"{word}  {location_of(line.site, root)}  {line.text}   {line.result}"
    return line if isinstance(line, str) else " ".join((line.text, *together(line.sites, root)))


def _as_many_as_fit(rows: Sequence[Sequence[str]], room: int) -> int:
    if sum(map(len, rows)) <= room:
        return len(rows)
    # One line less: the last one tells how many are left out.
    return sum(used < room for used in accumulate(map(len, rows)))


def _row(evidence: Evidence, root: Path, *, in_full: bool) -> list[str]:
    what = evidence.what
    if not in_full and len(what) > _LONGEST_TEXT:
        what = f"{what[: _LONGEST_TEXT - 4]} ..."
    row = [
        f"{evidence.count:>5}x  {what}   {evidence.remark}".rstrip(),
        " " * 8 + (_path(evidence.call_path, root, in_full=in_full) or "(no frame of your code)"),
    ]
    if evidence.because:
        row.append(f"{'':8}{evidence.because} {_path(evidence.because_of, root, in_full=in_full)}".rstrip())
    return row


def _path(path: CallPath, root: Path, *, in_full: bool) -> str:
    sites = describe(path, root)
    return "  <- ".join(sites if in_full else sites[:_MOST_SITES])

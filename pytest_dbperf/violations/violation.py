"""How do we say it? A broken budget with its evidence, and the text that a developer reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from pytest_dbperf.callsites.callsite import CallPath, CallSite
from pytest_dbperf.callsites.shown import describe, describe_by_function, location_of

# A failure is read where it scrolls by; -v shows all of it.
# Two more lines tell the location.
MOST_LINES = 18
_MOST_SITES = 2
_LONGEST_TEXT = 100
# What is shown before what, where there is no room for all of it. Further evidence follows one by one.
_FIRST_FIX, _FIRST_EVIDENCE, _ADVICE = range(3)


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
class WarningLine:
    """Something that breaks no budget, and is worth a warning: one line, and the code that caused it."""

    text: str
    call_path: CallPath = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What can be left out of a text: the lines of an evidence of a violation, or one of its advice."""

    violation: int
    place: int
    rank: int
    lines: Sequence[str]
    is_advice: bool = False


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
    """Write violations for a reader: the numbers first, then who did it, then what to change.

    Unless it is verbose it fits a screen: the first fix and the first evidence of each violation come before
    anything else of another, and what is left out is counted.
    """
    parts = list(_parts(violations, root, in_full=verbose))
    if verbose:
        return _laid_out(violations, parts, (), is_airy=True, is_spaced=True)
    is_only = len(violations) == 1
    by_rank = sorted(parts, key=lambda part: part.rank)
    essential = sum(part.rank <= _FIRST_EVIDENCE for part in parts)
    lines: list[str] = []
    # Blank lines between violations give way to what has to be told.
    for is_airy, fewest in ((True, essential), (False, 0)):
        for number in range(min(len(parts), MOST_LINES), fewest - 1, -1):
            shown = sorted(by_rank[:number], key=lambda part: part.place)
            lines = _laid_out(violations, shown, by_rank[number:], is_airy=is_airy, is_spaced=is_only)
            if len(lines) <= MOST_LINES:
                return lines
    return lines  # Headlines are never cut.


def _parts(violations: Sequence[Violation], root: Path, *, in_full: bool) -> Iterator[_Part]:
    """Write the evidence and the advice of each violation. Unless in full, no advice is repeated."""
    told: set[str] = set()
    for number, violation in enumerate(violations):
        for place, evidence in enumerate(violation.evidence):
            rank = _ADVICE + place if place else _FIRST_EVIDENCE
            yield _Part(number, place, rank, _row(evidence, root, in_full=in_full))
        advice = [_advice(line, root) for line in violation.advice]
        first = next((place for place, (change, _) in enumerate(advice) if change.startswith("fix")), None)
        for place, (change, result) in enumerate(advice):
            if in_full or change not in told:
                rank = _FIRST_FIX if place == first else _ADVICE
                yield _Part(number, place, rank, [f"  {change}{result}"], is_advice=True)
        told.update(change for change, _ in advice)


def _laid_out(
    violations: Sequence[Violation],
    shown: Sequence[_Part],
    hidden: Sequence[_Part],
    *,
    is_airy: bool,
    is_spaced: bool,
) -> list[str]:
    """Put the parts below their violations, with blank lines between those, or also within them."""
    is_only = len(violations) == 1
    lines = [] if is_only else [", ".join(violation.headline for violation in violations)]
    for number, violation in enumerate(violations):
        lines += ([""] if lines and is_airy else []) + [violation.first_line]
        for is_advice in (False, True):
            own = [part for part in shown if (part.violation, part.is_advice) == (number, is_advice)]
            written = [line for part in own for line in part.lines]
            left_out = sum(part.is_advice == is_advice for part in hidden) if is_only else 0
            if left_out:
                written.append(f"  ... {left_out} more (-v lists all)")
            lines += ([""] if written and is_spaced else []) + written
    if hidden and not is_only:
        lines.append(_left_out(hidden))
    return lines


def _left_out(hidden: Sequence[_Part]) -> str:
    advice = sum(part.is_advice for part in hidden)
    evidence = len(hidden) - advice
    lines = f"{advice} more {'line' if advice == 1 else 'lines'} of advice" if advice else ""
    return f"... {', '.join(filter(None, (f'{evidence} more' if evidence else '', lines)))} (-v lists all)"


def _advice(line: str | Hint | Fix, root: Path) -> tuple[str, str]:
    """Write what to change, and in what that results: for two budgets the same change has two results."""
    if isinstance(line, Fix):
        word = "or " if line.is_alternative else "fix"
        return f"{word}  {location_of(line.site, root)}  {line.text}", f"   {line.result}"
    return line if isinstance(line, str) else " ".join(
        (line.text, *describe_by_function(line.sites, root))
    ), ""


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

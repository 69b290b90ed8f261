"""How is it shown? The numbers, then the code that did it, then what to change, on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.shown import describe, describe_by_function, location_of
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.violations.plain import plain_text
from pytest_dbperf.violations.violation import Evidence, Fix, Hint, Label, Violation

# A failure scrolls by, so it fits a screen; -v shows all of it. The location takes two more lines.
MOST_LINES = 18
_MOST_SITES = 2
_LONGEST_TEXT = 100
_LABEL_WIDTH = max(map(len, get_args(Label)))
# What is kept when there is not enough room. Further evidence follows, one by one.
_FIRST_FIX, _FIRST_EVIDENCE, _ADVICE = range(3)


class BudgetExceeded(AssertionError):
    """One or more budgets were broken: `violations` has all of them, and the text explains them."""

    def __init__(self, violations: Sequence[Violation], root: Path, *, verbose: bool = False) -> None:
        lines = [f"{each.budget}: {each.measured}, and the limit is {each.limit}" for each in violations]
        with Guard("writing the text of a failure"):
            lines = explain(violations, root, verbose=verbose)
        super().__init__(plain_text("\n".join(lines)))
        self.violations = tuple(violations)

    @property
    def call_path(self) -> CallPath:
        """The call path to change first: that of a violation with a fix, if there is one."""
        with_a_fix_first = sorted(self.violations, key=lambda violation: not violation.has_fix)
        return next((violation.call_path for violation in with_a_fix_first if violation.call_path), ())


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines that can be left out together: one piece of evidence, or one line of advice, of one violation.

    `violation` and `index` say which one it is, `rank` how early it is left out: the highest first.
    """

    violation: int
    index: int
    rank: int
    lines: Sequence[str]
    is_advice: bool = False


def explain(violations: Sequence[Violation], root: Path, *, verbose: bool = False) -> list[str]:
    """Write violations for a developer: the numbers, then the code that did it, then what to change.

    Without `verbose` it fits a screen. The first fix and the first evidence of each violation are kept
    before anything else, and the last line counts what was left out.
    """
    parts = list(_parts(violations, root, in_full=verbose))
    if verbose:
        return _laid_out(violations, parts, (), is_airy=True, is_spaced=True)
    is_only = len(violations) == 1
    by_rank = sorted(parts, key=lambda part: part.rank)
    essential = sum(part.rank <= _FIRST_EVIDENCE for part in parts)
    lines: list[str] = []
    # Blank lines between violations go before the essential parts do.
    for is_airy, fewest in ((True, essential), (False, 0)):
        for number in range(min(len(parts), MOST_LINES), fewest - 1, -1):
            shown = sorted(by_rank[:number], key=lambda part: part.index)
            lines = _laid_out(violations, shown, by_rank[number:], is_airy=is_airy, is_spaced=is_only)
            if len(lines) <= MOST_LINES:
                return lines
    return lines  # Headlines are never cut.


def _parts(violations: Sequence[Violation], root: Path, *, in_full: bool) -> Iterator[_Part]:
    """Write the evidence and the advice of each violation. The same advice is repeated only in full."""
    written_before: set[str] = set()
    for number, violation in enumerate(violations):
        for index, evidence in enumerate(violation.evidence):
            rank = _ADVICE + index if index else _FIRST_EVIDENCE
            yield _Part(number, index, rank, _written_evidence(evidence, root, in_full=in_full))
        advice = [
            line for line in violation.advice if in_full or not (isinstance(line, Hint) and line.is_detail)
        ]
        first_fix = next((index for index, line in enumerate(advice) if line.label == "fix"), None)
        written = [_written_advice(line, root) for line in advice]
        for index, (change, result) in enumerate(written):
            if in_full or change not in written_before:
                rank = _FIRST_FIX if index == first_fix else _ADVICE
                yield _Part(number, index, rank, [f"{change}{result}"], is_advice=True)
        written_before.update(change for change, _ in written)


def _laid_out(
    violations: Sequence[Violation],
    shown: Sequence[_Part],
    hidden: Sequence[_Part],
    *,
    is_airy: bool,
    is_spaced: bool,
) -> list[str]:
    """Put the parts below their violations; `is_airy` and `is_spaced` put blank lines between and in them."""
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
        lines.append(_count_of(hidden))
    return lines


def _count_of(hidden: Sequence[_Part]) -> str:
    advice = sum(part.is_advice for part in hidden)
    evidence = len(hidden) - advice
    lines = f"{advice} more {'line' if advice == 1 else 'lines'} of advice" if advice else ""
    return f"... {', '.join(filter(None, (f'{evidence} more' if evidence else '', lines)))} (-v lists all)"


def _written_advice(line: Hint | Fix, root: Path) -> tuple[str, str]:
    """Write what to change, and its result: under two budgets the same change has two results."""
    change, result = written_advice(line, root)
    return f"  {line.label:<{_LABEL_WIDTH}}  {change}", result


def written_advice(line: Hint | Fix, root: Path) -> tuple[str, str]:
    """Write a line of advice without its label: what to change, and then its result, if that is known."""
    if isinstance(line, Fix):
        return f"{location_of(line.site, root)}  {line.text}", f"   {line.result}"
    return ": ".join(filter(None, (line.text, " ".join(describe_by_function(line.sites, root))))), ""


def _written_evidence(evidence: Evidence, root: Path, *, in_full: bool) -> list[str]:
    what = evidence.what
    if not in_full and len(what) > _LONGEST_TEXT:
        what = f"{what[: _LONGEST_TEXT - 4]} ..."
    lines = [
        f"{evidence.count:>5}x  {what}   {evidence.note}".rstrip(),
        " " * 8 + (_written_path(evidence.call_path, root, in_full=in_full) or "(no frame of your code)"),
    ]
    if evidence.because:
        because_of = _written_path(evidence.because_of, root, in_full=in_full)
        lines.append(f"{'':8}{evidence.because} {because_of}".rstrip())
    return lines


def _written_path(path: CallPath, root: Path, *, in_full: bool) -> str:
    sites = describe(path, root)
    return "  <- ".join(sites if in_full else sites[:_MOST_SITES])

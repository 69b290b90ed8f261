"""What is kept of what a budget found? Each cause with its lines, and the fix, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_dbperf.budgets.enforcement import Checked, IsAccepted
from pytest_dbperf.budgets.findings import Found, checking_one
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.callsites.of_tests import is_of_tests
from pytest_dbperf.callsites.shown import describe
from pytest_dbperf.diagnosis.eager_loading import WITHIN_BUDGET
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.of_budgets import FindingResult
from pytest_dbperf.violations.text import written_advice
from pytest_dbperf.violations.violation import Fix, Hint, Violation

Accepts = Callable[[str, str, str], bool]
"""Tells whether a baseline accepts a finding: by its budget, its subject and the function of yours."""

_Advice = Sequence[Hint | Fix]


def accepted_by(accepts: Accepts) -> IsAccepted:
    """Return a function that tells whether a finding is accepted. What breaks a hard limit never is."""

    def is_accepted(placed: PlacedBudget, found: Found) -> bool:
        return not placed.is_hard and accepts(placed.budget.name, *found.key)

    return is_accepted


def finding_results_of(
    checked: Checked, recording: Recording, root: Path, is_accepted: IsAccepted | None = None
) -> Iterator[FindingResult]:
    """Return what is kept of the findings of a budget, each with the fix for it alone."""
    placed, findings = checked.placed, checked.findings
    accepted = [is_accepted is not None and is_accepted(placed, found) for found in findings]
    budget: Any = placed.budget
    # Something is left, unless findings are accepted.
    together: Any = budget.check(recording) if any(accepted) else checked.violation
    alone = checking_one(budget, recording) if len(findings) > 1 else lambda _: together
    for found, is_debt in zip(findings, accepted, strict=True):
        advice = _advice_on(found, alone(found), together)
        fix = _fix_in(advice)
        others = accepted.count(False) - (not is_debt)
        if isinstance(fix, Fix) and others:
            # The budget is kept only when the others are fixed, too.
            fix = replace(fix, result=fix.result.removesuffix(f", {WITHIN_BUDGET}"))
        subject, function = found.key
        yield FindingResult(
            budget=placed.budget.name,
            subject=subject,
            function=function,
            count=found.count,
            in_tests=is_of_tests(found.call_path),
            is_accepted=is_debt,
            limit_is_hard=placed.is_hard,
            lines=describe(found.call_path, root),
            what=found.what,
            fix="" if fix is None else "".join(written_advice(fix, root)),
            reason="" if fix is not None else _reason_in(advice),
            routes=_routes_of(found, recording),
        )


def _advice_on(found: Found, alone: Violation | None, together: Violation) -> _Advice:
    """Return what a failure would advise if all other findings were accepted."""
    if alone is None:
        # Each of several leaks may be allowed alone, but all of them together are not.
        return together.advice
    # Hops for different functions can be one hop. A failure about one of them cannot know that.
    shared = [line for line in together.advice if isinstance(line, Hint) and _is_about(line, found)]
    return (*alone.advice, *shared)


def _is_about(hint: Hint, found: Found) -> bool:
    own = {id(code) for code, _ in found.call_path[:1]}
    return not own.isdisjoint(id(code) for code, _ in hint.sites)


def _fix_in(advice: _Advice) -> Hint | Fix | None:
    return next((line for line in advice if line.label == "fix"), None)


def _reason_in(advice: _Advice) -> str:
    """Join the reasons: why a fix would not help, and what would where no line can be named."""
    reasons = [line for line in advice if isinstance(line, Hint) and (line.is_detail or line.label == "why")]
    return "; ".join(dict.fromkeys(line.text for line in reasons))


def _routes_of(found: Found, recording: Recording) -> list[str]:
    """Name the routes by method and URL pattern, `GET books/`, or by the path if none matched."""
    if not found.requests:
        return []
    view_of = {response.number: response.view for response in recording.responses}
    routes = (f"{each.method} {view_of.get(each.number) or each.path}" for each in found.requests)
    # A pattern may have line breaks if it is a regular expression.
    return sorted({" ".join(route.split()) for route in routes})


def each_once(findings: Iterable[FindingResult]) -> list[FindingResult]:
    """Keep one result of each cause that several windows or examples of a test have found.

    It is the one with the highest count. A hard limit among them makes it one that no debt lifts.
    """
    kept: dict[tuple[str, str, str], FindingResult] = {}
    for each in findings:
        key = (each.budget, each.subject, each.function)
        known = kept.get(key, each)
        kept[key] = replace(
            max(known, each, key=lambda one: one.count),
            is_accepted=known.is_accepted and each.is_accepted,
            limit_is_hard=known.limit_is_hard or each.limit_is_hard,
            routes=sorted({*known.routes, *each.routes}),
        )
    return [*kept.values()]

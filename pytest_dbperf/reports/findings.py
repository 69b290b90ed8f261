"""How is what budgets found shown in the terminal? By cause, with the tests that it burdens and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.causes import CauseInRun, causes_in
from pytest_dbperf.results.model import Run

_MOST_SITES = 2
_LONGEST_TEXT = 100


def lines(run: Run, top: int) -> Iterator[str]:
    """Write the causes that burden most tests, then those in the tests' own code; `top=0` writes all."""
    causes = causes_in(run)
    yield from _part("", [one for one in causes if not one.example.in_tests], top)
    yield from _part(" in the tests' own code", [one for one in causes if one.example.in_tests], top)


def _part(where: str, causes: Sequence[CauseInRun], top: int) -> Iterator[str]:
    if not causes:
        return
    tests = {test for cause in causes for test in cause.tests}
    yield ""
    yield f"{counted(len(causes), 'finding')}{where}, in {counted(len(tests), 'test')}"
    # Tests may make no requests at all.
    has_routes = any(cause.routes for cause in causes)
    yield f"  tests  {'routes  ' * has_routes}budget, subject, function"
    for cause in causes[: top or None]:
        yield from _rows(cause, has_routes=has_routes)
    if (more := len(causes) - len(causes[: top or None])) > 0:
        yield f"    ... {more} more (--dbperf-top=0 lists all)"


def _rows(cause: CauseInRun, *, has_routes: bool) -> Iterator[str]:
    example = cause.example
    routes = f"{len(cause.routes) or '-':>6}  " * has_routes
    yield f"{len(cause.tests):>7}  {routes}{example.budget}  {example.subject}  {example.function}"
    indent = " " * (17 if has_routes else 9)
    what = example.what if len(example.what) <= _LONGEST_TEXT else f"{example.what[: _LONGEST_TEXT - 4]} ..."
    yield f"{indent}{example.count}x  {what}"
    if example.lines:
        yield f"{indent}{'  <- '.join(example.lines[:_MOST_SITES])}"
    if example.fix:
        yield f"{indent}fix  {example.fix}"
    elif example.reason:
        yield f"{indent}why  {example.reason}"

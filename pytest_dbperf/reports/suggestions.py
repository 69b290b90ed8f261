"""How are suggested markers shown in the terminal? One line each, to paste into the file of the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.suggestions.defaults import Cost, LimitCost, to_start_with
from pytest_dbperf.suggestions.files import SuggestionSummary
from pytest_dbperf.suggestions.markers import FunctionSuggestions, describe_test

_WIDEST_TEST = 60


def lines(summary: SuggestionSummary) -> Iterator[str]:
    """Write the markers test by test, which files were changed, and what defaults would cost."""
    yield from _rows(summary.functions)
    if not summary.has_passed_tests:
        yield "dbperf: nothing to suggest: none of the selected tests passed"
    elif not summary.functions:
        yield "dbperf: nothing to suggest: no marker would be new or tighter"
    if summary.options.is_dry_run:
        for change in summary.changes:
            yield from change.diff
    for each in summary.not_written:
        yield f"dbperf: nothing written for {each.test}: {each.reason}"
    for pattern in summary.unmatched:
        yield f"dbperf: --dbperf-write={pattern} matches no test that ran"
    if summary.options.patterns:
        yield f"dbperf: {_what_was_written(summary)}"
    yield from _costs(summary.costs)


def _costs(costs: Sequence[Cost]) -> Iterator[str]:
    """Write what each default of the suite would cost, then the settings to begin with."""
    if costs:
        yield ""
        yield "dbperf: what each default would cost"
        yield from map(_cost, costs)
        yield ""
        yield "dbperf: the ini file could begin with"
        yield from (f"dbperf_{cost.setting} = {cost.start}" for cost in to_start_with(costs))


def _cost(cost: Cost) -> str:
    if isinstance(cost, LimitCost):
        # The first number has its noun, the others are of the same.
        (first, over), *others = cost.over.items()
        shown = [f"{first}: {counted(over, cost.counted)} over it", *(f"{limit}: {n}" for limit, n in others)]
        return f"  {cost.setting} {'; '.join(shown)}"
    tests = counted(cost.tests, "test")
    findings = f"{counted(cost.findings, 'finding')}, {tests}" if cost.findings else "no findings"
    shown = [f"{tests} over it" if cost.findings is None else findings]
    if cost.findings_in_tests:
        found = counted(cost.findings_in_tests, "finding")
        shown.append(f"in the tests' own code {found}, {counted(cost.tests_with_findings_in_tests, 'test')}")
    return f"  {cost.setting}: {'; '.join(shown)}"


def _what_was_written(summary: SuggestionSummary) -> str:
    if not summary.is_complete:
        return "nothing written: the run is incomplete, results are missing"
    if not summary.changes:
        return "nothing to write"
    markers = counted(sum(change.markers for change in summary.changes), "marker")
    files = counted(len(summary.changes), "file")
    if summary.options.is_dry_run:
        return f"{markers} in {files} not written: this is a dry run, --dbperf-dry-run=no writes them"
    return f"{markers} written in {files}: {', '.join(change.path for change in summary.changes)}"


def _rows(functions: Sequence[FunctionSuggestions]) -> Iterator[str]:
    tests = [describe_test(function.source) for function in functions]
    width = min(max(map(len, tests), default=0), _WIDEST_TEST)
    for test, function in zip(tests, functions, strict=True):
        for number, suggestion in enumerate(function.suggestions):
            instead = f"  # instead of {suggestion.instead_of}" if suggestion.instead_of else ""
            yield f"{'' if number else test:<{width}}  @pytest.mark.{suggestion}{instead}"

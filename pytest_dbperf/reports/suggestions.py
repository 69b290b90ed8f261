"""Suggested markers for a reader at a terminal, to be pasted or applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.suggestions.files import Outcome
from pytest_dbperf.suggestions.markers import Suggestion, name_of

_WIDEST_PLACE = 60


def lines(outcome: Outcome) -> Iterator[str]:
    """Write the markers test by test, then what became of the files."""
    yield from _rows(outcome.suggestions)
    if not outcome.has_learned:
        yield "dbperf: no marker to suggest: of the tests that were asked for, none has passed"
    elif not outcome.suggestions:
        yield "dbperf: no marker to suggest that would be new or tighter"
    if outcome.wanted.is_dry_run:
        for change in outcome.changes:
            yield from change.diff
    for left in outcome.left_alone:
        yield f"dbperf: left alone {left.test}: {left.reason}"
    for pattern in outcome.unmatched:
        yield f"dbperf: --dbperf-write={pattern} matches no test that ran"
    if outcome.wanted.patterns:
        yield f"dbperf: {_what_was_written(outcome)}"


def _what_was_written(outcome: Outcome) -> str:
    if not outcome.is_complete:
        return "nothing written, as the run is incomplete: tests are missing"
    if not outcome.changes:
        return "nothing to write"
    markers = counted(sum(change.markers for change in outcome.changes), "marker")
    files = counted(len(outcome.changes), "file")
    if outcome.wanted.is_dry_run:
        return f"{markers} in {files} not written: a dry run, --dbperf-dry-run=no writes them"
    return f"{markers} written in {files}: {', '.join(change.path for change in outcome.changes)}"


def _rows(suggestions: Sequence[Suggestion]) -> Iterator[str]:
    places = [name_of(suggestion.source) for suggestion in suggestions]
    width = min(max(map(len, places), default=0), _WIDEST_PLACE)
    for place, suggestion in zip(places, suggestions, strict=True):
        for number, marker in enumerate(suggestion.markers):
            instead = f"  # instead of {marker.instead_of}" if marker.instead_of else ""
            yield f"{'' if number else place:<{width}}  @pytest.mark.{marker}{instead}"

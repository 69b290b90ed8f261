"""Which files get markers? Each is read, changed, and written as a whole."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from pytest_dbperf.results.model import Run, digest_of
from pytest_dbperf.suggestions.defaults import Cost, costs_of
from pytest_dbperf.suggestions.markers import (
    FunctionSuggestions,
    NotWritten,
    describe_test,
    select,
    suggestions_for,
)
from pytest_dbperf.suggestions.writing import write_file


@dataclass(frozen=True, slots=True)
class SuggestionOptions:
    """Which tests get suggestions: all, those that match a pattern, or both. The latter are also written."""

    for_all: bool
    patterns: Sequence[str]
    is_dry_run: bool


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after, and the number of markers that are new or have a lower limit."""

    path: str
    before: bytes
    after: bytes
    markers: int

    @property
    def diff(self) -> Iterator[str]:
        """The lines of a unified diff, to be applied in the root by `git apply` or `patch -p1`."""
        encoding, _ = tokenize.detect_encoding(io.BytesIO(self.before).readline)
        # In the diff, a byte order mark has to stay in the first line.
        encoding = encoding.removesuffix("-sig")
        before, after = (_lines(text.decode(encoding)) for text in (self.before, self.after))
        for line in unified_diff(before, after, f"a/{self.path}", f"b/{self.path}"):
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


@dataclass(frozen=True, slots=True)
class SuggestionSummary:
    """The suggestions of a run, and the files that were changed, or in a dry run would be."""

    options: SuggestionOptions
    is_complete: bool
    """Whether all tests ran: without all results, no file is changed."""
    has_passed_tests: bool
    """Whether any of the selected tests passed."""
    functions: Sequence[FunctionSuggestions]
    changes: Sequence[FileChange]
    not_written: Sequence[NotWritten]
    unmatched: Sequence[str]
    costs: Sequence[Cost] = ()
    """What each default of the suite would cost, if suggestions for all tests are wanted."""


def suggest(
    options: SuggestionOptions, run: Run, root: Path, set_already: Collection[str] = ()
) -> SuggestionSummary:
    """Find the suggestions of a run, and write those of the selected tests, if the run is complete.

    `set_already` are the defaults that the ini file sets: what they cost need not be told.
    """
    selection = select(run.tests, options.patterns)
    selected = run.tests if options.for_all else selection.tests
    changes: list[FileChange] = []
    not_written = list(selection.not_written)
    by_path: dict[str, list[FunctionSuggestions]] = {}
    for function in selection.functions:
        if not function.source.obstacle and run.complete:
            by_path.setdefault(function.source.path, []).append(function)
    for path, functions in by_path.items():
        try:
            change, refused = _change_file(root, path, functions)
            if change is not None and not options.is_dry_run:
                write_file(root / path, change.after)
        except OSError as error:
            reason = error.strerror or str(error)
            why = f"its file cannot be read or written: {reason}"
            not_written += [NotWritten(describe_test(each.source), why) for each in functions]
            continue
        changes += [change] if change is not None else []
        not_written += refused
    return SuggestionSummary(
        options=options,
        is_complete=run.complete,
        has_passed_tests=any(test.outcome == "passed" for test in selected),
        functions=suggestions_for(run.tests) if options.for_all else selection.functions,
        changes=changes,
        not_written=sorted(not_written, key=lambda one: one.test),
        unmatched=selection.unmatched,
        costs=costs_of(run.tests, set_already) if options.for_all else (),
    )


def _change_file(
    root: Path, path: str, functions: Sequence[FunctionSuggestions]
) -> tuple[FileChange | None, list[NotWritten]]:
    from pytest_dbperf.suggestions.rewriting import rewrite  # Only now: libcst is an extra.

    before = (root / path).read_bytes()
    digest = digest_of(before)
    current = {each.source.name: each for each in functions if each.source.digest == digest}
    rewritten = rewrite(before, {name: each.suggestions for name, each in current.items()})
    refused = {
        each.source.name: "its file has changed since it was imported"
        for each in functions
        if each.source.name not in current
    } | dict(rewritten.refused)
    markers = sum(len(each.suggestions) for name, each in current.items() if name not in refused)
    not_written = [
        NotWritten(describe_test(each.source), refused[each.source.name])
        for each in functions
        if each.source.name in refused
    ]
    if rewritten.source == before:
        return None, not_written
    return FileChange(path, before, rewritten.source, markers), not_written


def _lines(text: str) -> list[str]:
    # str.splitlines() also splits at form feeds and other characters.
    return list(io.StringIO(text, newline="\n"))

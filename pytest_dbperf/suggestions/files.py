"""Which files get markers? They are read, rewritten, and put in the place of the old ones as a whole."""

from __future__ import annotations

import io
import shutil
import tempfile
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from pytest_dbperf.results.model import Run, digest_of
from pytest_dbperf.suggestions.markers import LeftAlone, Suggestion, chosen, name_of, suggestions_of


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after, and how many markers are new or tighter."""

    path: str
    before: bytes
    after: bytes
    markers: int

    @property
    def diff(self) -> Iterator[str]:
        """The lines of a unified diff, for `git apply` or `patch -p1` below the root."""
        encoding, _ = tokenize.detect_encoding(io.BytesIO(self.before).readline)
        # A byte order mark is a part of the first line.
        encoding = encoding.removesuffix("-sig")
        before, after = (_lines(text.decode(encoding)) for text in (self.before, self.after))
        for line in unified_diff(before, after, f"a/{self.path}", f"b/{self.path}"):
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: suggestions for all tests, or for chosen ones, whose files get them."""

    for_all: bool
    patterns: Sequence[str]
    is_dry_run: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to suggest, and what was, or in a dry run would be, written."""

    wanted: Wanted
    is_complete: bool
    has_learned: bool
    """Whether a test that was asked for has passed."""
    suggestions: Sequence[Suggestion]
    changes: Sequence[Change]
    left_alone: Sequence[LeftAlone]
    unmatched: Sequence[str]


def carry_out(wanted: Wanted, run: Run, root: Path) -> Outcome:
    """Find suggestions, and write those of the chosen tests; of a run that was cut off nothing is written."""
    choice = chosen(run.tests, wanted.patterns)
    asked_for = run.tests if wanted.for_all else choice.tests
    changes: list[Change] = []
    left_alone = list(choice.left_alone)
    by_path: dict[str, list[Suggestion]] = {}
    for suggestion in choice.suggestions:
        if not suggestion.source.obstacle and run.complete:
            by_path.setdefault(suggestion.source.path, []).append(suggestion)
    for path, suggestions in by_path.items():
        try:
            change, refused = _rewritten(root, path, suggestions)
            if change is not None and not wanted.is_dry_run:
                replace(root / path, change.after)
        except OSError as error:
            left_alone += [LeftAlone(name_of(each.source), str(error)) for each in suggestions]
            continue
        changes += [change] if change is not None else []
        left_alone += refused
    return Outcome(
        wanted=wanted,
        is_complete=run.complete,
        has_learned=any(test.outcome == "passed" for test in asked_for),
        suggestions=suggestions_of(run.tests) if wanted.for_all else choice.suggestions,
        changes=changes,
        left_alone=sorted(left_alone, key=lambda one: one.test),
        unmatched=choice.unmatched,
    )


def _rewritten(
    root: Path, path: str, suggestions: Sequence[Suggestion]
) -> tuple[Change | None, list[LeftAlone]]:
    from pytest_dbperf.suggestions.rewriting import rewrite  # Only now: libcst is an extra.

    before = (root / path).read_bytes()
    digest = digest_of(before)
    current = {each.source.name: each for each in suggestions if each.source.digest == digest}
    done = rewrite(before, {name: each.markers for name, each in current.items()})
    refused = {
        each.source.name: "its file has changed since it was imported"
        for each in suggestions
        if each.source.name not in current
    } | dict(done.refused)
    markers = sum(len(each.markers) for name, each in current.items() if name not in refused)
    left_alone = [
        LeftAlone(name_of(each.source), refused[each.source.name])
        for each in suggestions
        if each.source.name in refused
    ]
    return Change(path, before, done.source, markers) if done.source != before else None, left_alone


def replace(path: Path, content: bytes) -> None:
    """Put a new file in the place of an old one, which is whole at every moment; a link stays one."""
    path = path.resolve()
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(content)
            file.close()
            shutil.copymode(path, new)
            new.replace(path)
        except BaseException:
            new.unlink()
            raise


def _lines(text: str) -> list[str]:
    # str.splitlines() would end lines at form feeds and other characters, too.
    return list(io.StringIO(text, newline="\n"))

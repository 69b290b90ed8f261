"""Which two baselines are in a file that git left with conflict markers?"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pytest_dbperf.baseline.text import CONFLICT_MARKER, HEADER, BrokenBaseline

_OUTSIDE, _OURS, _BASE, _THEIRS = range(4)
_SECTION_AFTER = {"<": _OURS, "|": _BASE, "=": _THEIRS, ">": _OUTSIDE}
_IN_SECTIONS = {"base": {_OUTSIDE, _BASE}, "ours": {_OUTSIDE, _OURS}, "theirs": {_OUTSIDE, _THEIRS}}


@dataclass(frozen=True, slots=True)
class Versions:
    """The texts that were merged. Each line has the number that it has in the file.

    `base` is None if git did not write it: it does with `merge.conflictStyle` "diff3" or "zdiff3".
    """

    base: str | None
    ours: str
    theirs: str


def versions_in(text: str, path: PurePath | str) -> Versions | None:
    """Find the versions in a text with conflict markers; None if it has none.

    Raises:
        BrokenBaseline: A conflict does not begin, or does not end.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    sections = _sections_of(lines, path)
    if set(sections) == {_OUTSIDE}:
        return None
    version = {name: _only(lines, sections, wanted) for name, wanted in _IN_SECTIONS.items()}
    # The base may be empty, and is known then, too.
    has_base = any(
        section is None and line.startswith("|") for line, section in zip(lines, sections, strict=True)
    )
    return Versions(version["base"] if has_base else None, version["ours"], version["theirs"])


def _sections_of(lines: Sequence[str], path: PurePath | str) -> Sequence[int | None]:
    """Return in which section of a conflict each line stands: None for a marker.

    The base may be a conflict itself, if the history has several common commits. Its markers are longer.
    """
    section, began, length = _OUTSIDE, 0, 0
    sections: list[int | None] = []
    for number, line in enumerate(lines, 1):
        marker = CONFLICT_MARKER.fullmatch(line)
        if marker is None:
            sections.append(section)
            continue
        sections.append(None)
        if section == _BASE and len(marker[1]) != length:
            continue
        following = _SECTION_AFTER[marker[1][0]]
        if following == _OURS:
            began, length = number, len(marker[1])
        if not _may_follow(section, following):
            remedy = _write_again(path)
            raise BrokenBaseline(
                path, number, f"`{marker[1]}` stands where it belongs to no conflict", remedy
            )
        section = following
    if section != _OUTSIDE:
        remedy = _write_again(path)
        raise BrokenBaseline(path, began, "the conflict that begins here has no end", remedy)
    return sections


def _write_again(path: PurePath | str) -> str:
    return f"run `git checkout --merge -- {shlex.quote(str(path))}`, which writes the conflict again"


def _may_follow(section: int, following: int) -> bool:
    if following == _THEIRS:
        return section in {_OURS, _BASE}
    return following == (section + 1) % 4


def _only(lines: Sequence[str], sections: Sequence[int | None], wanted: set[int]) -> str:
    # A first line of a baseline is ignored wherever it stands, unlike an empty line.
    return "\n".join(
        line if section in wanted else HEADER for line, section in zip(lines, sections, strict=True)
    )

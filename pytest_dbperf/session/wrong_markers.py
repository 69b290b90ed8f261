"""Which markers are written wrongly, and on which lines?"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.budgets.marker_lines import line_of_marker
from pytest_dbperf.callsites.shown import relative
from pytest_dbperf.violations.spelling import VERY_CLOSE, closest

if TYPE_CHECKING:
    import pytest


def wrong_markers(
    items: Iterable[pytest.Item], budgets_for: Callable[[pytest.Item], object], names: Collection[str]
) -> Iterator[str]:
    """Tell each marker with wrong arguments or a misspelt name once: its line, the mistake, and a test."""
    told: set[str] = set()
    known: set[str] = set()
    for item in items:
        for mark, mistake, argument in _mistakes_of(item, budgets_for, names, known):
            written_at = location_of_marker(item, mark, argument)
            if written_at is None:
                yield f"{item.nodeid}: {mistake}"
                continue
            root = item.config.rootpath
            text = f"{relative(str(written_at[0]), root)}:{written_at[1]}: {mistake}"
            if text not in told:
                told.add(text)
                yield f"{text} ({item.nodeid})"


def location_of_marker(item: pytest.Item, mark: pytest.Mark, argument: str = "") -> tuple[Path, int] | None:
    """Find the file and the line of a marker of a test, or of its argument; None if no file there has it."""
    function: Any = getattr(item, "obj", None)
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    decorators = range(0) if code is None else range(code.co_firstlineno, _first_line_of_body(code) + 1)
    own = None if code is None else Path(code.co_filename)
    for path in dict.fromkeys(_files_around(item, own)):
        here = decorators if path == own else range(0)
        line = line_of_marker(path, mark, here, argument)
        if line is not None:
            return path, line
    return None


def _mistakes_of(
    item: pytest.Item,
    budgets_for: Callable[[pytest.Item], object],
    names: Collection[str],
    known: set[str],
) -> Iterator[tuple[pytest.Mark, str, str]]:
    for mark in item.iter_markers():
        if mark.name not in names and mark.name not in known:
            meant = closest(mark.name, names, VERY_CLOSE)
            if meant is not None and mark.name not in _registered(item.config):
                yield mark, f"there is no marker {mark.name!r} (did you mean {meant!r}?)", ""
            else:
                known.add(mark.name)
    try:
        budgets_for(item)
    except WrongArguments as error:
        yield error.mark, str(error), error.argument


def _registered(config: pytest.Config) -> set[str]:
    lines: list[str] = config.getini("markers")
    return {line.partition(":")[0].partition("(")[0].strip() for line in lines}


def _files_around(item: pytest.Item, own: Path | None) -> Iterator[Path]:
    """List the files that may have a marker of a test: its own, those of its classes, each conftest.py."""
    if own is not None:
        yield own
    owner: Any = getattr(item, "cls", None)
    for base in getattr(owner, "__mro__", ()):
        if filename := getattr(sys.modules.get(base.__module__), "__file__", None):
            yield Path(filename)
    yield item.path
    root = item.config.rootpath
    yield from (folder / "conftest.py" for folder in item.path.parents if folder.is_relative_to(root))


def _first_line_of_body(code: Any) -> int:
    """Return the first line of a function's body: its decorators are on the lines before."""
    lines: Iterator[int] = (
        line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno
    )
    return min(lines, default=code.co_firstlineno)

"""Where is a test written?"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbperf.callsites.shown import relative
from pytest_dbperf.results.model import SourceResult, digest_of
from pytest_dbperf.session.examples import has_examples
from pytest_dbperf.session.item_kinds import databases_of

if TYPE_CHECKING:
    import pytest


class Sources:
    """The files of the tests, each with its digest at collection."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digests: dict[Path, str] = {}

    def note(self, item: pytest.Item) -> None:
        """Remember the content of a test's file, which has just been imported."""
        if item.path not in self._digests:
            try:
                self._digests[item.path] = digest_of(item.path.read_bytes())
            except OSError:  # A plugin's item may have no file, and a file may be unreadable.
                self._digests[item.path] = ""

    def of(self, item: pytest.Item) -> SourceResult:
        """Find where the function of a test is written: a class may have inherited it."""
        name: str | None = getattr(item, "originalname", None)
        cls: Any = getattr(item, "cls", None)
        path, line, obstacle = item.path, 0, ""
        if name is None:
            obstacle = f"a {type(item).__name__} has no decorators"
        elif has_examples(item):
            name, obstacle = None, "Hypothesis runs it with other examples each time"
        else:
            if cls is not None:
                owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
                if owner.__module__ != cls.__module__:
                    path = Path(getattr(sys.modules.get(owner.__module__), "__file__", None) or path)
                    obstacle = f"{cls.__qualname__} inherits it from another file"
                name = f"{owner.__qualname__}.{name}"
            line = _line_in(path, item)
        if not obstacle and not path.is_relative_to(self._root):
            obstacle = f"it is not below {self._root}"
        return SourceResult(
            path=relative(str(path), self._root),
            line=line,
            name=name or "",
            digest=self._digests.get(item.path, ""),
            obstacle=obstacle,
            is_async=inspect.iscoroutinefunction(getattr(item, "obj", None)),
            has_database=bool(databases_of(item)),
        )


def _line_in(path: Path, item: Any) -> int:
    """Return the line of the function, or 0 if a decorator has replaced it by code of another file."""
    code = getattr(inspect.unwrap(item.obj), "__code__", None)
    is_there = code is not None and Path(code.co_filename) == path
    return code.co_firstlineno if code is not None and is_there else 0

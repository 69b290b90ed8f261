"""Where is a test written, and which budgets hold there already?"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbperf.budgets.budget import HasNumber, arguments_of, written
from pytest_dbperf.budgets.resolution import ON_FUNCTION, Near
from pytest_dbperf.callsites.shown import relative
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.results.model import BudgetResult, SourceResult
from pytest_dbperf.session.item_kinds import databases_of

if TYPE_CHECKING:
    import pytest


def source_of(item: pytest.Item, root: Path, digest: str) -> SourceResult:
    """Find where the function of a test is written: a class may have inherited it."""
    name: str | None = getattr(item, "originalname", None)
    path, line, obstacle = item.path, 0, ""
    if name is None:
        obstacle = f"a {type(item).__name__} has no decorators"
    else:
        owner = _owner_of(name, getattr(item, "cls", None))
        if owner is not None:
            if owner.__module__ != item.module.__name__:  # type: ignore[attr-defined]  # functions have one
                path = Path(getattr(sys.modules.get(owner.__module__), "__file__", None) or path)
                obstacle = f"{item.cls.__qualname__} inherits it in another file"  # type: ignore[attr-defined]
            name = f"{owner.__qualname__}.{name}"
        line = _line_in(path, item)
    if not obstacle and not path.is_relative_to(root):
        obstacle = f"it is not below {root}"
    return SourceResult(
        path=relative(str(path), root),
        line=line,
        name=name or "",
        digest=digest,
        obstacle=obstacle,
        is_async=inspect.iscoroutinefunction(getattr(item, "obj", None)),
        has_database=bool(databases_of(item)),
    )


def held_by(near: Near, recording: Recording) -> BudgetResult:
    """Keep of a budget what is needed to find a tighter one."""
    budget = near.given.budget
    limit, measured = (
        (budget.limit, budget.measured(recording)) if isinstance(budget, HasNumber) else (None, None)
    )
    without = ("limit",) if near.nearness == ON_FUNCTION else ("limit", "reason")
    return BudgetResult(
        budget=budget.name,
        limit=limit,
        measured=measured,
        arguments=", ".join(arguments_of(budget, without=without)),
        text=f"{written(budget)} {near.given.place}".rstrip(),
        nearness=near.nearness,
    )


def _owner_of(name: str, owner: Any) -> type | None:
    bases = owner.__mro__ if isinstance(owner, type) else ()
    return next((base for base in bases if name in vars(base)), owner)


def _line_in(path: Path, item: Any) -> int:
    """Tell the line of its code, unless a decorator has put code of another file in its place."""
    code = getattr(inspect.unwrap(item.obj), "__code__", None)
    is_there = code is not None and Path(code.co_filename) == path
    return code.co_firstlineno if code is not None and is_there else 0

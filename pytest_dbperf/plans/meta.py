"""How is an index written into a model? Into its `class Meta`, which it has, inherits or lacks."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from pytest_dbperf.callsites.shown import relative
from pytest_dbperf.sql.plan import MissingIndex

_INDEXES = "indexes"


def missing_index(text: str, model: Any, root: Path) -> MissingIndex:
    """Say where an index is added: a second `class Meta`, or a second `indexes`, would replace the first."""
    location = f"{relative(file_of(model), root)} {model.__qualname__}"
    return MissingIndex(text, location, *_around_indexes(model))


def file_of(model: Any) -> str:
    """Return the file of a model, empty if its module has none."""
    return getattr(sys.modules.get(model.__module__), "__file__", None) or ""


def declared_columns(model: Any) -> Iterator[Sequence[str]]:
    """List the fields of each index that a model declares for all of its rows, constraints included."""
    from django.db.models import Index, UniqueConstraint

    for field in model._meta.local_concrete_fields:
        if field.unique or field.db_index:
            yield (field.name,)
    yield from model._meta.unique_together
    for index in (*model._meta.indexes, *model._meta.constraints):
        # Neither a subclass, which may be of another type, nor an index of expressions, which has no fields.
        is_btree = type(index) in (Index, UniqueConstraint) and index.fields
        if is_btree and not index.condition and not index.opclasses:
            yield [name.lstrip("-") for name in index.fields]


def _around_indexes(model: Any) -> tuple[str, str]:
    """Return the text before and after the indexes to add."""
    try:
        own = _own_meta(model)
    except (OSError, TypeError, SyntaxError):
        return "Meta.indexes: add ", ""  # The model is not in a file, or its file has changed.
    if own is None:
        return _in_new_meta(model)
    if _INDEXES in _assigned_in(own):
        return "Meta.indexes: add ", ""
    inherited = f"*{ast.unparse(own.bases[0])}.{_INDEXES}, " if own.bases and model._meta.indexes else ""
    return f"class Meta: add indexes = [{inherited}", "]"


def _in_new_meta(model: Any) -> tuple[str, str]:
    # Django takes the Meta of an abstract base if a model has none: a new one must inherit from it.
    base = next((base for base in model.__mro__[1:] if "Meta" in vars(base)), None)
    if base is None:
        return "class Meta: indexes = [", "]"
    inherited = f"{base.__name__}.Meta"
    rest = f"*{inherited}.{_INDEXES}, " if getattr(base.Meta, _INDEXES, ()) else ""
    return f"class Meta({inherited}): indexes = [{rest}", "]"


def _own_meta(model: Any) -> ast.ClassDef | None:
    (written,) = ast.parse(dedent(inspect.getsource(model))).body
    body = written.body if isinstance(written, ast.ClassDef) else ()
    return next((each for each in body if isinstance(each, ast.ClassDef) and each.name == "Meta"), None)


def _assigned_in(written: ast.ClassDef) -> set[str]:
    return {
        node.id
        for node in ast.walk(written)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }

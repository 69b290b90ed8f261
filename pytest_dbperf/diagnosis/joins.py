"""Would a join load the rows that Django loads one by one? The relation tells why it would not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pytest_dbperf.recording.loads import FetchedRows, RelationLoad

_MANAGERS, _QUERYSETS = "django.db.models.manager", "django.db.models.query"


def why_not_joined(load: RelationLoad, using: str | None) -> str:
    """Tell why `select_related()` would not load the same rows, empty if it would.

    `using` is the alias of the query that loaded them.
    """
    relation, batch = load.relation, load.batch
    if batch is not None and batch.query is not None and batch.query.using != using:
        return f'its rows are in the database "{using}", and a join stays in "{batch.query.using}"'
    # A relation that the queryset has joined before has none.
    if relation is None:
        return ""
    is_reverse = hasattr(relation, "get_accessor_name")
    if not is_reverse and relation.remote_field.parent_link:
        return "Django never joins a parent link"
    target = relation.related_model
    if has_own_base_manager(relation):
        manager = type(target._meta.base_manager).__name__
        return f"a join passes by the base manager of {target.__name__}, {manager}, which may change the rows"
    if not is_reverse and not getattr(relation, "db_constraint", False):
        return f"without a database constraint, a join leaves out rows that point to no {target.__name__}"
    return ""


def has_own_base_manager(relation: Any) -> bool:
    """Tell whether a base manager of the project or a library makes the rows of a relation."""
    if relation is None:
        return False
    manager = relation.related_model._meta.base_manager
    maker = next(cls for cls in type(manager).__mro__ if "get_queryset" in vars(cls))
    return maker.__module__ != _MANAGERS or manager._queryset_class.__module__ != _QUERYSETS


def left_out_on_the_way(path: Sequence[RelationLoad], root: FetchedRows) -> list[str]:
    """Return the foreign keys, with the way to them, that `only()` or `defer()` leaves out.

    `path` has the relations that are to be joined, the outermost first.
    """
    names = [each.name for each in path]
    columns = [getattr(each.relation, "attname", None) for each in path]
    return [
        "__".join(names[: index + 1])
        for index, column in enumerate(columns)
        if column is not None and _is_left_out(names[:index], {names[index], column}, root)
    ]


def joined_but_left_out(root: FetchedRows) -> list[str]:
    """Return the same for the relations that `select_related()` without names has joined."""
    ways = {
        tuple(name.split("__")[: depth + 1]) for name in root.joined for depth in range(name.count("__") + 1)
    }
    return [
        "__".join(way) for way in sorted(ways) if _is_left_out(way[:-1], {way[-1], f"{way[-1]}_id"}, root)
    ]


def _is_left_out(way: Sequence[str], field_names: Collection[str], root: FetchedRows) -> bool:
    depth = len(way)
    named = [name.split("__") for name in root.named]
    here = [each for each in named if len(each) > depth and each[:depth] == [*way]]
    if root.defers:
        return any(len(each) == depth + 1 and each[depth] in field_names for each in here)
    # only() leaves out fields of the model and of those related models that it names a field of.
    return bool(here) and all(each[depth] not in field_names for each in here)

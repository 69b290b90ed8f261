"""Would a join load the rows that Django loads one by one? If not, the relation tells why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pytest_dbperf.recording.loads import FetchedRows, RelationLoad

_MANAGERS, _QUERYSETS = "django.db.models.manager", "django.db.models.query"


def why_not_joined(load: RelationLoad, using: str | None, root: FetchedRows) -> str:
    """Tell why `select_related()` would not load the same rows, empty if it would.

    `using` is the alias of the query that loaded them, `root` the rows of the queryset to change.
    """
    if load.batch is not None and load.batch.query is not None and load.batch.query.using != using:
        return f'its rows are in the database "{using}", and a join stays in "{load.batch.query.using}"'
    # For a relation that the queryset has joined already, Django's field is unknown.
    return _why_not_followed(load.relation, root) if load.relation is not None else ""


def has_named_fields(path: Sequence[RelationLoad], root: FetchedRows) -> bool:
    """Tell whether `only()` or `defer()` names fields of a relation that is not joined yet."""
    ways = ["__".join(each.name for each in path[: index + 1]) for index in range(len(path))]
    return any(
        each.relation is not None and any(name.startswith(f"{way}__") for name in root.named)
        for each, way in zip(path, ways, strict=True)
    )


def _why_not_followed(relation: Any, root: FetchedRows) -> str:
    is_reverse, target = _is_reverse(relation), relation.related_model
    if not is_reverse and relation.remote_field.parent_link:
        return "Django never joins a parent link"
    if is_reverse and relation.parent_link and root.named:
        return "a joined child has no more fields than its parent, and some of these are left out"
    if has_own_base_manager(relation):
        name, manager = target.__name__, type(target._meta.base_manager).__name__
        return f"a join does not use the base manager of {name}, {manager}, which may change the rows"
    has_constraint = getattr(relation, "db_constraint", False) and relation.model._meta.managed
    if not is_reverse and not has_constraint:
        return (
            f"Django has made no constraint for it: a join leaves out rows that point to no {target.__name__}"
        )
    return ""


def is_missing(load: RelationLoad) -> bool:
    """Tell whether Django found no related row for one of the rows that were fetched together."""
    return load.relation is not None and load.batch is not None and load.name in load.batch.missing


def would_become_none(load: RelationLoad) -> bool:
    """Tell whether a prefetch would give None where Django raises an error now."""
    # For a key that cannot be null, and for a reverse relation, Django raises it after a prefetch, too.
    return is_missing(load) and not _is_reverse(load.relation) and load.relation.null


def is_link_to_a_child(relation: Any) -> bool:
    """Tell whether a relation is the parent link to a model that has a parent itself.

    Django makes that parent of the child's fields, but asks for it where a fetch mode loads it for all peers.
    """
    if relation is None or _is_reverse(relation):
        return False
    return bool(relation.remote_field.parent_link and relation.related_model._meta.parents)


def _is_reverse(relation: Any) -> bool:
    return hasattr(relation, "get_accessor_name")


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
    names = [each.name_in(is_prefetch=False) for each in path]
    # A reverse relation has no column, yet only() must name it. For a joined relation the field is unknown.
    columns = [each.relation and getattr(each.relation, "attname", each.name) for each in path]
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
    # only() leaves out fields of the model, and of each related model of which it names a field.
    return bool(here) and all(each[depth] not in field_names for each in here)

"""Which index could a model have, and which SQL does Django create it with?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dbperf.callsites.callsite import role_of
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.plans.indexes import EQUAL, PREFIX, Key
from pytest_dbperf.plans.meta import declared_columns, file_of, missing_index
from pytest_dbperf.sql.plan import MissingIndex

_FOR_PREFIXES = "pattern_ops"


@dataclass(frozen=True, slots=True)
class ProposedIndex:
    """An index: where it is written, its columns and its name, and the SQL that creates it.

    `why_missing` is not empty if the model declares an index that would serve the same filter.
    """

    index: MissingIndex
    columns: tuple[str, ...]
    is_for_prefixes: bool
    name: str
    sql: str
    why_missing: str


@dataclass(frozen=True, slots=True)
class NoIndex:
    """No index is proposed; the reason is empty where there is nothing to say."""

    reason: str = ""


def propose_index(table: str, keys: Sequence[Key], connection: Any, root: Path) -> ProposedIndex | NoIndex:
    """Propose an index for a model of yours: none without such a model, or if Django cannot write it."""
    model = _model_of(table)
    if model is None:
        return NoIndex()
    fields = {field.column: field for field in model._meta.local_concrete_fields}
    if not fields.keys() >= {_column(key) for key in keys}:
        return NoIndex()
    keys = _booleans_last(keys, fields)
    own = [fields[_column(key)] for key in keys]
    names = [field.name for field in own]
    if all(map(_is_boolean, own)):
        shown = _shown(model, names)
        return NoIndex(
            f"no index on {shown} alone: with two values, it would still read about half of the table"
        )
    index_and_text = _index_with_text(model, own, keys, connection)
    if index_and_text is None:
        return NoIndex()
    index, text = index_and_text
    if not index.name:
        index.set_name_with_model(model)
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    sql = str(index.create_sql(model, editor))
    return ProposedIndex(
        index=missing_index(text, model, root),
        columns=tuple(key.column for key in keys),
        is_for_prefixes=keys[0].use == PREFIX,
        name=index.name,
        sql=sql,
        why_missing=_why_missing(model, names, keys),
    )


def _column(key: Key) -> str:
    return key.column.strip('"')


def _booleans_last(keys: Sequence[Key], fields: Mapping[str, Any]) -> Sequence[Key]:
    """Put booleans behind the other equal columns: they narrow least. A range stays last."""
    return sorted(keys, key=lambda key: (key.use != EQUAL, _is_boolean(fields[_column(key)])))


def _is_boolean(field: Any) -> bool:
    return str(field.get_internal_type()) == "BooleanField"


def _why_missing(model: Any, names: Sequence[str], keys: Sequence[Key]) -> str:
    """Tell if a declared index would serve the same filter, empty if none would."""
    is_plain = all(key.use != PREFIX and not key.function for key in keys)
    if is_plain and any(first in names for first, *_ in declared_columns(model)):
        shown = _shown(model, names)
        return f"{shown} has an index in the model, but not in the database: is a migration missing?"
    return ""


def _shown(model: Any, names: Sequence[str]) -> str:
    return f"{model.__qualname__}.{' and '.join(names)}"


def _model_of(table: str) -> Any | None:
    """Find the model of a table: the only one in your code that is managed and no proxy."""
    from django.apps import apps

    models = [model for model in apps.get_models() if model._meta.db_table == table and _is_yours(model)]
    return models[0] if len(models) == 1 else None


def _is_yours(model: Any) -> bool:
    return not model._meta.proxy and model._meta.managed and role_of(file_of(model)) == PROJECT


def _index_with_text(model: Any, fields: Sequence[Any], keys: Sequence[Key], connection: Any) -> Any | None:
    from django.db.models import Index
    from django.db.models.functions import Lower, Upper

    field, key = fields[0], keys[0]
    names = [field.name for field in fields]
    if key.use != PREFIX and not key.function:
        return Index(fields=names), f"models.Index(fields=[{', '.join(map(_quoted, names))}])"
    name = _index_name(model, field, *filter(None, (key.function, "like" if key.use == PREFIX else "")))
    if not key.function:
        column_type = _text_type_of(field, connection)
        classes = [f"{column_type}_{_FOR_PREFIXES}"]
        text = f'models.Index(fields=["{names[0]}"], name="{name}", opclasses=["{classes[0]}"])'
        return None if column_type is None else (Index(fields=names, name=name, opclasses=classes), text)
    function = {"lower": Lower, "upper": Upper}[key.function]
    text = f'{function.__name__}("{names[0]}")'
    if key.use != PREFIX:
        return Index(function(names[0]), name=name), f'models.Index({text}, name="{name}")'
    return _operator_class_index(function(names[0]), text, name)


def _operator_class_index(expression: Any, text: str, name: str) -> Any | None:
    from django.apps import apps
    from django.db.models import Index

    # Without this app, Django cannot put an OpClass into an index.
    if not apps.is_installed("django.contrib.postgres"):
        return None
    from django.contrib.postgres.indexes import OpClass

    index = Index(OpClass(expression, name=f"text_{_FOR_PREFIXES}"), name=name)
    return index, f'models.Index(OpClass({text}, name="text_{_FOR_PREFIXES}"), name="{name}")'


def _text_type_of(field: Any, connection: Any) -> str | None:
    column_type = str(field.db_type(connection)).partition("(")[0]
    return column_type if column_type in ("text", "varchar") else None


def _index_name(model: Any, field: Any, *ends: str) -> str:
    """Name an index that Django gives no name, within the length that Django allows."""
    from django.db.models import Index

    # The end is kept in full length: it differs between the fields of a model.
    end = "_".join((field.name, *ends))[-Index.max_name_length + 2 :].strip("_")
    beginning = model._meta.model_name[: Index.max_name_length - len(end) - 1].strip("_")
    return f"{beginning}_{end}"


def _quoted(name: str) -> str:
    return f'"{name}"'

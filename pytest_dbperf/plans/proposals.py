"""How is an index written in the Meta of a model, and which SQL does Django create it with?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dbperf.callsites.callsite import role_of
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.callsites.shown import relative
from pytest_dbperf.plans.indexes import PREFIX, Key

_FOR_PREFIXES = "pattern_ops"


@dataclass(frozen=True, slots=True)
class ProposedIndex:
    """An index: the line to add and where, its name, and the SQL that creates it."""

    fix: str
    name: str
    sql: str


def propose_index(table: str, keys: Sequence[Key], connection: Any, root: Path) -> ProposedIndex | None:
    """Propose an index for a model of yours, or None: without such a model, or if Django cannot write it."""
    model = _model_of(table)
    if model is None:
        return None
    fields = {field.column: field for field in model._meta.local_concrete_fields}
    columns = [key.column.strip('"') for key in keys]
    if not fields.keys() >= set(columns):
        return None
    index_and_text = _index_with_text(model, [fields[column] for column in columns], keys, connection)
    if index_and_text is None:
        return None
    index, text = index_and_text
    if not index.name:
        index.set_name_with_model(model)
    editor = connection.SchemaEditorClass(connection, collect_sql=True)
    sql = str(index.create_sql(model, editor))
    return ProposedIndex(f"{_in_meta(model, text)}   in {_location_of(model, root)}", index.name, sql)


def _model_of(table: str) -> Any | None:
    """Find the model of a table: the only one in your code that is managed and no proxy."""
    from django.apps import apps

    models = [model for model in apps.get_models() if model._meta.db_table == table and _is_yours(model)]
    return models[0] if len(models) == 1 else None


def _is_yours(model: Any) -> bool:
    return not model._meta.proxy and model._meta.managed and role_of(_file_of(model)) == PROJECT


def _file_of(model: Any) -> str:
    return getattr(sys.modules.get(model.__module__), "__file__", None) or ""


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


def _in_meta(model: Any, text: str) -> str:
    if model._meta.indexes:
        return f"Meta.indexes: add {text}"
    return f"class Meta: indexes = [{text}]"


def _location_of(model: Any, root: Path) -> str:
    return f"{relative(_file_of(model), root)} {model.__qualname__}"

"""What is a query for? Some frames of Django know the row, the relation, or the line of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from pytest_dbperf.callsites.callsite import CallSite, FrameReader, register_frame_readers, role_of
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.probes.fetched_rows import rows_of
from pytest_dbperf.probes.parameters import hash_of
from pytest_dbperf.probes.querysets import FOREIGN_KEY, MANY_TO_MANY, origin_of
from pytest_dbperf.probes.seam import Undo
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.recording.recorder import Recorder

_CONTENT_TYPES = ("get_by_natural_key", "get_for_id", "get_for_model", "get_for_models")
# `bulk_update` has replaced its argument batch_size by the number that it uses, which may be smaller.
_BULK_METHODS = ("bulk_create", "bulk_update")
_SITES = ("_get_site_by_id", "_get_site_by_request")
# The methods of Django's test client that log in and out, and the functions of libraries that make test rows.
_LOG_INS = ("login", "force_login", "logout")
_FACTORIES = {"factory": ("builder.py", "StepBuilder.build"), "model_bakery": ("baker.py", "Baker._make")}
# A formset numbers its forms, and has an empty one as a template for more.
_PREFIX_IN_FORMSET = re.compile(r"-(?:\d+|__prefix__)$")
# These decide what a query is for, also if a related manager has made its queryset.
_WHATEVER_IS_FETCHED = (LoadedVia.PREFETCH, LoadedVia.PREPARATION)
# Lines of templates that queries have come from.
_MOST_LINES = 10_000


def frame_readers() -> Mapping[str, Mapping[str, FrameReader]]:
    """Return the readers of Django's frames that know what a query is for, by file and function.

    The functions are given by name, as models cannot be imported before Django is set up.
    """
    return {
        "db/models/fields/related_descriptors.py": {
            "ForwardManyToOneDescriptor.__get__": _read_relation,
            "ReverseOneToOneDescriptor.__get__": _read_reverse_relation,
            # These query the table of the many-to-many relation.
            f"{MANY_TO_MANY}.count": _read_manager,
            f"{MANY_TO_MANY}.exists": _read_manager,
        },
        "db/models/query_utils.py": {"DeferredAttribute.__get__": _read_deferred_field},
        "db/models/query.py": {
            "QuerySet.count": _read_queryset,
            "QuerySet.exists": _read_queryset,
            "prefetch_one_level": _read_prefetch,
            **{f"QuerySet.{name}": _read_bulk_method for name in _BULK_METHODS},
        },
        # Of full_clean(): uniqueness, constraints, and whether the row of a foreign key exists.
        "db/models/base.py": {"Model._perform_unique_checks": _read_validation},
        "db/models/constraints.py": {
            "CheckConstraint.validate": _read_validation,
            "UniqueConstraint.validate": _read_validation,
        },
        "db/models/fields/related.py": {"ForeignKey.validate": _read_validation},
        "contrib/postgres/constraints.py": {"ExclusionConstraint.validate": _read_validation},
        "template/base.py": {"Node.render_annotated": _read_template},
        "contrib/contenttypes/fields.py": {
            "GenericForeignKey.__get__": _read_generic_key,
            "GenericForeignKeyDescriptor.__get__": _read_generic_key,  # Since Django 6.0.
        },
        "contrib/contenttypes/models.py": {
            f"ContentTypeManager.{name}": _read_cache for name in _CONTENT_TYPES
        },
        "contrib/sites/models.py": {f"SiteManager.{name}": _read_cache for name in _SITES},
        "forms/boundfield.py": {
            "BoundField.as_widget": _read_bound_field,
            "BoundField.subwidgets": _read_bound_field,
        },
        "forms/forms.py": {"BaseForm._clean_fields": _read_form},
        "test/client.py": {f"ClientMixin.{name}": _read_preparation for name in _LOG_INS},
    }


def install(_: Recorder) -> Undo:
    """Read the frames of these functions whenever a walk passes them."""
    import django

    home = Path(django.__file__).parent
    of_django = {str(home / file): readers for file, readers in frame_readers().items()}
    return register_frame_readers({**of_django, **readers_of_factories()})


def readers_of_factories() -> Mapping[str, Mapping[str, FrameReader]]:
    """Return the readers for the libraries that make rows, of those that are installed.

    A package of yours may have the name of such a library.
    """
    specs = {package: find_spec(package) for package in _FACTORIES}
    return {
        str(Path(spec.origin).parent / _FACTORIES[package][0]): {_FACTORIES[package][1]: _read_preparation}
        for package, spec in specs.items()
        if spec is not None and spec.origin is not None and "-packages" in spec.origin
    }


def load_of(seen: list[RelationLoad], queryset: Any) -> RelationLoad | None:
    """Tell what a query loads, from the frames that led to it and the queryset that fetches rows."""
    load = seen[0] if seen else None
    if queryset is None or (load is not None and load.via in _WHATEVER_IS_FETCHED):
        return load
    of_relation = _of_related_manager(queryset)
    if of_relation is not None and this_thread.fetching.is_streamed:
        return of_relation._replace(is_plain_relation=False)
    return of_relation or load


def _load(
    via: LoadedVia, name: str, instance: Any, *, is_plain_relation: bool = True, rows: int = 1
) -> RelationLoad:
    # Not getattr(): that might load a deferred field.
    known, pk = vars(instance), instance._meta.pk
    # A composite key has no column and no attribute, but its fields have both.
    key = (known.get(pk.attname),) if pk.column else tuple(known.get(field.attname) for field in pk)
    row = None if None in key else hash_of(key)
    batch = rows_of(instance)
    load = RelationLoad(via, type(instance), name, row, batch, is_plain_relation, rows)
    return load._replace(instance=id(instance))


def _of_related_manager(queryset: Any) -> RelationLoad | None:
    """Tell for which instance a related manager has created a queryset, None if none has."""
    origin = origin_of(queryset)
    if origin is None or origin.manager is None:
        return None
    return _load_of_manager(origin.manager, is_unchanged=origin.clones == 0)


def _load_of_manager(manager: Any, *, is_unchanged: bool = True) -> RelationLoad:
    name, instance = _accessor_of(manager), manager.instance
    # `related(manager="published")` makes a manager of another class, which may return other rows.
    usual = getattr(getattr(type(instance), name, None), "related_manager_cls", type(manager))
    is_usual = usual is type(manager) and manager._db in (None, instance._state.db)
    return _load(LoadedVia.TO_MANY, name, instance, is_plain_relation=is_unchanged and is_usual)


def _accessor_of(manager: Any) -> str:
    """Return the name of the attribute that has a related manager, as `prefetch_related()` expects it."""
    class_name = type(manager).__qualname__
    if class_name == FOREIGN_KEY:
        return str(manager.field.remote_field.get_accessor_name())
    if class_name == MANY_TO_MANY and manager.reverse:
        # Several relations may have the same model in between, and a model several relations to itself.
        relations = manager.instance._meta.related_objects
        names = (one.get_accessor_name() for one in relations if _is_of(one, manager))
        return str(next(names, manager.prefetch_cache_name))
    return str(manager.prefetch_cache_name)


def _is_of(relation: Any, manager: Any) -> bool:
    return relation.related_model is manager.model and relation.field.name == manager.query_field_name


def _read_relation(frame: FrameType, seen: list[Any] | None) -> None:
    # The innermost frame counts.
    if seen is not None and not seen:
        known = frame.f_locals
        field = known["self"].field
        seen.append(_load(LoadedVia.TO_ONE, field.name, known["instance"])._replace(relation=field))


def _read_reverse_relation(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        relation = known["self"].related
        load = _load(LoadedVia.TO_ONE, relation.get_accessor_name(), known["instance"])
        seen.append(load._replace(other_name=relation.name, relation=relation))


def _read_deferred_field(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        seen.append(_load(LoadedVia.DEFERRED, known["self"].field.name, known["instance"]))


def _read_generic_key(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        descriptor = known["self"]
        # Since Django 6.0 the field has a descriptor. Before, it was the descriptor itself.
        field = vars(descriptor).get("field", descriptor)
        seen.append(_load(LoadedVia.GENERIC, field.name, known["instance"]))


def _read_prefetch(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        instances, lookup, level = known["instances"], known["lookup"], known["level"]
        # They differ where the `Prefetch` has a `to_attr`.
        name, kept_as = (path.split("__")[level] for path in (lookup.prefetch_through, lookup.prefetch_to))
        # A `Prefetch` with a queryset may ask for more than the relation.
        is_plain_relation = lookup.get_current_querysets(level) is None
        load = _load(
            LoadedVia.PREFETCH,
            name,
            instances[0],
            is_plain_relation=is_plain_relation,
            rows=len(instances),
        )
        seen.append(load._replace(other_name=kept_as))


def _read_queryset(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen and (load := _of_related_manager(frame.f_locals["self"])):
        seen.append(load)


def _read_manager(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        seen.append(_load_of_manager(frame.f_locals["self"]))


def _read_cache(_: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        seen.append(RelationLoad(LoadedVia.CACHE))


def _read_validation(_: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        seen.append(RelationLoad(LoadedVia.VALIDATION))


def _read_bulk_method(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        objects = known["objs"]
        # It may still be a queryset, and its length would run a query. A single object needs no larger batch.
        if known["batch_size"] == 1 and type(objects) in (list, tuple) and len(objects) > 1:
            seen.append(RelationLoad(LoadedVia.BATCH_OF_ONE, name=frame.f_code.co_name))


def _read_preparation(_: FrameType, seen: list[Any] | None) -> None:
    # All queries below this frame, also those of a signal's receiver, prepare the test.
    if seen is not None:
        seen[:] = [RelationLoad(LoadedVia.PREPARATION, is_plain_relation=False)]


def _read_bound_field(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        field = frame.f_locals["self"]
        seen.extend(_loads_of_form(field.form, field.name))


def _read_form(frame: FrameType, seen: list[Any] | None) -> None:
    if seen is not None and not seen:
        known = frame.f_locals
        seen.extend(_loads_of_form(known["self"], known["name"]))


def _loads_of_form(form: Any, name: str) -> Iterator[RelationLoad]:
    """Tell which field of a form asks, if the form is one of a formset."""
    prefix = vars(form).get("prefix")
    if isinstance(prefix, str) and _PREFIX_IN_FORMSET.search(prefix):
        yield RelationLoad(LoadedVia.FORM, type(form), name, hash(prefix), is_plain_relation=False)


def _read_template(frame: FrameType, _: list[Any] | None) -> CallSite | None:
    node = frame.f_locals["self"]
    token, origin = node.token, vars(node).get("origin")
    # A node that no parser has made has neither.
    if token is None or origin is None or role_of(origin.name) is not PROJECT:
        return None
    brackets = "{{ %s }}" if type(node).__name__ == "VariableNode" else "{%% %s %%}"
    return _line_of_template(origin.name, token.lineno, brackets % token.contents)


@lru_cache(_MOST_LINES)
def _line_of_template(name: str, line: int, text: str) -> CallSite:
    """Make a call site for a line of a template, as template engines do it for their tracebacks."""
    code: CodeType = compile("", name, "exec")
    return code.replace(co_name=text, co_qualname=text, co_firstlineno=line), -1

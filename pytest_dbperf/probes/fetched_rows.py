"""Which rows were fetched together? Each instance knows the query and the other rows that it came with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import chain
from sys import _getframe as getframe
from typing import Any

from pytest_dbperf.probes.querysets import origin_of
from pytest_dbperf.probes.seam import Undo, wrap
from pytest_dbperf.probes.threads import Fetching, this_thread
from pytest_dbperf.recording.bugs import Guard, note
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad
from pytest_dbperf.recording.recorder import Recorder

# The method of a queryset that makes all instances before any other code goes on.
_AT_ONCE = "_fetch_all"
# The methods that fetch rows without keeping them.
_STREAMS = frozenset(("_iterator", "_async_generator"))

_DURING = "noting where rows come from"
_RECORDING = Guard(_DURING)


def install(recorder: Recorder) -> Undo:
    """Wrap where querysets make instances of rows."""
    from django.db.models.base import ModelState
    from django.db.models.query import ModelIterable

    # On the class, so that reading it never creates an instance's dictionary. It stays after an undo: other
    # code may have wrapped our wrappers and still call them.
    ModelState._dbperf_rows = None  # type: ignore[attr-defined]  # ours
    return wrap(ModelIterable, "__iter__", functools.partial(_around_iter, recorder))


def _around_iter(
    recorder: Recorder, original: Callable[[Any], Iterator[Any]]
) -> Callable[[Any], Iterator[Any]]:
    @functools.wraps(original)
    def __iter__(self: Any) -> Iterator[Any]:
        rows = original(self)
        if not recorder.wants_frames:
            return rows
        with _RECORDING:
            return _mark_rows(self.queryset, rows, getframe(1).f_code.co_name)
        return rows

    return __iter__


def rows_of(instance: Any) -> FetchedRows | None:
    """Return the rows that an instance was fetched with, also while it is still being made of its row."""
    rows: FetchedRows | None = instance._state._dbperf_rows
    fetching: Fetching | None = this_thread.fetching
    while rows is None and fetching is not None:
        if fetching.query is not None and getattr(fetching.making, "model", None) is type(instance):
            if fetching.rows is None:
                fetching.rows = _batch_of(
                    fetching.making, fetching.query, is_streamed=False, are_being_made=True
                )
            rows = fetching.rows
        fetching = fetching.outer
    return rows


def _mark_rows(queryset: Any, rows: Any, caller: str) -> Iterator[Any]:
    """Note on each instance, and on those selected with it, which rows it was fetched with."""
    outer, is_at_once = this_thread.fetching, caller == _AT_ONCE
    making = queryset if is_at_once else None
    fetching = this_thread.fetching = Fetching(
        queryset, is_streamed=caller in _STREAMS, making=making, outer=outer
    )
    try:
        first = next(rows, None)
    finally:
        this_thread.fetching = outer
    fetched = fetching.query
    if first is None:
        with _RECORDING:
            _note_missing(fetched)
        return
    marks = None
    # A row may become something else than an instance of a model.
    if fetched is not None and getattr(first, "_state", None) is not None:
        with _RECORDING:
            marks = _marks_of(queryset, fetched, is_streamed=fetching.is_streamed)
    if marks is None:
        yield first
        yield from rows
        return
    batch, related = marks
    try:
        if is_at_once:
            this_thread.fetching = fetching
        for row in chain((first,), rows):
            try:
                row._state._dbperf_rows = batch
                if related:
                    _mark_related(row, related)
            except Exception as error:  # noqa: BLE001  # Whatever breaks here: your code gets its rows.
                note(_DURING, error)
            yield row
    finally:
        rows.close()
        if is_at_once:
            this_thread.fetching = outer


def _marks_of(queryset: Any, fetched: Query, *, is_streamed: bool) -> tuple[FetchedRows, _Related]:
    """Make the batch of the rows that a query has fetched, and those of the relations selected with them."""
    batch = _batch_of(queryset, fetched, is_streamed=is_streamed)
    selected = _selected(queryset.query)
    return batch, _related(batch, queryset.model, selected) if selected else ()


def _batch_of(
    queryset: Any, fetched: Query, *, is_streamed: bool, are_being_made: bool = False
) -> FetchedRows:
    query = queryset.query
    # If the query asks for more than the relation, the queryset counts as one of its own.
    load = fetched.load if fetched.load is not None and fetched.load.is_plain_relation else None
    is_locked = query.select_for_update and not query.select_for_update_of
    named, defers = query.deferred_loading
    joined = tuple(_longest_names(_selected(query))) if query.select_related is True else ()
    fields: tuple[Any, ...] = (
        *(origin_of(queryset), fetched, load, defers),
        *(is_locked, query.combinator is not None, is_streamed, are_being_made, named, joined, []),
    )
    return tuple.__new__(FetchedRows, fields)


def _note_missing(query: Query | None) -> None:
    """Note with the rows that a query has found no related row for one of them."""
    load = query.load if query is not None else None
    if load is not None and load.via is LoadedVia.TO_ONE and load.batch is not None:
        load.batch.missing.append(load.name)


def _selected(query: Any) -> dict[str, Any]:
    """Return the relations that `select_related()` joins, level by level, also those without a name."""
    selected = query.select_related
    if selected is True:
        return _joined_by_default(query.get_meta(), query.max_depth)
    return selected or {}


def _joined_by_default(opts: Any, depth: int) -> dict[str, Any]:
    return {
        field.name: _joined_by_default(field.remote_field.model._meta, depth - 1)
        for field in (opts.fields if depth > 0 else ())
        if field.remote_field and not field.null and not getattr(field.remote_field, "parent_link", False)
    }


def _longest_names(selected: dict[str, Any]) -> Iterator[str]:
    for name, below in selected.items():
        if below:
            yield from (f"{name}__{longer}" for longer in _longest_names(below))
        else:
            yield name


_Related = tuple[tuple[str, FetchedRows, Any], ...]


def _related(batch: FetchedRows, model: Any, selected: dict[str, Any]) -> _Related:
    """Make batches of the relations that `select_related()` named, level by level."""
    related: list[tuple[str, FetchedRows, Any]] = []
    for name, below in selected.items():
        # A FilteredRelation has a name of its own, and is no field.
        relation = model._meta._forward_fields_map.get(name) or model._meta.fields_map.get(name)
        if relation is not None:
            load = RelationLoad(LoadedVia.TO_ONE, name=relation.cache_name, batch=batch, other_name=name)
            joined = FetchedRows(batch.origin, batch.query, load, missing=[])
            related.append((load.name, joined, _related(joined, relation.related_model, below)))
    return tuple(related)


def _mark_related(row: Any, related: _Related) -> None:
    for name, batch, below in related:
        instance = row._state.fields_cache.get(name)
        # An instance that has rows already comes from another query.
        if instance is not None and instance._state._dbperf_rows is None:
            instance._state._dbperf_rows = batch
            _mark_related(instance, below)

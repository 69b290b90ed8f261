"""Where do rows come from? Notes on querysets where they were made, and on the instances of their rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from sys import _getframe as getframe
from typing import Any

from pytest_dbperf.callsite import nearest_of_yours
from pytest_dbperf.loads import Batch, Birth, LoadKind
from pytest_dbperf.probes.seam import Undo, replace, together
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import Recorder

# In the state of an instance, and not in itself: there every attribute may be a field.
BATCH = "_dbperf_batch"
BIRTH = "_dbperf_birth"
CLONES = "_dbperf_clones"

# Enough to find the function that uses the queryset, above the one that makes it.
_MOST_SITES = 4


def install(recorder: Recorder) -> Undo:
    """Wrap where managers make querysets, where these are cloned, and where they make instances of rows."""
    from django.db.models.manager import BaseManager
    from django.db.models.query import ModelIterable, QuerySet

    # Until Django 6.1, the filter of a relation is a clone.
    filters_in_place = hasattr(QuerySet, "_avoid_cloning")

    def around_get_queryset(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(original)
        def get_queryset(self: Any) -> Any:
            queryset = original(self)
            if recorder.wants_frames:
                manager, clones = vars(self), 0
                is_related = "core_filters" in manager and "instance" in manager
                if is_related and not filters_in_place:
                    uses = "content_type_field_name" in manager or manager["_db"] is not None
                    clones = 2 if uses else 1
                path = nearest_of_yours(getframe(1), _MOST_SITES)
                noted = vars(queryset)
                noted[BIRTH] = Birth(path, self if is_related else None, clones)
                noted[CLONES] = 0
            return queryset

        return get_queryset

    def around_clone(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(original)
        def _clone(self: Any) -> Any:
            clone = original(self)
            noted = self.__dict__
            if BIRTH in noted:
                noting = clone.__dict__
                noting[BIRTH] = noted[BIRTH]
                noting[CLONES] = noted[CLONES] + 1
            return clone

        return _clone

    def around_iter(original: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
        @functools.wraps(original)
        def __iter__(self: Any) -> Iterator[Any]:
            rows = original(self)
            return _noted(self.queryset, rows) if recorder.wants_frames else rows

        return __iter__

    return together(
        replace(BaseManager, "get_queryset", around_get_queryset),
        replace(QuerySet, "_clone", around_clone),
        replace(ModelIterable, "__iter__", around_iter),
    )


def _noted(queryset: Any, rows: Any) -> Iterator[Any]:
    """Note on each instance which batch it belongs to, and on those that were selected with it."""
    thread = this_thread
    thread.fetching, thread.fetched = queryset, None
    try:
        first = next(rows, None)
    finally:
        thread.fetching = None
    if first is None:
        return
    batch = _batch_of(queryset)
    selected = queryset.query.select_related
    related = _related(batch, selected) if isinstance(selected, dict) else ()
    try:
        setattr(first._state, BATCH, batch)
        _note_related(first, related)
        yield first
        for row in rows:
            setattr(row._state, BATCH, batch)
            if related:
                _note_related(row, related)
            yield row
    finally:
        rows.close()


def _batch_of(queryset: Any) -> Batch | None:
    fetched = this_thread.fetched
    if fetched is None:
        return None  # Nobody has recorded it.
    birth: Birth | None = vars(queryset).get(BIRTH)
    # What asks for more than the relation is a queryset of its own.
    load = fetched.load if fetched.load is not None and fetched.load.is_whole else None
    _, defers = queryset.query.deferred_loading
    return Batch(
        birth.path if birth else (),
        fetched.call_path,
        defers=defers,
        parent=load.batch if load else None,
        kind=load.kind if load else None,
        name=load.name if load else "",
    )


_Related = tuple[tuple[str, Batch, Any], ...]


def _related(batch: Batch | None, selected: dict[str, Any]) -> _Related:
    """Make batches of what `select_related()` named, level by level."""
    if batch is None:
        return ()
    batches = {
        name: Batch(batch.born, batch.evaluated, parent=batch, kind=LoadKind.TO_ONE, name=name)
        for name in selected
    }
    return tuple((name, below, _related(below, selected[name])) for name, below in batches.items())


def _note_related(row: Any, related: _Related) -> None:
    for name, batch, below in related:
        instance = row._state.fields_cache.get(name)
        # One that is known from elsewhere is not of this batch.
        if instance is not None and BATCH not in vars(instance._state):
            setattr(instance._state, BATCH, batch)
            _note_related(instance, below)

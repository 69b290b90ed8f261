"""Where do rows come from? A queryset knows where it was created, an instance with which rows it came."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from inspect import CO_OPTIMIZED
from itertools import chain
from sys import _getframe as getframe
from types import FrameType
from typing import Any

from pytest_dbperf.bugs import Guard, note
from pytest_dbperf.callsites.callsite import nearby_sites
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, QuerySetOrigin, RelationLoad
from pytest_dbperf.recording.recorder import Recorder

# The classes that Django makes for each relation, by name: looking into each manager would be slower.
FOREIGN_KEY = "create_reverse_many_to_one_manager.<locals>.RelatedManager"
MANY_TO_MANY = "create_forward_many_to_many_manager.<locals>.ManyRelatedManager"
GENERIC = "create_generic_related_manager.<locals>.GenericRelatedObjectManager"
# The methods that return a manager's queryset: Django's, and those of managers that override get_queryset().
_METHODS_OF_MANAGERS = frozenset(("all", "get_queryset", "manager_method"))
# The methods of a queryset that fetch rows without keeping them.
_STREAMS = frozenset(("_iterator", "_async_generator"))
_RELATED = frozenset((FOREIGN_KEY, MANY_TO_MANY, GENERIC))

_DURING = "noting where rows come from"
_RECORDING = Guard(_DURING)


def install(recorder: Recorder) -> Undo:
    """Wrap where managers create querysets, where these are cloned, and where they make instances of rows."""
    from django.db.models.base import ModelState
    from django.db.models.manager import BaseManager
    from django.db.models.query import ModelIterable, QuerySet

    # On the classes, so that reading them never creates an instance's dictionary. They stay after an undo:
    # other code may have wrapped our wrappers and still call them.
    QuerySet._dbperf_origin = None  # type: ignore[attr-defined]  # ours
    ModelState._dbperf_rows = None  # type: ignore[attr-defined]  # ours
    # Before Django 6.1, filtering for a relation clones the queryset.
    filters_in_place = hasattr(QuerySet, "_avoid_cloning")

    around_get_queryset = functools.partial(_around_get_queryset, recorder, filters_in_place)
    return undo_all(
        wrap(BaseManager, "get_queryset", around_get_queryset),
        wrap(QuerySet, "_add_hints", functools.partial(_around_add_hints, filters_in_place)),
        wrap(QuerySet, "_clone", _around_clone),
        wrap(ModelIterable, "__iter__", functools.partial(_around_iter, recorder)),
    )


def _around_get_queryset(
    recorder: Recorder,
    filters_in_place: bool,
    original: Callable[[Any], Any],
) -> Callable[[Any], Any]:
    from django.db.models.query import QuerySet

    @functools.wraps(original)
    def get_queryset(self: Any) -> Any:
        queryset = original(self)
        try:
            is_wanted = recorder.wants_frames or _is_made_once(getframe(1))
            # A custom manager may return anything.
            if is_wanted and isinstance(queryset, QuerySet):
                is_related = type(self).__qualname__ in _RELATED
                clones = _clones_left(self, filters_in_place) if is_related else 0
                fields = nearby_sites(getframe(1)), self if is_related else None, clones
                queryset._dbperf_origin = tuple.__new__(QuerySetOrigin, fields)  # type: ignore[attr-defined]  # ours
        except Exception as error:  # noqa: BLE001  # Whatever breaks here: your code gets its queryset.
            note(_DURING, error)
        return queryset

    return get_queryset


def _around_add_hints(filters_in_place: bool, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def _add_hints(self: Any, **hints: Any) -> None:
        original(self, **hints)
        # From here on, a related manager filters. A prefetch also does what a custom manager did before.
        with _RECORDING:
            origin: QuerySetOrigin | None = self._dbperf_origin
            if origin is not None and origin.manager is not None:
                clones = _clones_left(origin.manager, filters_in_place)
                if clones != origin.clones:
                    self._dbperf_origin = origin._replace(clones=clones)

    return _add_hints


def _around_clone(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def _clone(self: Any) -> Any:
        clone = original(self)
        try:
            origin: QuerySetOrigin | None = self._dbperf_origin
            if origin is not None:
                is_plain = origin.manager is None
                clone._dbperf_origin = origin if is_plain else origin._replace(clones=origin.clones - 1)
        except Exception as error:  # noqa: BLE001  # Whatever breaks here: your code gets its queryset.
            note(_DURING, error)
        return clone

    return _clone


def _around_iter(
    recorder: Recorder, original: Callable[[Any], Iterator[Any]]
) -> Callable[[Any], Iterator[Any]]:
    @functools.wraps(original)
    def __iter__(self: Any) -> Iterator[Any]:
        rows = original(self)
        if not recorder.wants_frames:
            return rows
        with _RECORDING:
            is_streamed = getframe(1).f_code.co_name in _STREAMS
            return _mark_rows(self.queryset, rows, is_streamed=is_streamed)
        return rows

    return __iter__


def _clones_left(manager: Any, filters_in_place: bool) -> int:
    """Return how often Django still clones a queryset until its related manager returns it."""
    if filters_in_place:
        return 0
    return 2 if type(manager).__qualname__ == GENERIC or manager._db is not None else 1


def _is_made_once(frame: FrameType) -> bool:
    """Tell whether this is the body of a class or a module, which may run before anything is recorded."""
    while frame.f_code.co_name in _METHODS_OF_MANAGERS and frame.f_back is not None:
        frame = frame.f_back
    return not frame.f_code.co_flags & CO_OPTIMIZED


def _mark_rows(queryset: Any, rows: Any, *, is_streamed: bool) -> Iterator[Any]:
    """Note on each instance, and on those selected with it, which rows it was fetched with."""
    fetching = this_thread.fetching
    fetching.queryset, fetching.is_streamed = queryset, is_streamed
    try:
        first = next(rows, None)
    finally:
        # The probe of queries has removed the queryset if it has recorded a query for it.
        fetched = fetching.query if fetching.queryset is None else None
        fetching.queryset = None
    if first is None:
        return
    marks = None
    # A row may become something else than an instance of a model.
    if fetched is not None and getattr(first, "_state", None) is not None:
        with _RECORDING:
            marks = _marks_of(queryset, fetched, is_streamed=is_streamed)
    if marks is None:
        yield first
        yield from rows
        return
    batch, related = marks
    try:
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


_Related = tuple[tuple[str, FetchedRows, Any], ...]


def _marks_of(queryset: Any, fetched: Query, *, is_streamed: bool) -> tuple[FetchedRows, _Related]:
    """Make the batch of the rows that a query has fetched, and those of the relations selected with them."""
    query = queryset.query
    # If the query asks for more than the relation, the queryset counts as one of its own.
    load = fetched.load if fetched.load is not None and fetched.load.is_plain_relation else None
    is_locked = query.select_for_update and not query.select_for_update_of
    fields = (
        *(queryset._dbperf_origin, fetched, load, query.deferred_loading[1]),
        *(is_locked, query.combinator is not None, is_streamed),
    )
    batch = tuple.__new__(FetchedRows, fields)
    related = _related(batch, query.select_related) if isinstance(query.select_related, dict) else ()
    return batch, related


def _related(batch: FetchedRows, selected: dict[str, Any]) -> _Related:
    """Make batches of the relations that `select_related()` named, level by level."""
    related: list[tuple[str, FetchedRows, Any]] = []
    for name, below in selected.items():
        joined = FetchedRows(
            batch.origin, batch.query, RelationLoad(LoadedVia.TO_ONE, name=name, batch=batch)
        )
        related.append((name, joined, _related(joined, below)))
    return tuple(related)


def _mark_related(row: Any, related: _Related) -> None:
    for name, batch, below in related:
        instance = row._state.fields_cache.get(name)
        # An instance that has rows already comes from another query.
        if instance is not None and instance._state._dbperf_rows is None:
            instance._state._dbperf_rows = batch
            _mark_related(instance, below)

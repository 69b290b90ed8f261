"""Where was a queryset created, and for which relation? It knows the code that asked, and the manager."""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import CO_OPTIMIZED
from sys import _getframe as getframe
from types import FrameType
from typing import Any

from pytest_dbperf.callsites.callsite import nearby_sites
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.recording.bugs import Guard, note
from pytest_dbperf.recording.loads import QuerySetOrigin
from pytest_dbperf.recording.recorder import Recorder

# The classes that Django makes for each relation, by name: looking into each manager would be slower.
FOREIGN_KEY = "create_reverse_many_to_one_manager.<locals>.RelatedManager"
MANY_TO_MANY = "create_forward_many_to_many_manager.<locals>.ManyRelatedManager"
GENERIC = "create_generic_related_manager.<locals>.GenericRelatedObjectManager"
# Where such a manager filters a queryset for its instance, whatever its model's own manager has done before.
_FILTERING = frozenset(f"{name}._apply_rel_filters" for name in (FOREIGN_KEY, MANY_TO_MANY, GENERIC))
# The functions of Django and of this module between the creation of a query and the code that asked for it.
_BETWEEN = {
    *("QuerySet.__init__", "BaseManager.get_queryset", "BaseManager.all", "_around_all.<locals>.all_rows"),
    *(f"{name}.get_queryset" for name in (FOREIGN_KEY, MANY_TO_MANY, GENERIC)),
}
# The same by name, with those of classes that override them.
_CONSTRUCTOR = "__init__"
_RETURN_QUERYSETS = frozenset(("all", "all_rows", "get_queryset", "manager_method", _CONSTRUCTOR))
# The compiler of a query that reads rows.
_READS = "SQLCompiler"

_DURING = "noting where rows come from"
_RECORDING = Guard(_DURING)


def install(recorder: Recorder) -> Undo:
    """Wrap where querysets are created, filtered for a relation, and cloned."""
    from django.db.models.manager import BaseManager
    from django.db.models.query import QuerySet
    from django.db.models.sql.query import Query

    # It stays after an undo: other code may have wrapped our wrappers and still call them.
    Query._dbperf_origin = None  # type: ignore[attr-defined]  # ours
    # Before Django 6.1, filtering for a relation clones the queryset.
    filters_in_place = hasattr(QuerySet, "_avoid_cloning")

    return undo_all(
        wrap(Query, "__init__", functools.partial(_around_query, recorder)),
        wrap(QuerySet, "_add_hints", functools.partial(_around_add_hints, recorder, filters_in_place)),
        wrap(QuerySet, "using", functools.partial(_around_using, recorder, filters_in_place)),
        wrap(BaseManager, "all", functools.partial(_around_all, recorder)),
        wrap(QuerySet, "_clone", _around_clone),
    )


def origin_of(queryset: Any) -> QuerySetOrigin | None:
    """Return where a queryset was created, None if nothing was recorded then.

    It is noted on the query, which each clone of a queryset copies anyway.
    """
    origin: QuerySetOrigin | None = queryset._query._dbperf_origin
    return origin


def _around_query(recorder: Recorder, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: Any, model: Any, alias_cols: bool = True) -> None:  # noqa: FBT002  # Django's
        original(self, model, alias_cols)
        try:
            # A manager may create a queryset without calling super(), so the managers are not the place.
            if self.compiler == _READS and (recorder.wants_frames or _is_made_once(getframe(1))):
                fields = nearby_sites(_asking_from(getframe(1))), None, 0
                self._dbperf_origin = tuple.__new__(QuerySetOrigin, fields)
        except Exception as error:  # noqa: BLE001  # Whatever breaks here: your code gets its query.
            note(_DURING, error)

    return __init__


def _around_add_hints(
    recorder: Recorder, filters_in_place: bool, original: Callable[..., None]
) -> Callable[..., None]:
    @functools.wraps(original)
    def _add_hints(self: Any, **hints: Any) -> None:
        original(self, **hints)
        # The managers of foreign keys and of many-to-many relations begin to filter with this.
        if recorder.wants_frames:
            with _RECORDING:
                _note_manager(self, getframe(1), filters_in_place)

    return _add_hints


def _around_using(
    recorder: Recorder, filters_in_place: bool, original: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], Any]:
    @functools.wraps(original)
    def using(self: Any, alias: Any) -> Any:
        # The managers of generic relations begin to filter with this.
        if recorder.wants_frames:
            with _RECORDING:
                _note_manager(self, getframe(1), filters_in_place)
        return original(self, alias)

    return using


def _around_all(recorder: Recorder, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from django.db.models.query import QuerySet

    @functools.wraps(original)
    def all_rows(self: Any) -> Any:
        queryset = original(self)
        # A library may have related managers of its own, as taggit does. get_queryset() may return anything.
        if recorder.wants_frames and "prefetch_cache_name" in vars(self) and isinstance(queryset, QuerySet):
            with _RECORDING:
                origin = origin_of(queryset) or QuerySetOrigin(())
                if origin.manager is None and vars(self).get("instance") is not None:
                    queryset._query._dbperf_origin = origin._replace(manager=self)  # type: ignore[attr-defined]  # ours
        return queryset

    return all_rows


def _around_clone(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def _clone(self: Any) -> Any:
        clone = original(self)
        try:
            query = clone._query
            origin: QuerySetOrigin | None = query._dbperf_origin
            if origin is not None and origin.manager is not None:
                query._dbperf_origin = origin._replace(clones=origin.clones - 1)
        except Exception as error:  # noqa: BLE001  # Whatever breaks here: your code gets its queryset.
            note(_DURING, error)
        return clone

    return _clone


def _note_manager(queryset: Any, frame: FrameType, filters_in_place: bool) -> None:
    """Note the related manager that has begun to filter a queryset for its instance, if one has."""
    code, asking = frame.f_code, frame.f_back
    # A prefetch lets it filter a queryset of yours.
    if code.co_qualname in _FILTERING and asking is not None and asking.f_code.co_name == "get_queryset":
        manager = frame.f_locals["self"]
        origin = origin_of(queryset)
        # A manager that has an alias calls using() as well.
        if origin is None or origin.manager is not manager:
            frames = origin.frames if origin is not None else ()
            fields = frames, manager, _clones_left(manager, filters_in_place)
            queryset._query._dbperf_origin = tuple.__new__(QuerySetOrigin, fields)


def _clones_left(manager: Any, filters_in_place: bool) -> int:
    """Return how often Django still clones a queryset until its related manager returns it."""
    if filters_in_place:
        return 0
    return 2 if type(manager).__qualname__ == GENERIC or manager._db is not None else 1


def _asking_from(frame: FrameType) -> FrameType:
    """Walk outwards to the code that asked for a queryset."""
    while frame.f_back is not None and (
        frame.f_code.co_qualname in _BETWEEN
        or (frame.f_code.co_name == _CONSTRUCTOR and _makes_queryset(frame))
    ):
        frame = frame.f_back
    return frame


def _makes_queryset(frame: FrameType) -> bool:
    """Tell whether a constructor is that of a class derived from Django's querysets or queries."""
    from django.db.models.query import QuerySet
    from django.db.models.sql.query import Query

    return isinstance(frame.f_locals.get(frame.f_code.co_varnames[0]), QuerySet | Query)


def _is_made_once(frame: FrameType) -> bool:
    """Tell whether this is the body of a class or a module, which may run before anything is recorded."""
    while frame.f_code.co_name in _RETURN_QUERYSETS and frame.f_back is not None:
        frame = frame.f_back
    return not frame.f_code.co_flags & CO_OPTIMIZED

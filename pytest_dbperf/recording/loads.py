"""What did a query load for a row, and which rows were loaded together?"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from itertools import compress, takewhile
from typing import Any, NamedTuple, Self

from pytest_dbperf.callsites.callsite import CallPath, CallSite, role_of
from pytest_dbperf.callsites.ownership import DJANGO, PLUMBING, PROJECT

# Django's modules that create querysets when other code asks for one.
_MAKE_QUERYSETS = (
    *("db/models/manager.py", "db/models/query.py", "db/models/fields/related_descriptors.py"),
    "contrib/contenttypes/fields.py",
)
# The method of every manager, also a library's.
_OF_MANAGERS = "get_queryset"


class LoadedVia(StrEnum):
    """Which feature of the ORM loaded something."""

    TO_ONE = "to-one relation"
    TO_MANY = "to-many relation"
    GENERIC = "generic foreign key"
    DEFERRED = "deferred field"
    PREFETCH = "prefetch"
    CACHE = "cache of the process"
    VALIDATION = "validation of a model instance"
    BATCH_OF_ONE = "bulk method with batch_size=1"
    FORM = "field of a form"
    PREPARATION = "preparation of a test"


# Eager loading could not replace these queries.
_NEVER_LAZY = frozenset((LoadedVia.CACHE, LoadedVia.VALIDATION, LoadedVia.BATCH_OF_ONE))


def _nothing() -> tuple[type[None], tuple[()]]:
    """Let a note on one of Django's objects be pickled as None: after unpickling it would mean nothing."""
    return type(None), ()


class QuerySetOrigin(NamedTuple):
    """Where a queryset was created, and the related manager that created it, if one did.

    `frames` are the nearest frames, whatever their role: taking them is cheap. `clones` is the number of
    clones that Django still makes until that manager returns it. Below zero, other code has cloned it, so a
    prefetch would not serve it.
    """

    frames: CallPath
    manager: Any = None
    clones: int = 0

    @property
    def path(self) -> CallPath:
        """The call sites in your code that asked for it.

        It ends at the first frame of other code: that has asked for the queryset for its own use.
        """
        are_yours = (role_of(code.co_filename) is PROJECT for code, _ in self._asking)
        return tuple(compress(self._asking, are_yours))

    @property
    def is_of_others(self) -> bool:
        """Whether Django or a library asked for it, and none of your code."""
        return not self.path and len(self._asking) < len(self.frames)

    @property
    def _asking(self) -> CallPath:
        managers = {_manager_of(site) for site in self.frames if site[0].co_name == _OF_MANAGERS} - {None}
        return tuple(
            takewhile(
                lambda site: _is_yours_or_makes_querysets(site) or _manager_of(site) in managers, self.frames
            )
        )

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return _nothing()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _manager_of(site: CallSite) -> tuple[str, str] | None:
    """Return the file and the class of a manager's method: its methods ask on behalf of their caller."""
    code = site[0]
    owner = code.co_qualname.rpartition(".")[0]
    return (code.co_filename, owner) if "Manager" in owner else None


def _is_yours_or_makes_querysets(site: CallSite) -> bool:
    """Tell whether a call site is in your code, or in code that creates a queryset on its request."""
    filename = site[0].co_filename
    if role_of(filename) in (PROJECT, PLUMBING) or site[0].co_name == _OF_MANAGERS:
        return True
    return role_of(filename) is DJANGO and filename.replace("\\", "/").endswith(_MAKE_QUERYSETS)


class FetchedRows(NamedTuple):
    """The rows that one evaluation of a queryset fetched: where it was created, and its query.

    `load` is the relation that it loads for other rows, None for a queryset of its own. `defers` is true if
    `defer()` leaves out fields, not `only()`. `is_locked` is true if `select_for_update()` locks all joined
    tables, `is_combined` for a `union()` or the like, `is_streamed` if `iterator()` fetched the rows.
    `are_being_made` is true for what is asked before an instance is complete, as in `__init__()`: that is too
    early for `select_related()` and `prefetch_related()`. `named` are the fields that `only()` or `defer()`
    names, `joined` the relations that `select_related()` without names has joined. `missing` is the one part
    that changes: it gets the name of each to-one relation of these rows that Django has found no row for.
    """

    origin: QuerySetOrigin | None = None
    query: Any = None
    load: RelationLoad | None = None
    defers: bool = True
    is_locked: bool = False
    is_combined: bool = False
    is_streamed: bool = False
    are_being_made: bool = False
    named: Collection[str] = ()
    joined: tuple[str, ...] = ()
    missing: Any = ()

    @property
    def made_at(self) -> CallPath:
        """The call sites in your code where the queryset was created, innermost first."""
        return self.origin.path if self.origin is not None else ()

    @property
    def evaluated(self) -> CallPath:
        """The call path of the query within its request. Code outside, such as a test, is left out."""
        if self.query is None:
            return ()
        path: CallPath = self.query.call_path
        outside = self.query.request.cause.path if self.query.request is not None else ()
        is_below = outside and path[-len(outside) :] == outside
        return path[: -len(outside)] if is_below else path

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return _nothing()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class RelationLoad(NamedTuple):
    """The relation or deferred field that a query loads, and the row that it loads it for.

    `via` is the feature of the ORM that loads it, `model` the class of the row, and `name` the attribute.
    `row` is a hash of the row's primary key, None if it is unknown. `batch` has the rows that were fetched
    together with that row. `is_plain_relation` is true if the query asks only for the relation itself, so
    that eager loading would give the same. A prefetch loads it for several `rows` at once. `other_name` is
    what Django calls it where that is not the attribute: the related query name in `select_related()`, or the
    `to_attr` of a `Prefetch`. `relation` is Django's field or reverse relation, None if it makes no
    difference. `instance` tells instances of one row apart, None if it is unknown.
    """

    via: LoadedVia
    model: type | None = None
    name: str = ""
    row: int | None = None
    batch: FetchedRows | None = None
    is_plain_relation: bool = True
    rows: int = 1
    other_name: str = ""
    relation: Any = None
    instance: int | None = None

    @property
    def is_lazy(self) -> bool:
        """Whether it was loaded for one row, and eager loading would certainly have loaded it as well."""
        return self.is_plain_relation and self.rows == 1 and self.via not in _NEVER_LAZY

    @property
    def is_for_a_row_being_made(self) -> bool:
        """Whether an instance asked for it before it was complete, as its `__init__()` does."""
        return self.batch is not None and self.batch.are_being_made

    def name_in(self, *, is_prefetch: bool) -> str:
        """Return its name in the path of `prefetch_related()`, or else of `select_related()` or `only()`."""
        has_other = bool(self.other_name) and (not is_prefetch or self.via is LoadedVia.PREFETCH)
        return self.other_name if has_other else self.name

    @property
    def prefetches(self) -> tuple[str, ...]:
        """The prefetches that led to its row: nested ones can have the same query."""
        names, batch = [], self.batch
        while batch is not None and batch.load is not None and batch.load.via is LoadedVia.PREFETCH:
            names.append(batch.load.name)
            batch = batch.load.batch
        return tuple(names)

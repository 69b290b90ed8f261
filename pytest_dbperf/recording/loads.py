"""What was loaded for a row, and which rows were loaded together? Relations, fields, and batches."""

from __future__ import annotations

from enum import StrEnum
from itertools import compress, takewhile
from typing import Any, NamedTuple, Self

from pytest_dbperf.callsites.callsite import CallPath, CallSite, role_of
from pytest_dbperf.callsites.ownership import DJANGO, PLUMBING, PROJECT

# The modules of Django that make querysets for whoever asks, and the method that managers of libraries have.
_ASKED = (
    *("db/models/manager.py", "db/models/query.py", "db/models/fields/related_descriptors.py"),
    "contrib/contenttypes/fields.py",
)
_OF_MANAGERS = "get_queryset"


class LoadedVia(StrEnum):
    """How the ORM came to load something."""

    TO_ONE = "to-one relation"
    TO_MANY = "to-many relation"
    GENERIC = "generic foreign key"
    DEFERRED = "deferred field"
    PREFETCH = "prefetch"
    CACHE = "cache of the process"


def _nothing() -> tuple[type[None], tuple[()]]:
    """Say how to unpickle a note on an object of Django's: whoever takes it out of a cache gets None."""
    return type(None), ()


class QuerySetOrigin(NamedTuple):
    """Where a queryset was made, and the related manager that made it, if it was one.

    `frames` are the nearest, whoever they belong to: that is cheap. `clones` tells how often it has still to
    be cloned until that manager hands it out; below zero it is not what a prefetch would serve.
    """

    frames: CallPath
    manager: Any = None
    clones: int = 0

    @property
    def path(self) -> CallPath:
        """Those of your code, as far as nobody else lies between, who would have made it for their own."""
        yours = (role_of(code.co_filename) is PROJECT for code, _ in self._asked)
        return tuple(compress(self._asked, yours))

    @property
    def is_of_others(self) -> bool:
        """Whether none of your code has asked for it, but Django or a library."""
        return not self.path and len(self._asked) < len(self.frames)

    @property
    def _asked(self) -> CallPath:
        return tuple(takewhile(_is_yours_or_asked, self.frames))

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return _nothing()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _is_yours_or_asked(site: CallSite) -> bool:
    """Tell whether it is your code, or what is between that and a queryset that it has asked for."""
    filename = site[0].co_filename
    if role_of(filename) in (PROJECT, PLUMBING) or site[0].co_name == _OF_MANAGERS:
        return True
    return role_of(filename) is DJANGO and filename.replace("\\", "/").endswith(_ASKED)


class FetchedRows(NamedTuple):
    """The instances of one evaluation of a queryset: the query, where it was made, and what it was made for.

    `load` is the relation that it loads for other rows; a queryset that stands for itself has none. `defers`
    tells whether fields are left out by `defer()`, and not by `only()`; `is_locked` that
    `select_for_update()` locks all that is joined, `is_combined` that it is a `union()` or the like, and
    `is_streamed` that `iterator()` has asked for the rows.
    """

    origin: QuerySetOrigin | None = None
    query: Any = None
    load: RelationLoad | None = None
    defers: bool = True
    is_locked: bool = False
    is_combined: bool = False
    is_streamed: bool = False

    @property
    def made_at(self) -> CallPath:
        """The call sites nearest to where the queryset was made."""
        return self.origin.path if self.origin is not None else ()

    @property
    def evaluated(self) -> CallPath:
        """The call path of the query within its request: whoever made that made no queryset for it."""
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
    """What a query loads, and for which row: a relation or a deferred field of a model.

    `row` is a hash of its primary key, None where that cannot be known; `batch` are the rows that were loaded
    with it. `is_plain_relation` tells that eager loading would serve the same: the query asks for nothing
    more than the relation. A prefetch is for `rows` at once.
    """

    via: LoadedVia
    model: type | None = None
    name: str = ""
    row: int | None = None
    batch: FetchedRows | None = None
    is_plain_relation: bool = True
    rows: int = 1

    @property
    def is_lazy(self) -> bool:
        """Whether it was loaded for a row alone, and could have been loaded with the row: that is certain."""
        return self.is_plain_relation and self.rows == 1 and self.via is not LoadedVia.CACHE

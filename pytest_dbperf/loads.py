"""What was loaded for a row, and which rows were loaded together? Relations, fields, and batches."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, Self

from pytest_dbperf.callsite import CallPath


class LoadKind(StrEnum):
    """How the ORM came to load something."""

    TO_ONE = "to-one relation"
    TO_MANY = "to-many relation"
    GENERIC = "generic foreign key"
    DEFERRED = "deferred field"
    PREFETCH = "prefetch"
    CACHE = "cache of the process"


class _Note:
    """A note on an object of Django's, which may be pickled: whoever takes it out again gets None."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Birth(_Note):
    """Where a queryset was made, and the related manager that made it, if it was one.

    `clones` tells how often it has been cloned when that manager hands it out: one that is cloned again is
    not what a prefetch would serve.
    """

    __slots__ = ("clones", "manager", "path")

    def __init__(self, path: CallPath, manager: Any = None, clones: int = 0) -> None:
        self.path = path
        self.manager = manager
        self.clones = clones


class Batch(_Note):
    """The instances of one evaluation of a queryset: where it was made and evaluated, and for which rows.

    `parent` has the rows that it was loaded for, by the relation `name` and in the way of `kind`; a queryset
    that stands for itself has none. `defers` tells whether fields are left out by `defer()`, not by `only()`.
    """

    __slots__ = ("born", "defers", "evaluated", "kind", "name", "parent")

    def __init__(  # noqa: PLR0913  # A named tuple could not be told from a value of the user's when pickled.
        self,
        born: CallPath = (),
        evaluated: CallPath = (),
        *,
        defers: bool = True,
        parent: Batch | None = None,
        kind: LoadKind | None = None,
        name: str = "",
    ) -> None:
        self.born = born
        self.evaluated = evaluated
        self.defers = defers
        self.parent = parent
        self.kind = kind
        self.name = name


class Load(NamedTuple):
    """What a query loads, and for which row: a relation or a deferred field of a model.

    `row` is a hash of its primary key, None where that cannot be known; `batch` are the rows that it was
    loaded with. `is_whole` tells that eager loading would serve the same, as nothing more is asked than the
    relation. A prefetch is for `rows` at once.
    """

    kind: LoadKind
    model: type | None = None
    name: str = ""
    row: int | None = None
    batch: Batch | None = None
    is_whole: bool = True
    rows: int = 1

    @property
    def is_lazy(self) -> bool:
        """Whether it was loaded for a row alone, and could have been loaded with the row: that is certain."""
        return self.is_whole and self.rows == 1 and self.kind is not LoadKind.CACHE

"""How does a long log stay small? Equal queries share one object, which has the values of each."""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.recording.cause import Cause, Request
from pytest_dbperf.recording.compacted_values import CompactedValues
from pytest_dbperf.recording.events import Event, Query
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.fingerprint import is_bookkeeping, with_literals

AnyEvent = TypeVar("AnyEvent", bound=Event)

# So many events are compacted at once: that takes a hundredth of a second. Until then they take some 10 MB.
MOST_UNCOMPACTED = 10_000
# More SQL texts than this mean that values are written into the SQL. Then queries are grouped by fingerprint.
_MOST_TEXTS = 1_000

_OWN = ("started", "seconds", "parameters", "row", "instance")
_differing = attrgetter(*_OWN)
# What equal queries have in common: all other fields. The SQL comes first.
_in_common = itemgetter(
    *(
        index
        for index, name in enumerate(Query._fields)
        if name not in {"frames", "cause", "load", "compacted", *_OWN}
    )
)


class Compaction:
    """Keeps a log small: knows how far it is compacted, and where windows have begun or ended since.

    Threads may append meanwhile. No event changes its index, and a window never begins or ends within
    queries that were compacted together.
    """

    def __init__(self, log: list[Event]) -> None:
        self._log = log
        self._compacted = 0
        self._boundaries: list[int] = []
        self._turn = threading.Lock()

    def add_boundary(self) -> int:
        """Note that a window begins or ends at the end of the log, and return that index."""
        while True:
            index = len(self._log)
            self._boundaries.append(index)
            # No lock here, as the garbage collector could call this while its own thread holds it. compact()
            # sets its end before it reads the boundaries: either it has read this one, or its end shows here.
            if self._compacted <= index:
                return index

    def compact(self) -> None:
        """Compact the rest of the log, unless that is running already, in any thread."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            start, stop = self._compacted, len(self._log)
            self._compacted = stop
            boundaries = self._boundaries.copy()
            del self._boundaries[: len(boundaries)]
            self._boundaries += [index for index in boundaries if index > stop]
            compact(
                self._log, [start, *sorted({index for index in boundaries if start < index < stop}), stop]
            )
        finally:
            self._turn.release()


def compact(log: list[Event], boundaries: Sequence[int]) -> None:
    """Replace the events from the first boundary to the last, in place, by smaller ones of equal meaning."""
    texts = {event.sql for event in log[boundaries[0] : boundaries[-1]] if isinstance(event, Query)}
    are_few = sum(not is_bookkeeping(text) for text in texts) <= _MOST_TEXTS
    in_common = _in_common if are_few else _in_common_but_values
    shared = _Shared()
    for start, stop in pairwise(boundaries):
        groups: dict[Hashable, list[int]] = {}
        for index, event in enumerate(log[start:stop], start):
            if isinstance(event, Query):
                groups.setdefault(_key(event, in_common), []).append(index)
            elif not isinstance(event, Request):  # It is part of causes, and shared by them already.
                log[index] = shared.slimmed(event)
        for indexes in groups.values():
            compacted = shared.slimmed(_one_for_all([log[index] for index in indexes]))
            for index in indexes:
                log[index] = compacted


def _key(query: Query, in_common: Callable[[Query], Hashable]) -> Hashable:
    return (
        type(query),
        id(query.cause),
        in_common(query),
        # A value that is None must be None in all of them.
        tuple([value is None for value in _differing(query)]),
        _identity(query.frames),
        None if query.load is None else _what_is_loaded(query.load),
    )


def _what_is_loaded(load: RelationLoad) -> Hashable:
    """Make a key of everything in a load but row and instance. Rows loaded together are one by identity."""
    names, batch = [load.name], load.batch
    while batch is not None and batch.load is not None and batch.load.via is LoadedVia.TO_ONE:
        names.append(batch.load.name)
        batch = batch.load.batch
    return load.via, load.model, tuple(names), load.is_plain_relation, load.rows, id(batch)


def _in_common_but_values(query: Query) -> Hashable:
    # Savepoints keep their full text: their names tell where each one ends.
    what = query.sql if is_bookkeeping(query.sql) else query.statement.fingerprint
    return what, _in_common(query)[1:]


def _identity(path: CallPath) -> Hashable:
    # Hashing a code object reads its whole bytecode.
    return tuple([(id(code), offset) for code, offset in path])


def _one_for_all(queries: Sequence[Any]) -> Query:
    first: Query = queries[0]
    if len(queries) == 1:
        return first
    columns = zip(*map(_differing, queries), strict=True)
    values = CompactedValues._make((*map(_column, _OWN, columns), False))
    if values.parameters is not None and len({query.sql for query in queries}) > 1:
        # Only the text of the first is kept.
        own = chain.from_iterable(
            with_literals(query.sql, (query.parameters,), query.vendor) for query in queries
        )
        values = values._replace(parameters=array("q", own), has_texts=True)
    return first._replace(seconds=sum(values.seconds) / len(queries), compacted=values)


def _column(name: str, values: Sequence[Any]) -> array[Any] | None:
    if values[0] is None:
        return None
    return array("d" if name in ("started", "seconds") else "q", values)


class _Shared:
    """Equal parts of different events: one object is enough for all."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._paths: dict[Hashable, CallPath] = {}
        # By id, with the original cause: as long as that lives, no other object gets its id.
        self._causes: dict[int, tuple[Cause, Cause]] = {}

    def slimmed(self, event: Any) -> Any:
        """Return an equal event made of shared parts."""
        parts: dict[str, Any] = {"cause": self._cause(event.cause)}
        if "frames" in event._fields:
            parts["frames"] = self._path(event.frames)
        if getattr(event, "sql", None) is not None:
            parts["sql"] = self._texts.setdefault(event.sql, event.sql)
        return event._replace(**parts)

    def _path(self, path: CallPath) -> CallPath:
        return self._paths.setdefault(_identity(path), path)

    def _cause(self, cause: Cause) -> Cause:
        if id(cause) not in self._causes:
            self._causes[id(cause)] = cause, cause._replace(path=self._path(cause.path))
        return self._causes[id(cause)][1]


def expanded(events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """Undo the compaction: yield each query with its own start, duration and parameters.

    The events must begin where a window begins.
    """
    seen: Counter[int] = Counter()
    for event in events:
        if isinstance(event, Query) and event.compacted is not None:
            yield _member(event, event.compacted, seen[id(event)])
            seen[id(event)] += 1
        else:
            yield event


def _member(query: Any, values: CompactedValues, index: int) -> Any:
    own = {name: column and column[index] for name, column in values._asdict().items() if name in _OWN}
    row, instance = own.pop("row"), own.pop("instance")
    load = query.load and query.load._replace(row=row, instance=instance)
    return query._replace(compacted=None, load=load, **own)

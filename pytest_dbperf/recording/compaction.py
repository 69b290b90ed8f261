"""How does a long log stay small? Queries that are alike share one object, with the values of each."""

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
from pytest_dbperf.recording.events import Alike, Event, Query
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.fingerprint import is_bookkeeping, statement_of, with_literals

AnyEvent = TypeVar("AnyEvent", bound=Event)

# As many events are folded at once: a hundredth of a second's work, and some 10 MB until then.
MOST_UNFOLDED = 10_000
# With more texts than this among them values were written into the SQL, and the fingerprint is kept of it.
_MOST_TEXTS = 1_000

_OWN = ("started", "seconds", "parameters", "row")
_differing = attrgetter(*_OWN)
# What queries that are alike have in common, whatever fields there are. The SQL comes first.
_in_common = itemgetter(
    *(
        place
        for place, name in enumerate(Query._fields)
        if name not in {"frames", "cause", "load", "alike", *_OWN}
    )
)


class Folds:
    """How far a log is folded, and where windows on it began or ended since.

    Threads go on appending meanwhile. No position moves, and nothing is folded across the edge of a window.
    """

    def __init__(self, log: list[Event]) -> None:
        self._log = log
        self._folded = 0
        self._edges: list[int] = []
        self._turn = threading.Lock()

    def edge(self) -> int:
        """Tell how long the log is, where a window begins or ends."""
        while True:
            place = len(self._log)
            self._edges.append(place)
            # Without a lock, which the garbage collector could want while it is held: fold() says how far it
            # goes before it looks for edges, so either it has seen this one, or it can be seen here.
            if self._folded <= place:
                return place

    def fold(self) -> None:
        """Fold all that has not been folded, unless a thread is about it or this is called within."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            start, stop = self._folded, len(self._log)
            self._folded = stop
            edges = self._edges.copy()
            del self._edges[: len(edges)]
            self._edges += [place for place in edges if place > stop]
            fold(self._log, [start, *sorted({place for place in edges if start < place < stop}), stop])
        finally:
            self._turn.release()


def fold(log: list[Event], edges: Sequence[int]) -> None:
    """Replace the events from the first edge to the last, in place, by smaller ones that tell the same."""
    texts = {event.sql for event in log[edges[0] : edges[-1]] if isinstance(event, Query)}
    are_few = sum(not is_bookkeeping(text) for text in texts) <= _MOST_TEXTS
    in_common = _in_common if are_few else _in_common_but_values
    shared = _Shared()
    for start, stop in pairwise(edges):
        kinds: dict[Hashable, list[int]] = {}
        for place, event in enumerate(log[start:stop], start):
            if isinstance(event, Query):
                kinds.setdefault(_kind(event, in_common), []).append(place)
            elif not isinstance(event, Request):  # It is part of causes, and shared by them already.
                log[place] = shared.slimmed(event)
        for places in kinds.values():
            folded = shared.slimmed(_one_for_all([log[place] for place in places]))
            for place in places:
                log[place] = folded


def _kind(query: Query, in_common: Callable[[Query], Hashable]) -> Hashable:
    return (
        type(query),
        id(query.cause),
        in_common(query),
        # Where one of them is not known, it is not known for all.
        tuple([value is None for value in _differing(query)]),
        _identity(query.frames),
        None if query.load is None else _what_is_loaded(query.load),
    )


def _what_is_loaded(load: RelationLoad) -> Hashable:
    """Tell all of a load but the row, and the rows that it came with by those that these were loaded for."""
    names, batch = [load.name], load.batch
    while batch is not None and batch.load is not None and batch.load.via is LoadedVia.TO_ONE:
        names.append(batch.load.name)
        batch = batch.load.batch
    return load.via, load.model, tuple(names), load.is_plain_relation, load.rows, id(batch)


def _in_common_but_values(query: Query) -> Hashable:
    # The names of savepoints tell where they end.
    what = query.sql if is_bookkeeping(query.sql) else statement_of(query.sql).fingerprint
    return what, _in_common(query)[1:]


def _identity(path: CallPath) -> Hashable:
    # Hashing a code object reads its whole bytecode.
    return tuple([(id(code), offset) for code, offset in path])


def _one_for_all(queries: Sequence[Any]) -> Query:
    first: Query = queries[0]
    if len(queries) == 1:
        return first
    columns = zip(*map(_differing, queries), strict=True)
    alike = Alike._make((*map(_column, _OWN, columns), False))
    if alike.parameters is not None and len({query.sql for query in queries}) > 1:
        # The text of the first stands for all.
        own = chain.from_iterable(with_literals(query.sql, (query.parameters,)) for query in queries)
        alike = alike._replace(parameters=array("q", own), has_texts=True)
    return first._replace(seconds=sum(alike.seconds) / len(queries), alike=alike)


def _column(name: str, values: Sequence[Any]) -> array[Any] | None:
    if values[0] is None:
        return None
    return array("d" if name in ("started", "seconds") else "q", values)


class _Shared:
    """Equal parts of different events, of which one is enough."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._paths: dict[Hashable, CallPath] = {}
        # With the cause that it was made of: an address is somebody else's as soon as that is gone.
        self._causes: dict[int, tuple[Cause, Cause]] = {}

    def slimmed(self, event: Any) -> Any:
        """Make an event of shared parts."""
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


def unfolded(events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """Tell each query with its own start, duration and parameters again. Begin where a window does."""
    told: Counter[int] = Counter()
    for event in events:
        if isinstance(event, Query) and event.alike is not None:
            yield _member(event, event.alike, told[id(event)])
            told[id(event)] += 1
        else:
            yield event


def _member(query: Any, alike: Alike, place: int) -> Any:
    own = {name: column and column[place] for name, column in alike._asdict().items() if name in _OWN}
    row = own.pop("row")
    return query._replace(alike=None, load=query.load and query.load._replace(row=row), **own)

"""What would load it at once? The relation, and the line to write it on, where both are proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from inspect import CO_OPTIMIZED

from pytest_dbperf.callsites.callsite import CallSite
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.groups import key_of_sites
from pytest_dbperf.recording.loads import FetchedRows, LoadedVia, RelationLoad
from pytest_dbperf.violations.violation import Fix

_SELECT, _PREFETCH, _ONLY, _DEFER = "select_related", "prefetch_related", "only", "defer"
# One query then loads it for all rows that came together: https://docs.djangoproject.com/en/6.1/topics/db/fetch-modes/
_PEERS = ".fetch_mode(models.FETCH_PEERS)"
_FIRST_WITH_FETCH_MODES = (6, 1)
_KINDS_OF_FETCH_MODES = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC, LoadedVia.DEFERRED))


@dataclass(frozen=True, slots=True)
class Remedy:
    """A method to call on a queryset, on the line where it is made, and the loads that it saves."""

    site: CallSite
    method: str
    names: tuple[str, ...]
    cures: int
    saves: int
    saves_with_peers: int | None

    @property
    def text(self) -> str:
        """What to write: `.select_related("owner__profile", "venue")`."""
        names = ", ".join(f'"{name}"' for name in self.names)
        return {_ONLY: f".only(..., {names})", _DEFER: f".defer(...) without {names}"}.get(
            self.method, f".{self.method}({names})"
        )


def fixes_of(
    repeats: Sequence[Repeat], measured: int, is_kept: Callable[[int, int], bool]
) -> tuple[Fix, ...]:
    """Write each remedy with what it saves, one after the other, and from when on the budget is kept.

    `is_kept` is asked with the number of queries that are left, and of those that nothing cures yet.
    """
    fixes: list[Fix] = []
    uncured = sum(repeat.count for repeat in repeats)
    for remedy in filter(lambda each: each.saves > 0, remedies(repeats)):
        left, uncured = measured - remedy.saves, uncured - remedy.cures
        fixes.append(Fix(remedy.site, remedy.text, _result(remedy.saves, left, is_kept(left, uncured))))
        if remedy.saves_with_peers:
            then = measured - remedy.saves_with_peers
            result = _result(remedy.saves_with_peers, then, is_kept(then, uncured))
            fixes.append(Fix(remedy.site, _PEERS, result, is_alternative=True))
        measured = left
    return tuple(fixes)


def _result(saves: int, left: int, is_kept: bool) -> str:
    return f"saves {saves} -> {left}{', within budget' if is_kept else ''}"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What so many loads need: a method with a name, on a line, of a queryset evaluated as this root."""

    site: CallSite
    method: str
    name: str
    via: LoadedVia
    root: FetchedRows
    count: int
    statement: str


def remedies(repeats: Iterable[Repeat]) -> list[Remedy]:
    """Find what would load it at once, for all lazy loads of rows that are known; the most saving first."""
    places: dict[object, list[_Wish]] = {}
    for repeat in repeats:
        # How far up a tree it is differs from row to row.
        if repeat.is_lazy and not repeat.is_chain:
            for wish in _wishes(repeat.loads, repeat.statement.fingerprint):
                places.setdefault((key_of_sites((wish.site,)), wish.method), []).append(wish)
    found = sorted(map(_remedy, places.values()), key=lambda remedy: -remedy.saves)
    return [*_with_peers_once(found)]


def _with_peers_once(found: Sequence[Remedy]) -> Iterator[Remedy]:
    """A fetch mode is for all that is loaded for the rows of a queryset: told once for its line."""
    by_line: dict[object, list[Remedy]] = {}
    for remedy in found:
        by_line.setdefault(key_of_sites((remedy.site,)), []).append(remedy)
    for remedy in found:
        first, *others = same = by_line[key_of_sites((remedy.site,))]
        saved = [each.saves_with_peers for each in same]
        known = [each for each in saved if each is not None]
        is_first = remedy is first and len(known) == len(saved)
        yield replace(remedy, saves_with_peers=sum(known) if is_first else None) if others else remedy


def _remedy(wishes: Sequence[_Wish]) -> Remedy:
    names = sorted({wish.name for wish in wishes})
    # What leads on to others is loaded with them.
    last = tuple(name for name in names if not any(other.startswith(f"{name}__") for other in names))
    # A query for each relation, of a generic one for each model, each time that the queryset is evaluated.
    queries = len(
        {
            (id(wish.root), wish.name, wish.statement if wish.via is LoadedVia.GENERIC else "")
            for wish in wishes
        }
    )
    loads = sum(wish.count for wish in wishes)
    method = wishes[0].method
    needs_none = method != _PREFETCH
    has_peers = _has_fetch_modes() and all(
        # Rows that come one by one have no peers yet.
        wish.via in _KINDS_OF_FETCH_MODES and "__" not in wish.name and not wish.root.is_streamed
        for wish in wishes
    )
    return Remedy(
        site=wishes[0].site,
        method=method,
        names=last,
        cures=loads,
        saves=loads if needs_none else loads - queries,
        saves_with_peers=loads - queries if has_peers else None,
    )


def _wishes(loads: Sequence[RelationLoad], statement: str) -> Iterator[_Wish]:
    is_of_one_query = len({id(load.batch) for load in loads}) == 1
    # One object may stand for a million loads.
    times = Counter(map(id, loads))
    for load in {id(load): load for load in loads}.values():
        names, batch = [load.name], load.batch
        is_joined, is_below_generic = load.via is LoadedVia.TO_ONE, False
        while batch is not None and (above := batch.load) is not None:
            # The rows of a to-many relation are a queryset to begin with, unless that was in a loop, too.
            if above.via is LoadedVia.TO_MANY and is_of_one_query:
                break
            names.insert(0, above.name)
            is_joined = is_joined and above.via is LoadedVia.TO_ONE
            is_below_generic = is_below_generic or above.via is LoadedVia.GENERIC
            batch = above.batch
        site = None if batch is None else _line_to_change(batch)
        if batch is not None and site is not None:
            if load.via is LoadedVia.DEFERRED:
                method = _DEFER if batch.defers else _ONLY
            else:
                method = _SELECT if is_joined else _PREFETCH
            if not _is_refused(batch, method, is_below_generic=is_below_generic):
                yield _Wish(site, method, "__".join(names), load.via, batch, times[id(load)], statement)


def _is_refused(batch: FetchedRows, method: str, *, is_below_generic: bool) -> bool:
    """Tell whether Django would refuse a method, for this queryset or for some of its rows."""
    if method == _SELECT:
        return batch.is_combined or batch.is_locked
    # iterator() wants to be told for how many rows at a time; other models may not have the relation.
    return batch.is_combined or (method == _PREFETCH and (batch.is_streamed or is_below_generic))


def _line_to_change(batch: FetchedRows) -> CallSite | None:
    """Find the line where the queryset was made: in a function that evaluates it, too, if there is one.

    A manager of yours may have made it, which others use as well. What the body of a class has made is
    written there.
    """
    if batch.origin is not None and batch.origin.is_of_others:
        return None
    users = {id(code) for code, _ in batch.evaluated}
    in_classes = [site for site in batch.made_at if not site[0].co_flags & CO_OPTIMIZED]
    in_users = [site for site in batch.made_at if id(site[0]) in users]
    made = in_classes or in_users or batch.made_at or batch.evaluated
    # A template cannot be told what to load.
    return next((site for site in made[:1] if site[0].co_filename.endswith(".py")), None)


def _has_fetch_modes() -> bool:
    return tuple(int(part) for part in version("django").split(".")[:2]) >= _FIRST_WITH_FETCH_MODES

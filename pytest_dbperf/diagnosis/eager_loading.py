"""Which change would load it at once? A method to call, and the line to call it on, if both are proven."""

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
_VIA_FETCH_MODES = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC, LoadedVia.DEFERRED))


@dataclass(frozen=True, slots=True)
class QuerySetChange:
    """A method to call on a queryset, on the line that makes it, and the queries that it saves."""

    site: CallSite
    method: str
    names: tuple[str, ...]
    solves: int
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
    repeats: Sequence[Repeat],
    measured: int,
    is_kept: Callable[[int, int], bool],
    *,
    what: str = "queries",
    within: str = "within budget",
) -> tuple[Fix, ...]:
    """Write each change with the queries before and after it: `34 -> 9 queries, within budget`.

    Each change counts from the result of the one above. `is_kept` tells whether the budget is kept: it gets
    the number of queries left, and of the repeats that no change has removed yet. `what` names the queries
    that `measured` counts.
    """

    def result(before: int, after: int, unsolved: int) -> str:
        return f"{before} -> {after} {what}{f', {within}' if is_kept(after, unsolved) else ''}"

    fixes: list[Fix] = []
    unsolved = sum(repeat.count for repeat in repeats)
    for change in filter(lambda each: each.saves > 0, changes_for(repeats)):
        unsolved -= change.solves
        left = measured - change.saves
        fixes.append(Fix(change.site, change.text, result(measured, left, unsolved)))
        if change.saves_with_peers:
            left_with_peers = measured - change.saves_with_peers
            with_peers = result(measured, left_with_peers, unsolved)
            fixes.append(Fix(change.site, _PEERS, with_peers, is_alternative=True))
        measured = left
    return tuple(fixes)


@dataclass(frozen=True, slots=True)
class _NeededCall:
    """The method call that would save `count` loads of a relation, on the line that made their queryset.

    `rows` are those that the queryset fetched when it was evaluated.
    """

    site: CallSite
    method: str
    name: str
    via: LoadedVia
    rows: FetchedRows
    count: int
    statement: str


def changes_for(repeats: Iterable[Repeat]) -> list[QuerySetChange]:
    """Find the changes that would load lazily loaded relations at once, the one that saves most first."""
    by_line: dict[object, list[_NeededCall]] = {}
    for repeat in repeats:
        # The depth of a tree differs from row to row.
        if repeat.is_lazy and not repeat.is_chain:
            for call in _needed_calls(repeat.loads, repeat.statement.fingerprint):
                by_line.setdefault((key_of_sites((call.site,)), call.method), []).append(call)
    found = sorted(map(_change, by_line.values()), key=lambda change: -change.saves)
    return [*_with_peers_once(found)]


def _with_peers_once(found: Sequence[QuerySetChange]) -> Iterator[QuerySetChange]:
    """Show a fetch mode once for each line: it holds for everything that is loaded for a queryset's rows."""
    by_line: dict[object, list[QuerySetChange]] = {}
    for change in found:
        by_line.setdefault(key_of_sites((change.site,)), []).append(change)
    for change in found:
        first, *others = same = by_line[key_of_sites((change.site,))]
        saved = [each.saves_with_peers for each in same]
        known = [each for each in saved if each is not None]
        is_first = change is first and len(known) == len(saved)
        yield replace(change, saves_with_peers=sum(known) if is_first else None) if others else change


def _change(needed: Sequence[_NeededCall]) -> QuerySetChange:
    names = sorted({call.name for call in needed})
    # `owner__profile` loads the owner as well.
    last = tuple(name for name in names if not any(other.startswith(f"{name}__") for other in names))
    # One query per relation (per model for a generic one) each time that the queryset is evaluated.
    queries = len(
        {
            (id(call.rows), call.name, call.statement if call.via is LoadedVia.GENERIC else "")
            for call in needed
        }
    )
    loads = sum(call.count for call in needed)
    method = needed[0].method
    needs_no_query = method != _PREFETCH
    has_peers = _has_fetch_modes() and all(
        # Streamed rows come one by one and have no peers yet, nor have rows that are being made.
        call.via in _VIA_FETCH_MODES
        and "__" not in call.name
        and not (call.rows.is_streamed or call.rows.are_being_made)
        for call in needed
    )
    return QuerySetChange(
        site=needed[0].site,
        method=method,
        names=last,
        solves=loads,
        saves=loads if needs_no_query else loads - queries,
        saves_with_peers=loads - queries if has_peers else None,
    )


def _needed_calls(loads: Sequence[RelationLoad], statement: str) -> Iterator[_NeededCall]:
    is_of_one_query = len({id(load.batch) for load in loads}) == 1
    # One object may stand for a million loads.
    times = Counter(map(id, loads))
    for load in {id(load): load for load in loads}.values():
        path, batch = [load], load.batch
        is_joined, is_below_generic = load.via is LoadedVia.TO_ONE, False
        while batch is not None and (above := batch.load) is not None:
            # A to-many relation is a queryset of its own, unless it was evaluated in a loop, too.
            if above.via is LoadedVia.TO_MANY and is_of_one_query:
                break
            path.insert(0, above)
            is_joined = is_joined and above.via is LoadedVia.TO_ONE
            is_below_generic = is_below_generic or above.via is LoadedVia.GENERIC
            batch = above.batch
        site = None if batch is None else _line_to_change(batch)
        if batch is not None and site is not None:
            if load.via is LoadedVia.DEFERRED:
                method = _DEFER if batch.defers else _ONLY
            else:
                method = _SELECT if is_joined else _PREFETCH
            is_too_early = method in (_SELECT, _PREFETCH) and any(one.is_for_a_row_being_made for one in path)
            if not (is_too_early or _is_refused(batch, method, is_below_generic=is_below_generic)):
                name = "__".join(one.name_in(is_prefetch=method == _PREFETCH) for one in path)
                yield _NeededCall(site, method, name, load.via, batch, times[id(load)], statement)


def _is_refused(batch: FetchedRows, method: str, *, is_below_generic: bool) -> bool:
    """Tell whether Django would refuse a method for this queryset or for some of its rows."""
    if method == _SELECT:
        return batch.is_combined or batch.is_locked
    # iterator() needs a chunk_size to prefetch; of a generic relation, some models may lack this relation.
    return batch.is_combined or (method == _PREFETCH and (batch.is_streamed or is_below_generic))


def _line_to_change(batch: FetchedRows) -> CallSite | None:
    """Find the line that made the queryset, preferably in a function that also evaluates it.

    One of your managers may have made it for other callers, too. A queryset made in a class body is changed
    there.
    """
    if batch.origin is not None and batch.origin.is_of_others:
        return None
    users = {id(code) for code, _ in batch.evaluated}
    in_classes = [site for site in batch.made_at if not site[0].co_flags & CO_OPTIMIZED]
    in_users = [site for site in batch.made_at if id(site[0]) in users]
    made = in_classes or in_users or batch.made_at or batch.evaluated
    # A template cannot call select_related().
    return next((site for site in made[:1] if site[0].co_filename.endswith(".py")), None)


def _has_fetch_modes() -> bool:
    return tuple(int(part) for part in version("django").split(".")[:2]) >= _FIRST_WITH_FETCH_MODES

"""Which change would load it at once? A method to call, and the line to call it on, if both are proven."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from pytest_dbperf.callsites.callsite import CallSite
from pytest_dbperf.diagnosis.around_loads import AroundLoads
from pytest_dbperf.diagnosis.joins import is_link_to_a_child
from pytest_dbperf.diagnosis.needed_calls import (
    DEFER,
    ONLY,
    PREFETCH,
    SELECT,
    NeededCall,
    Refusal,
    needed_calls,
)
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.loads import LoadedVia
from pytest_dbperf.violations.violation import Fix, Hint

# One query then loads it for all rows that came together: https://docs.djangoproject.com/en/6.1/topics/db/fetch-modes/
_PEERS = ".fetch_mode(models.FETCH_PEERS)"
_FIRST_WITH_FETCH_MODES = (6, 1)
_VIA_FETCH_MODES = frozenset((LoadedVia.TO_ONE, LoadedVia.GENERIC, LoadedVia.DEFERRED))


WITHIN_BUDGET = "within budget"


@dataclass(frozen=True, slots=True)
class QuerySetChange:
    """Methods to call on a queryset, on the line that makes it, and the queries that they save.

    `names` has what each method names, in the order in which they are called. If `replaces_all`, they replace
    a `select_related()` without names, which has no effect once a name is given.
    """

    site: CallSite
    names: Mapping[str, Sequence[str]]
    solves: int
    saves: int
    saves_with_peers: int | None
    replaces_all: bool = False

    @property
    def text(self) -> str:
        """What to write: `.select_related("owner__profile", "venue")`."""
        methods = [_written(method, names) for method, names in self.names.items()]
        written = ", and ".join(methods) if DEFER in self.names else "".join(methods)
        return f"{written} in place of the call without names" if self.replaces_all else written


def _written(method: str, names: Sequence[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    if method == DEFER:
        return f".defer(...) without {quoted}"
    return f".{method}(..., {quoted})" if method == ONLY else f".{method}({quoted})"


@dataclass(frozen=True, slots=True)
class EagerLoading:
    """The changes that would load relations at once, for `count` queries that loaded them one by one.

    The change that saves most comes first. `refused` are those that would not help.
    """

    count: int
    changes: Sequence[QuerySetChange]
    refused: Sequence[Refusal]


def fixes_of(
    loading: EagerLoading,
    measured: int,
    is_kept: Callable[[int, int], bool],
    *,
    what: str = "queries",
    within: str = WITHIN_BUDGET,
) -> tuple[Fix | Hint, ...]:
    """Write each change with the queries before and after it: `34 -> 9 queries, within budget`.

    Each change counts from the result of the one above. `is_kept` tells whether the budget is kept: it gets
    the number of queries left, and of the repeats that no change has removed yet. `what` names the queries
    that `measured` counts. What would not help follows with the reason, as a detail.
    """

    def result(before: int, after: int, unsolved: int) -> str:
        return f"{before} -> {after} {what}{f', {within}' if is_kept(after, unsolved) else ''}"

    fixes: list[Fix] = []
    unsolved = loading.count
    for change in loading.changes:
        unsolved -= change.solves
        left = measured - change.saves
        fixes.append(Fix(change.site, change.text, result(measured, left, unsolved)))
        if change.saves_with_peers:
            left_with_peers = measured - change.saves_with_peers
            with_peers = result(measured, left_with_peers, unsolved)
            fixes.append(Fix(change.site, _PEERS, with_peers, is_alternative=True))
        measured = left
    return (*fixes, *map(_reason, loading.refused))


def _reason(refused: Refusal) -> Hint:
    method = _written(refused.method, [refused.name])
    sites = () if refused.site is None else (refused.site,)
    return Hint("note", f"no {method}, because {refused.reason}", sites, is_detail=True)


def eager_loading_for(repeats: Sequence[Repeat], queries: Sequence[Query]) -> EagerLoading:
    """Find the changes that would have loaded relations at once. `queries` are all of the recording."""
    return eager_loading_among(repeats, AroundLoads(queries))


def eager_loading_among(repeats: Sequence[Repeat], around: AroundLoads) -> EagerLoading:
    """Find the same for callers that ask several times about one recording."""
    calls, refused = needed_calls(repeats, around)
    by_line: dict[Hashable, dict[str, list[NeededCall]]] = {}
    for call in calls:
        by_line.setdefault(call.line, {}).setdefault(call.method, []).append(call)
    changes: list[QuerySetChange] = []
    for by_method in by_line.values():
        of_line = {method: _change(needed, around) for method, needed in by_method.items()}
        changes += _with_peers_once(_told_together(of_line, by_method.get(SELECT, ())))
    refused += [
        Refusal(PREFETCH, name, "its queryset is also evaluated where this is not used", site=change.site)
        for change in changes
        if change.saves <= 0
        for name in change.names.get(PREFETCH, ())
    ]
    return EagerLoading(
        count=sum(repeat.count for repeat in repeats),
        changes=_in_order(change for change in changes if change.saves > 0),
        refused=[*dict.fromkeys(refused)],
    )


def _in_order(changes: Iterable[QuerySetChange]) -> list[QuerySetChange]:
    """Put the change that saves most first, but a join before what is prefetched through it.

    Without the join, that prefetch would load both, and save more than it says.
    """
    ordered: list[QuerySetChange] = []
    for change in sorted(changes, key=lambda one: -one.saves):
        joined = tuple(f"{name}__" for name in change.names.get(SELECT, ()))
        index = next(
            (
                index
                for index, other in enumerate(ordered)
                if other.site == change.site
                and any(name.startswith(joined) for name in other.names.get(PREFETCH, ()))
            ),
            len(ordered),
        )
        ordered.insert(index, change)
    return ordered


def _told_together(of_line: dict[str, QuerySetChange], joins: Sequence[NeededCall]) -> list[QuerySetChange]:
    """Make one change of a join and of the fields that it needs: without them Django raises an error."""
    needs = sorted({name for call in joins for name in call.needs})
    if not needs:
        return [*of_line.values()]
    join = of_line.pop(SELECT)
    method = DEFER if joins[0].rows.defers else ONLY
    fields = of_line.pop(method, None)
    peers = (join.saves_with_peers, fields.saves_with_peers if fields is not None else 0)
    names = sorted({*needs, *(fields.names[method] if fields is not None else ())})
    both = replace(
        join,
        names={method: names, **join.names},
        solves=join.solves + (fields.solves if fields is not None else 0),
        saves=join.saves + (fields.saves if fields is not None else 0),
        saves_with_peers=None if None in peers else sum(one or 0 for one in peers),
    )
    return [both, *of_line.values()]


def _with_peers_once(found: Sequence[QuerySetChange]) -> Iterator[QuerySetChange]:
    """Show a fetch mode once for a line: it holds for everything that is loaded for a queryset's rows."""
    saved = [each.saves_with_peers for each in found]
    known = [each for each in saved if each is not None]
    for change in sorted(found, key=lambda one: -one.saves):
        is_first = change.saves == max(each.saves for each in found) and len(known) == len(saved)
        yield replace(change, saves_with_peers=sum(known) if is_first else None) if len(found) > 1 else change


def _change(needed: Sequence[NeededCall], around: AroundLoads) -> QuerySetChange:
    method, joined = needed[0].method, {name for call in needed for name in call.rows.joined}
    names = {call.name for call in needed}
    replaces_all = method == SELECT and bool(joined)
    if replaces_all:
        names |= joined
    # One query for each relation (or for each model of it) each time that the queryset is evaluated.
    queries = len(
        {(id(call.rows), call.name, call.statement if call.is_loaded_by_model else "") for call in needed}
    )
    loads = sum(call.count for call in needed)
    saves = loads
    if method == PREFETCH:
        roots = [call.rows for call in needed]
        ways = {call.attributes for call in needed}
        saves -= queries + sum(around.evaluations_without(way, roots) for way in ways)
    has_peers = _has_fetch_modes() and all(
        # Streamed rows come one by one and have no peers yet, nor have rows being made. For a missing
        # row, peers get None and no error.
        call.load.via in _VIA_FETCH_MODES
        and "__" not in call.name
        and not (call.rows.is_streamed or call.rows.are_being_made)
        and not (call.is_missing or (call.is_loaded_again and call.load.via is LoadedVia.DEFERRED))
        and not is_link_to_a_child(call.load.relation)
        for call in needed
    )
    return QuerySetChange(
        site=needed[0].site,
        # `owner__profile` loads the owner as well.
        names={
            method: sorted(name for name in names if not any(one.startswith(f"{name}__") for one in names))
        },
        solves=loads,
        saves=saves,
        saves_with_peers=loads - queries if has_peers else None,
        replaces_all=replaces_all,
    )


def _has_fetch_modes() -> bool:
    return tuple(int(part) for part in version("django").split(".")[:2]) >= _FIRST_WITH_FETCH_MODES

"""What do hops mean? Which could be one, which are fine, and which a middleware forces on every request."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_dbperf.callsites.callsite import role_of
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE, ORM
from pytest_dbperf.callsites.ownership import DJANGO, PROJECT
from pytest_dbperf.recording.events import Hop
from pytest_dbperf.recording.groups import identity, key_of_sites
from pytest_dbperf.recording.hops import seconds_in_queues
from pytest_dbperf.violations.violation import Hint

_MOST_OF_A_KIND = 2
# Below that it is the time that a thread takes to wake up.
_SECONDS_WORTH_TELLING = 0.001
# What a middleware of Django's own kind does only where it is called on the loop.
_ON_THE_LOOP = ("process_request", "process_response")


def advice_on(hops: Sequence[Hop]) -> tuple[Hint, ...]:
    """Tell what these hops prove: each hint has its numbers, and none is a guess."""
    return (*advice_on_yours(hops), *_middlewares(hops))


def advice_on_yours(hops: Sequence[Hop]) -> tuple[Hint, ...]:
    """Tell what these hops prove about the code that awaited them, and nothing about middlewares."""
    return (*_batches(hops), *_fine(hops), *_style(hops), *_queue(hops))


def chains(hops: Iterable[Hop]) -> list[list[Hop]]:
    """Find hops of single calls that one coroutine made one after the other, and waited for nothing else.

    They could be one: whatever the coroutine did in between, it did without the loop.
    """
    by_end: dict[int, list[Hop]] = {}
    for hop in hops:
        if hop.via != "sync_to_async" or not hop.is_thread_sensitive or not hop.call_path:
            continue
        is_single_call = hop.part == ORM or (hop.origin == PROJECT and hop.queries <= 1)
        if not is_single_call:
            continue
        before = by_end.get(hop.follows, [])
        if before and _is_of_one_coroutine(before[-1], hop):
            by_end[hop.number] = [*by_end.pop(hop.follows), hop]
        else:
            by_end[hop.number] = [hop]
    return [chain for chain in by_end.values() if len(chain) > 1]


def _is_of_one_coroutine(one: Hop, other: Hop) -> bool:
    return one.call_path[0][0] is other.call_path[0][0] and identity(one.call_path[1:]) == identity(
        other.call_path[1:]
    )


def _batches(hops: Sequence[Hop]) -> Iterator[Hint]:
    places: dict[object, list[list[Hop]]] = {}
    for chain in chains(hops):
        place = len(chain), key_of_sites(tuple(hop.call_path[0] for hop in chain))
        places.setdefault(place, []).append(chain)
    longest = sorted(places.values(), key=lambda found: -sum(map(len, found)))
    for found in longest[:_MOST_OF_A_KIND]:
        times = f" ({len(found)} times)" if len(found) > 1 else ""
        yield Hint(
            f"batch  {len(found[0])} hops -> 1{times} if batched in one sync_to_async function:",
            tuple(hop.call_path[0] for hop in found[0]),
        )


def _fine(hops: Sequence[Hop]) -> Iterator[Hint]:
    together = [hop for hop in hops if hop.origin == PROJECT and hop.leaves_the_loop and hop.queries > 1]
    seen: set[object] = set()
    for hop in together:
        place = key_of_sites(hop.call_path[:1])
        if place not in seen and len(seen) < _MOST_OF_A_KIND:
            seen.add(place)
            yield Hint(f"fine   {hop.queries} queries in one hop, of {hop.function}:", hop.call_path[:1])


def _style(hops: Sequence[Hop]) -> Iterator[Hint]:
    told: set[str] = set()
    for hop in hops:
        twin = hopping_twin_of(hop)
        if twin and hop.function not in told and len(told) < _MOST_OF_A_KIND:
            told.add(hop.function)
            yield Hint(
                f"style  sync_to_async({hop.function}) can be written {twin}(): it hops too, no faster"
            )


def hopping_twin_of(hop: Hop) -> str | None:
    """Name the asynchronous twin of a method that crossed, if it is there and provably hops as well."""
    if hop.owner is None or hop.origin != PROJECT or hop.via != "sync_to_async":
        return None
    name = hop.function.rpartition(".")[2]
    twin = f"a{name}"
    found = next((vars(kind)[twin] for kind in hop.owner.__mro__ if twin in vars(kind)), None)
    code = getattr(inspect.unwrap(found), "__code__", None) if callable(found) else None
    # Django's own, that is: who knows what yours does besides.
    if code is None or role_of(code.co_filename) is not DJANGO:
        return None
    return twin if {"sync_to_async", name}.issubset(code.co_names) else None


def _middlewares(hops: Sequence[Hop]) -> Iterator[Hint]:
    by_number = {hop.number: hop for hop in hops}
    told: Counter[str] = Counter()
    for hop in hops:
        outer = by_number.get(hop.cause.hop)
        if outer is None or not hop.part.startswith(MIDDLEWARE) or outer.part != hop.part:
            continue
        name = hop.part.removeprefix(MIDDLEWARE)
        told[name] += 1
        if told[name] > 1 or len(told) > _MOST_OF_A_KIND:
            continue
        kind = "async-only, in a sync" if hop.leaves_the_loop else "sync-only, in an async"
        yield Hint(f"why    middleware {name} is {kind} stack: 2 hops for each request")
        yield from _place(name, hop, hops)


def _place(name: str, inwards: Hop, hops: Sequence[Hop]) -> Iterator[Hint]:
    """Tell what such a middleware costs where it stands.

    A sync-only one lets those before it run in its thread, and those behind it hop. An async-only one lets
    those behind it stay in their thread, and those before it hop.
    """
    of_request = [hop for hop in hops if hop.request == inwards.request]
    others = [
        hop
        for hop in of_request
        if hop.part.startswith(MIDDLEWARE) and hop.function.rpartition(".")[2] in _ON_THE_LOOP
    ]
    # With a second one of its kind the others might go on hopping because of that.
    if others and inwards.others_adapt:
        names = ", ".join(dict.fromkeys(hop.part.removeprefix(MIDDLEWARE) for hop in others))
        side, end = ("behind", "first") if inwards.leaves_the_loop else ("before", "last")
        saving = f"{len(of_request)} -> {len(of_request) - len(others)} hops if it were the {end}"
        yield Hint(f"place  {name} stands {side} {names}: {saving}")


def _queue(hops: Sequence[Hop]) -> Iterator[Hint]:
    seconds = seconds_in_queues(hops)
    if seconds >= _SECONDS_WORTH_TELLING:
        yield Hint(
            f"queue  hops waited {seconds * 1000:.0f} ms behind each other: a thread runs one at a time"
        )

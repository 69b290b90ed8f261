"""What do hops mean? Some could be one, some are worth it, and some are made by a middleware per request."""

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

_MOST_HINTS = 2
# A shorter wait is the time that a thread takes to wake up.
_SECONDS_WORTH_TELLING = 0.001
# A MiddlewareMixin hops for these two methods only if it is called on the loop.
_ON_THE_LOOP = ("process_request", "process_response")


def hints_on_hops(hops: Sequence[Hop], with_others: Sequence[Hop] = ()) -> tuple[Hint, ...]:
    """Tell what these hops prove: each hint has its numbers, and none is a guess."""
    return (*hints_on_your_hops(hops, with_others), *_hints_on_middlewares(hops))


def hints_on_your_hops(hops: Sequence[Hop], with_others: Sequence[Hop] = ()) -> tuple[Hint, ...]:
    """Tell what these hops prove about the code that awaited them, and nothing about middlewares.

    Hops that a budget does not count wait for the same thread. So the hint on queues needs all of them, if
    there are more: `with_others`.
    """
    return (
        *_hints_to_batch(hops),
        *_hints_on_batches(hops),
        *_hints_on_twins(hops),
        *_hint_on_queues(with_others or hops),
    )


def chains(hops: Iterable[Hop]) -> list[list[Hop]]:
    """Find hops for single calls that one coroutine made in a row, while it awaited nothing else.

    They could be one hop: the coroutine did not need the loop in between.
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


def _hints_to_batch(hops: Sequence[Hop]) -> Iterator[Hint]:
    by_lines: dict[object, list[list[Hop]]] = {}
    for chain in chains(hops):
        lines = len(chain), key_of_sites(tuple(hop.call_path[0] for hop in chain))
        by_lines.setdefault(lines, []).append(chain)
    longest = sorted(by_lines.values(), key=lambda found: -sum(map(len, found)))
    for found in longest[:_MOST_HINTS]:
        times = f" ({len(found)} times)" if len(found) > 1 else ""
        yield Hint(
            "fix",
            f"make these calls in one sync_to_async function, {len(found[0])} -> 1 hops{times}",
            tuple(hop.call_path[0] for hop in found[0]),
        )


def _hints_on_batches(hops: Sequence[Hop]) -> Iterator[Hint]:
    """Tell which hops are worth their cost, because several queries share one."""
    together = [hop for hop in hops if hop.origin == PROJECT and hop.leaves_the_loop and hop.queries > 1]
    seen: set[object] = set()
    for hop in together:
        line = key_of_sites(hop.call_path[:1])
        if line not in seen and len(seen) < _MOST_HINTS:
            seen.add(line)
            yield Hint(
                "note",
                f"{hop.function} runs {hop.queries} queries in one hop, cheaper than {hop.queries} hops",
                hop.call_path[:1],
            )


def _hints_on_twins(hops: Sequence[Hop]) -> Iterator[Hint]:
    told: set[str] = set()
    for hop in hops:
        twin = hopping_twin_of(hop)
        if twin and hop.function not in told and len(told) < _MOST_HINTS:
            told.add(hop.function)
            yield Hint(
                "note", f"{twin}() is shorter than sync_to_async({hop.function}), but it hops too: no faster"
            )


def hopping_twin_of(hop: Hop) -> str | None:
    """Name the asynchronous twin of the method that ran in a hop, if it exists and provably hops too."""
    if hop.owner is None or hop.origin != PROJECT or hop.via != "sync_to_async":
        return None
    name = hop.function.rpartition(".")[2]
    twin = f"a{name}"
    found = next((vars(base)[twin] for base in hop.owner.__mro__ if twin in vars(base)), None)
    code = getattr(inspect.unwrap(found), "__code__", None) if callable(found) else None
    # Only Django's own twin: one of yours may do other things as well.
    if code is None or role_of(code.co_filename) is not DJANGO:
        return None
    return twin if {"sync_to_async", name}.issubset(code.co_names) else None


def _hints_on_middlewares(hops: Sequence[Hop]) -> Iterator[Hint]:
    by_number = {hop.number: hop for hop in hops}
    told: Counter[str] = Counter()
    for hop in hops:
        outer = by_number.get(hop.cause.hop)
        if outer is None or not hop.part.startswith(MIDDLEWARE) or outer.part != hop.part:
            continue
        name = hop.part.removeprefix(MIDDLEWARE)
        told[name] += 1
        if told[name] > 1 or len(told) > _MOST_HINTS:
            continue
        mismatch = "async-only in a sync" if hop.leaves_the_loop else "sync-only in an async"
        yield Hint("why", f"middleware {name} is {mismatch} stack: 2 hops for each request")
        yield from _hints_to_move(name, hop, hops)


def _hints_to_move(name: str, inwards: Hop, hops: Sequence[Hop]) -> Iterator[Hint]:
    """Tell where such a middleware would cost least.

    Middlewares above a sync-only one run in its thread, and those below it hop. Middlewares below an
    async-only one stay in their thread, and those above it hop.
    """
    of_request = [hop for hop in hops if hop.request == inwards.request]
    others = [
        hop
        for hop in of_request
        if hop.part.startswith(MIDDLEWARE) and hop.function.rpartition(".")[2] in _ON_THE_LOOP
    ]
    # A second such middleware might make the others hop all the same.
    if others and inwards.others_adapt:
        names = ", ".join(dict.fromkeys(hop.part.removeprefix(MIDDLEWARE) for hop in others))
        end, side = ("top", "above") if inwards.leaves_the_loop else ("end", "below")
        saving = f"{len(of_request)} -> {len(of_request) - len(others)} hops"
        yield Hint("fix", f"move {name} to the {end} of MIDDLEWARE, {side} {names}: {saving}")


def _hint_on_queues(hops: Sequence[Hop]) -> Iterator[Hint]:
    seconds = seconds_in_queues(hops)
    if seconds >= _SECONDS_WORTH_TELLING:
        yield Hint("why", f"hops waited {seconds * 1000:.0f} ms for each other: a thread runs one at a time")

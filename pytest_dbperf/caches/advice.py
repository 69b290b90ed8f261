"""Which counts depend on what ran before? Those that a cache of the process has a part in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType

from pytest_dbperf.caches.django import DJANGO_CACHES
from pytest_dbperf.caches.functions import CachedFunction, Counts
from pytest_dbperf.recording.events import Query
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, Violation

_MOST_OF_A_KIND = 2
_NOT_AGAIN = "is empty, none after a test that has filled it"
# How a lookup of one row ends (MAX_GET_RESULTS): they are filled by these, but for get_for_models().
_GET = "LIMIT 21"


def was_emptied(before: Counts, after: Counts) -> bool:
    """Tell whether a cache was cleared in between, or has lost what it had."""
    return any(now < then for then, now in zip(before, after, strict=True))


def took_what_was_there(before_setup: Counts, at_start: Counts, at_end: Counts) -> bool:
    """Tell whether a test's body used entries from before the test, and that is proven.

    With a miss in between, a hit may be one on what the body itself has put there; with any use during the
    setup, on what its own fixtures would have put there in any order of tests.
    """
    is_untouched_by_setup = before_setup == at_start
    is_unchanged = (at_start.misses, at_start.entries) == (at_end.misses, at_end.entries)
    return at_start.entries > 0 and is_untouched_by_setup and is_unchanged and at_end.hits > at_start.hits


def on_filling(violation: Violation, memo_of: Callable[[CodeType], CachedFunction | None]) -> Iterator[Hint]:
    """Tell which part of what was counted would not have been there after another test."""
    filled: dict[int, tuple[CachedFunction, int]] = {}
    for evidence in violation.evidence:
        memo = outermost(evidence, memo_of)
        if memo is not None:
            _, so_far = filled.get(id(memo), (memo, 0))
            filled[id(memo)] = memo, so_far + evidence.count
    most_first = sorted(filled.values(), key=lambda each: -each[1])
    for memo, count in most_first[:_MOST_OF_A_KIND]:
        yield Hint(f"note   {count} of them only while a cache ({memo.made_by}) {_NOT_AGAIN}:", (memo.site,))


def outermost(
    evidence: Evidence, memo_of: Callable[[CodeType], CachedFunction | None]
) -> CachedFunction | None:
    """Find the cache on a call path below which nothing happens once it is filled."""
    memos = (memo_of(code) for code, _ in reversed(evidence.call_path))
    return next((memo for memo in memos if memo is not None), None)


def on_filling_djangos(
    violation: Violation, queries: Iterable[Query], grown: Sequence[str]
) -> Iterator[Hint]:
    """Tell the same of Django's own caches, by the tables of those that have grown meanwhile."""
    for cache in DJANGO_CACHES:
        if cache.table in grown:
            lookups = {
                shortened(query.statement)
                for query in queries
                if query.statement.tables == (cache.table,) and query.statement.fingerprint.endswith(_GET)
            }
            count = sum(evidence.count for evidence in violation.evidence if evidence.what in lookups)
            if count:
                yield Hint(
                    f"note   {count} of them only while the cache of {cache.name} {_NOT_AGAIN}: "
                    "dbperf_reset_caches = true empties it before each"
                )


def on_taking(memos: Iterable[CachedFunction]) -> Iterator[Hint]:
    """Tell which caches an earlier test had filled for this one."""
    for memo in [*memos][:_MOST_OF_A_KIND]:
        yield Hint(
            f"note   this test used a cache ({memo.made_by}) that an earlier one has filled by queries, "
            "and alone can make more:",
            (memo.site,),
        )

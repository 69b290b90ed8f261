"""Which counts depend on earlier tests? Those of queries that a warm cache of the process would save."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType

from pytest_dbperf.caches.django import DJANGO_CACHES
from pytest_dbperf.caches.functions import CachedFunction, Counts
from pytest_dbperf.recording.events import Query
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, Violation

_MOST_HINTS = 2
# Django's caches are filled by get(), which ends like this (MAX_GET_RESULTS), except for get_for_models().
_GET = "LIMIT 21"


def was_emptied(before: Counts, after: Counts) -> bool:
    """Tell whether a cache was cleared in between, or has lost entries."""
    return any(now < then for then, now in zip(before, after, strict=True))


def took_what_was_there(before_setup: Counts, at_start: Counts, at_end: Counts) -> bool:
    """Tell whether a test's body provably used entries from before the test.

    After a miss, a hit may be on an entry that the body itself added. After any use in the setup, it may be
    on an entry that the test's own fixtures would have added in any order of tests.
    """
    is_untouched_by_setup = before_setup == at_start
    is_unchanged = (at_start.misses, at_start.entries) == (at_end.misses, at_end.entries)
    return at_start.entries > 0 and is_untouched_by_setup and is_unchanged and at_end.hits > at_start.hits


def hints_on_cold_caches(
    violation: Violation, cached_by: Callable[[CodeType], CachedFunction | None]
) -> Iterator[Hint]:
    """Tell how many of the counted queries an earlier test would have saved by filling the cache."""
    filled: dict[int, tuple[CachedFunction, int]] = {}
    for evidence in violation.evidence:
        function = outermost(evidence, cached_by)
        if function is not None:
            _, so_far = filled.get(id(function), (function, 0))
            filled[id(function)] = function, so_far + evidence.count
    most_first = sorted(filled.values(), key=lambda each: -each[1])
    for function, count in most_first[:_MOST_HINTS]:
        yield Hint(
            "note",
            f"{_these_run(count)} only while this cache is cold ({function.made_by}); "
            f"a test that warms it first hides {'it' if count == 1 else 'them'}",
            (function.site,),
        )


def outermost(
    evidence: Evidence, cached_by: Callable[[CodeType], CachedFunction | None]
) -> CachedFunction | None:
    """Find the outermost cache on a call path: once it is filled, nothing below it runs."""
    functions = (cached_by(code) for code, _ in reversed(evidence.call_path))
    return next((function for function in functions if function is not None), None)


def hints_on_djangos_caches(
    violation: Violation, queries: Iterable[Query], grown: Sequence[str]
) -> Iterator[Hint]:
    """Tell the same about Django's own caches; `grown` has the tables of those that gained entries."""
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
                    "note",
                    f"{_these_run(count)} only while the cache of {cache.name} is cold; "
                    "dbperf_reset_caches = true clears it before each test",
                )


def hints_on_warm_caches(functions: Iterable[CachedFunction]) -> Iterator[Hint]:
    """Tell which caches an earlier test had filled for this one."""
    for function in [*functions][:_MOST_HINTS]:
        yield Hint(
            "note",
            f"this test read a cache ({function.made_by}) that an earlier test had filled; "
            "run alone, it may make more queries",
            (function.site,),
        )


def _these_run(count: int) -> str:
    return "1 of these queries runs" if count == 1 else f"{count} of these queries run"

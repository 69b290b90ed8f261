"""What have earlier tests left in the caches of the process, and did this one use it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType

from pytest_dbperf.caches import django
from pytest_dbperf.caches.advice import (
    hints_on_cold_caches,
    hints_on_djangos_caches,
    hints_on_warm_caches,
    took_what_was_there,
    was_emptied,
)
from pytest_dbperf.caches.functions import CachedFunction, CachedFunctions, Counts
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation

_MAKES_THE_DATABASE = "django_db_setup"


@dataclass(slots=True)
class _Filled:
    """A cache that the body of a test has filled by queries.

    It is shared when fixtures of a wider scope used it, too: then nobody knows whose entries a test finds.
    `before_setup` and `at_start` are what it had seen by then, None where that says nothing of this test.
    """

    memo: CachedFunction
    is_shared: bool
    seen: Counts
    before_setup: Counts | None = None
    at_start: Counts | None = None


class CacheWatch:
    """The caches that tests have filled by queries: what a test finds there, and takes from them."""

    def __init__(self, *, resets_caches: bool) -> None:
        self.memos = CachedFunctions()
        self._resets_caches = resets_caches
        self._is_reset = False
        self._of_fixtures: dict[str, dict[django.Key, object]] = {}
        self._sizes: dict[str, int] = {}
        self._filled: dict[int, _Filled] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no test has filled any, so that there is nothing to watch."""
        return not self._filled

    def begin(self, fixtures: Iterable[str] = (), *, is_reset: bool = False) -> None:
        """Note what is there before the fixtures of a test run, and empty Django's caches for it.

        What those of its fixtures have filled that are there already stays: alone, they would do so first.
        """
        self._is_reset = is_reset and self._resets_caches
        if self._is_reset:
            django.reset()
            for fixture in fixtures:
                django.fill(self._of_fixtures.get(fixture, {}))
        for filled in [*self._filled.values()]:
            counts = filled.memo.counts
            if was_emptied(filled.seen, counts):
                del self._filled[id(filled.memo)]
            filled.seen = filled.before_setup = counts
            filled.at_start = None

    def open(self) -> None:
        """Begin the body of a test: note what is there."""
        if not self._resets_caches:
            self._sizes = django.sizes()
        for filled in self._filled.values():
            filled.at_start = filled.memo.counts

    def close(self, recording: Recording) -> list[CachedFunction]:
        """Learn which caches the body of a test has filled, and tell which it has taken from."""
        taken = self.taken(recording)
        for memo, queries in self._memos_in(recording).items():
            counts = memo.counts
            if _has_filled(counts) and id(memo) not in self._filled:
                # Those that were made before it was known may be anybody's.
                self._filled[id(memo)] = _Filled(memo, counts.misses > queries, counts)
        for filled in self._filled.values():
            filled.seen = filled.memo.counts
        return taken

    def leave_to_setup(self, recording: Recording) -> None:
        """Take what a test's own setup has filled for the test's own: alone, it would do so as well."""
        for memo in self._memos_in(recording):
            if id(memo) in self._filled:
                self._filled[id(memo)].before_setup = None

    @contextmanager
    def sharing(self, fixture: str) -> Iterator[None]:
        """Note which caches a fixture of a wider scope uses, and what it fills of Django's."""
        before = {key: filled.memo.counts for key, filled in self._filled.items()}
        was_there = django.contents() if self._resets_caches else {}
        if self._resets_caches:
            django.reset()
        try:
            yield
        finally:
            if self._resets_caches:
                self._keep(fixture, was_there)
        for key, counts in before.items():
            filled = self._filled[key]
            filled.is_shared = filled.is_shared or filled.memo.counts != counts

    def _keep(self, fixture: str, was_there: Mapping[django.Key, object]) -> None:
        if fixture != _MAKES_THE_DATABASE:
            self._of_fixtures[fixture] = django.contents()
        elif self._is_reset:
            # With --reuse-db, and in a worker of xdist that comes later, it does not migrate.
            django.reset()
        django.fill(was_there)

    def forget(self, fixture: str) -> None:
        """Take it that a fixture of a wider scope has ended."""
        self._of_fixtures.pop(fixture, None)

    def taken(self, recording: Recording) -> list[CachedFunction]:
        """Find the caches that an earlier test has filled, and the body of this one has used since."""
        if not recording.has_call_sites:
            return []  # Who knows whether it has emptied them, and filled them again.
        used = [
            filled.memo
            for filled in self._filled.values()
            if not filled.is_shared
            and filled.before_setup is not None
            and filled.at_start is not None
            and took_what_was_there(filled.before_setup, filled.at_start, filled.memo.counts)
        ]
        own = self._memos_in(recording) if used else {}
        return [memo for memo in used if memo not in own]

    def explained(
        self, violations: Sequence[Violation], recording: Recording, whole: Recording
    ) -> list[Violation]:
        """Add to violations what caches have to do with them: of their part of a test, and of the whole."""
        if not violations:
            return []
        sizes = {} if self._resets_caches else django.sizes()
        grown = [table for table, size in sizes.items() if size > self._sizes.get(table, 0)]
        first, *others = (
            replace(
                violation,
                advice=(
                    *violation.advice,
                    *hints_on_cold_caches(violation, self._filled_memo_of),
                    *hints_on_djangos_caches(violation, recording.queries, grown),
                ),
            )
            for violation in violations
        )
        return [replace(first, advice=(*first.advice, *hints_on_warm_caches(self.taken(whole)))), *others]

    def _filled_memo_of(self, code: CodeType) -> CachedFunction | None:
        memo = self.memos.of(code)
        return memo if memo is not None and _has_filled(memo.counts) else None

    def _memos_in(self, recording: Recording) -> Counter[CachedFunction]:
        """Count the queries that were made below each memo."""
        codes: dict[int, CodeType] = {}
        queries: Counter[int] = Counter()
        for query in recording.queries:
            path = {id(code): code for code, _ in query.call_path}
            codes |= path
            queries.update(path.keys())
        memos = ((self.memos.of(code), queries[key]) for key, code in codes.items())
        return Counter({memo: count for memo, count in memos if memo is not None})


def _has_filled(counts: Counts) -> bool:
    # A function that is called around its cache, or that only ever raised, has filled nothing.
    return counts.misses > 0 and counts.entries > 0

"""Which caches did earlier tests fill, and did this test use them?"""

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
    """A cached function that queries in the body of a test have filled.

    `is_shared` is true if fixtures of a wider scope used it, too: then its entries may come from them.
    `seen` are its latest counts. `before_setup` and `at_start` are its counts before the current test's
    setup and before its body, None if they say nothing about this test.
    """

    function: CachedFunction
    is_shared: bool
    seen: Counts
    before_setup: Counts | None = None
    at_start: Counts | None = None


class CacheWatch:
    """The caches that tests have filled by queries, and what later tests take from them."""

    def __init__(self, *, resets_caches: bool) -> None:
        self.functions = CachedFunctions()
        self._resets_caches = resets_caches
        self._is_reset = False
        self._of_fixtures: dict[str, dict[django.Key, object]] = {}
        self._sizes: dict[str, int] = {}
        self._filled: dict[int, _Filled] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no test has filled a cache yet."""
        return not self._filled

    def begin(self, fixtures: Iterable[str] = (), *, is_reset: bool = False) -> None:
        """Read the counts before a test's fixtures run. If asked for, clear Django's caches first.

        Entries that its fixtures of a wider scope added are put back: in a run of this test alone, they
        would be there as well.
        """
        self._is_reset = is_reset and self._resets_caches
        if self._is_reset:
            django.reset()
            for fixture in fixtures:
                django.fill(self._of_fixtures.get(fixture, {}))
        for filled in [*self._filled.values()]:
            counts = filled.function.counts
            if was_emptied(filled.seen, counts):
                del self._filled[id(filled.function)]
            filled.seen = filled.before_setup = counts
            filled.at_start = None

    @contextmanager
    def leaving_as_found(self) -> Iterator[None]:
        """Let each example of a test find Django's caches as the example before did: it is run again."""
        found = django.contents() if self._is_reset else {}
        try:
            yield
        finally:
            if self._is_reset:
                django.reset()
                django.fill(found)

    def open(self) -> None:
        """Read the counts where the body of a test begins."""
        if not self._resets_caches:
            self._sizes = django.sizes()
        for filled in self._filled.values():
            filled.at_start = filled.function.counts

    def close(self, recording: Recording) -> list[CachedFunction]:
        """Note which caches the body of a test has filled, and return those that it used from before."""
        taken = self.taken(recording)
        for function, queries in self._cached_functions_in(recording).items():
            counts = function.counts
            if _has_filled(counts) and id(function) not in self._filled:
                # More misses than queries: some of its entries are older, from unknown code.
                self._filled[id(function)] = _Filled(function, counts.misses > queries, counts)
        for filled in self._filled.values():
            filled.seen = filled.function.counts
        return taken

    def leave_to_setup(self, recording: Recording) -> None:
        """Treat entries that a test's own setup added as its own: run alone, the test would add them, too."""
        for function in self._cached_functions_in(recording):
            if id(function) in self._filled:
                self._filled[id(function)].before_setup = None

    @contextmanager
    def sharing(self, fixture: str) -> Iterator[None]:
        """Note which caches a fixture of a wider scope uses, and which entries it adds to Django's."""
        before = {key: filled.function.counts for key, filled in self._filled.items()}
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
            filled.is_shared = filled.is_shared or filled.function.counts != counts

    def _keep(self, fixture: str, was_there: Mapping[django.Key, object]) -> None:
        if fixture != _MAKES_THE_DATABASE:
            self._of_fixtures[fixture] = django.contents()
        elif self._is_reset:
            # Not every run migrates: --reuse-db does not, nor does an xdist worker that starts later.
            django.reset()
        django.fill(was_there)

    def forget(self, fixture: str) -> None:
        """Forget the entries of a fixture of a wider scope that has ended."""
        self._of_fixtures.pop(fixture, None)

    def taken(self, recording: Recording) -> list[CachedFunction]:
        """Return the caches that an earlier test has filled and the body of this one has used."""
        if not recording.has_call_sites:
            return []  # Without them, it is unknown whether this test has filled them itself.
        used = [
            filled.function
            for filled in self._filled.values()
            if not filled.is_shared
            and filled.before_setup is not None
            and filled.at_start is not None
            and took_what_was_there(filled.before_setup, filled.at_start, filled.function.counts)
        ]
        own = self._cached_functions_in(recording) if used else {}
        return [function for function in used if function not in own]

    def explained(
        self, violations: Sequence[Violation], recording: Recording, whole: Recording
    ) -> list[Violation]:
        """Add hints about caches: on those filled in the recording, and those used in the whole test."""
        if not violations:
            return []
        sizes = {} if self._resets_caches else django.sizes()
        grown = [table for table, size in sizes.items() if size > self._sizes.get(table, 0)]
        first, *others = (
            replace(
                violation,
                advice=(
                    *violation.advice,
                    *hints_on_cold_caches(violation, self._filled_function_of),
                    *hints_on_djangos_caches(violation, recording.queries, grown),
                ),
            )
            for violation in violations
        )
        return [replace(first, advice=(*first.advice, *hints_on_warm_caches(self.taken(whole)))), *others]

    def _filled_function_of(self, code: CodeType) -> CachedFunction | None:
        function = self.functions.of(code)
        return function if function is not None and _has_filled(function.counts) else None

    def _cached_functions_in(self, recording: Recording) -> Counter[CachedFunction]:
        """Count the queries below each cached function."""
        codes: dict[int, CodeType] = {}
        queries: Counter[int] = Counter()
        for query in recording.queries:
            path = {id(code): code for code, _ in query.call_path}
            codes |= path
            queries.update(path.keys())
        functions = ((self.functions.of(code), queries[key]) for key, code in codes.items())
        return Counter({function: count for function, count in functions if function is not None})


def _has_filled(counts: Counts) -> bool:
    # A function that was called without its cache, or that always raised, has filled nothing.
    return counts.misses > 0 and counts.entries > 0

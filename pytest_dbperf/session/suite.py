"""What happens in each phase of a test? It is recorded, and its budgets are checked after the body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbperf.budgets.budget import Budget
from pytest_dbperf.budgets.enforcement import BudgetWindow, want_plans
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.resolution import budgets_for
from pytest_dbperf.caches.watch import CacheWatch
from pytest_dbperf.growth.database import databases_of_test
from pytest_dbperf.options.chosen import Options
from pytest_dbperf.probes import asserted_blocks
from pytest_dbperf.recording.bugs import BUGS, GuardedContext
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.session import standing_connections
from pytest_dbperf.session.checking import Checking
from pytest_dbperf.session.countable import require_checkable, why_nothing_counts
from pytest_dbperf.session.database_versions import DatabaseVersions
from pytest_dbperf.session.defaults import Defaults
from pytest_dbperf.session.examples import has_examples, wrap_examples
from pytest_dbperf.session.failed_assertions import text_of, title_of
from pytest_dbperf.session.guarding import guard, guarded
from pytest_dbperf.session.item_kinds import databases_of, id_of, is_unittest_method, uses_asgiref_thread
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.running_test import RunningTest
from pytest_dbperf.session.sources import Sources
from pytest_dbperf.session.unittest_methods import wrapping_method
from pytest_dbperf.session.verification import Verification
from pytest_dbperf.session.wrong_markers import wrong_markers
from pytest_dbperf.violations.violation import Violation

if TYPE_CHECKING:
    import pytest


class Suite:
    """Takes each test of this process through its phases; `test` is the one that runs now."""

    def __init__(self, recorder: Recorder, options: Options, root: Path, ini: str, verbose: bool) -> None:
        self.recorder = recorder
        self.options = options
        self.verification = Verification(recorder.connections)
        self.caches = CacheWatch(resets_caches=options.resets_caches)
        self._root = root
        self._verbose = verbose
        self._ini = ini
        self._sources = Sources(root)
        self._database_versions = DatabaseVersions()
        self._checking = Checking(recorder, options, self.caches, root, verbose=verbose)
        self._defaults = Defaults(recorder, options.budget_classes.values(), root)
        self.test = self._new_test()

    def measures(self, item: pytest.Item) -> bool:
        """Tell whether a test is measured: with `--dbperf=off` only if it uses one of our fixtures."""
        return not self.options.is_off or self._uses_fixtures(item)

    def note_file(self, item: pytest.Item) -> None:
        """Remember the content of a test's file as it was imported, if markers may be written to it."""
        if self.options.wants_sources:
            self._sources.note(item)

    def wrong_markers(self, items: Iterable[pytest.Item]) -> Iterator[str]:
        """Tell each marker with wrong arguments or a misspelt name: its line, the mistake, and a test."""
        return wrong_markers(items, self._budgets_for, self.options.budget_classes)

    @contextmanager
    def setting_up(self, item: pytest.Item) -> Iterator[None]:
        """Record the setup of a test, then find its budgets: a fixture may have added a marker."""
        if not self.measures(item):
            yield
            return
        test = self.test = self._new_test()
        test.id = id_of(item)
        with guard("clearing caches before a test"):
            self.caches.begin(getattr(item, "fixturenames", ()), is_reset=self._needs_numbers(item))
        with guard("finding where a test is written"):
            if self.options.wants_sources and why_nothing_counts(()) is None:
                test.add_source(self._sources.of(item))
        with guarded("recording the setup of a test", self._counting, "setup"):
            yield
        if not self.options.is_off:
            with guard("finding the budgets of a test"):
                test.budgets = self._budgets_for(item)
                for placed in test.limits:
                    # The ini file may set a default for all tests, also for those that touch no database.
                    if not placed.is_default:
                        require_checkable(placed)

    @contextmanager
    def calling(self, item: pytest.Item) -> Iterator[None]:
        """Record the body of a test, with its usual connections already open, and check its budgets."""
        if not self.measures(item):
            yield
            return
        test = self.test
        with guard("opening the connections of a test"):
            self._prepare(test, item)
        unwrap: Callable[[], None] | None = None
        with guard("wrapping the examples of a test"):
            if test.limits:
                unwrap = wrap_examples(item, self._around_example)
        try:
            if is_unittest_method(item):
                with self._around_method(item):
                    yield
            else:
                with guarded("recording the body of a test", self._body):
                    yield
                with guard("checking the budgets of a test"):
                    self._check()
        finally:
            with guard("summing up a test"):
                if unwrap is not None:
                    unwrap()
                test.opened_for_it += standing_connections.opened_on_asgiref_thread(self.recorder.connections)
                test.add_call(
                    self._root,
                    with_groups=self.options.wants_groups,
                    with_budgets=self.options.wants_sources,
                )

    def _around_example(self) -> GuardedContext:
        return guarded("recording an example of Hypothesis", self._checking.example_of, self.test)

    def _prepare(self, test: RunningTest, item: pytest.Item) -> None:
        databases = databases_of(item)
        own_databases = databases_of_test(databases)
        aliases = standing_connections.open_here(databases) if databases else []
        if self.options.verifies_connections:
            self.verification.begin(aliases)
        if self.options.wants_groups:
            test.add_versions(self._database_versions.new(aliases))
        if aliases and uses_asgiref_thread(item):
            test.opened_for_it = standing_connections.open_on_asgiref_thread(aliases)
        else:
            # A synchronous test may call asyncio.run(). Few do, so nothing is opened for it beforehand.
            standing_connections.expect_on_asgiref_thread(self.recorder.connections, aliases)
        # Each example of Hypothesis has numbers of its own.
        test.wants_defaults = self.options.wanted_markers.for_all and not has_examples(item)
        wants_call_sites = test.wants_defaults or bool(test.limits) or self.options.wants_groups
        test.recording.prepare(
            own_databases,
            call_sites=wants_call_sites or self._uses_fixtures(item),
            samples=test.wants_defaults or want_plans(test.limits),
        )

    @contextmanager
    def tearing_down(self, item: pytest.Item) -> Iterator[None]:
        """Close the connections that were opened for the test, then record its teardown."""
        if not self.measures(item):
            yield
            return
        if self.test.opened_for_it:
            with guard("closing the connections that were opened for a test"):
                standing_connections.close_on_asgiref_thread(self.test.opened_for_it)
        with guarded("recording the teardown of a test", self._counting, "teardown"):
            yield
        with guard("ending the blocks that a test has not left"):
            asserted_blocks.close_left_open(self.recorder)

    def window(self, budget_class: type[Budget], /, *args: Any, **kwargs: Any) -> BudgetWindow:
        """Make a budget for a part of the running test."""
        return self._checking.window(self.test, budget_class, args, kwargs)

    def added_to(self, error: BaseException) -> tuple[str, str] | None:
        """Return what a failure gains if `assertNumQueries` raised it: a title and a text."""
        failed = asserted_blocks.failed_assertion_of(error)
        if failed is None or BUGS:
            return None
        return title_of(failed), text_of(failed, self._root, verbose=self._verbose)

    def _budgets_for(self, item: pytest.Item) -> list[PlacedBudget]:
        return budgets_for(item, self.options.defaults, self._ini, self.options.budget_classes)

    def _new_test(self) -> RunningTest:
        return RunningTest(
            LiveRecording(
                self.recorder,
                driver_queries=self.options.counts_driver_queries,
                root=self._root,
                fail=self._fail,
            )
        )

    def _fail(self, violation: Violation) -> None:
        __tracebackhide__ = True
        self._checking.fail(self.test, violation)

    def _needs_numbers(self, item: pytest.Item) -> bool:
        """Tell whether a marker, a fixture or an option asks for the numbers of a test, before its setup."""
        is_marked = any(marker.name in self.options.budget_classes for marker in item.iter_markers())
        return is_marked or self.options.wants_numbers or self._uses_fixtures(item)

    def _uses_fixtures(self, item: pytest.Item) -> bool:
        fixtures = getattr(item, "fixturenames", ())
        return any(name == "dbperf" or name in self.options.budget_classes for name in fixtures)

    def _check(self) -> None:
        __tracebackhide__ = True
        if self.options.verifies_connections:
            # Its statements are the plugin's own, not the test's.
            with self.recorder.pause():
                self.verification.check()
        self._checking.check_test(self.test)
        if self.test.wants_defaults:
            with guard("checking what defaults would cost"):
                self.test.defaults = self._defaults.results_of(self.test.recording)

    @contextmanager
    def _body(self) -> Iterator[None]:
        self.caches.open()
        try:
            with self.test.recording:
                yield
        finally:
            self.test.warm_caches = self.caches.close(self.test.recording)

    @contextmanager
    def _counting(self, phase: str) -> Iterator[None]:
        recording = self.recorder.record(
            call_sites=not self.caches.is_empty, driver_queries=self.options.counts_driver_queries
        )
        try:
            with recording:
                yield
        finally:
            self.test.add_queries(phase, recording)
            if phase == "setup" and not self.caches.is_empty:
                self.caches.leave_to_setup(recording)

    @contextmanager
    def _around_method(self, item: Any) -> Iterator[None]:
        """Record the method alone: pytest's call phase also runs `setUp` and `tearDown`."""
        surroundings = ExitStack()

        @contextmanager
        def measured() -> Iterator[None]:
            surroundings.close()
            with self._body():
                yield
            surroundings.enter_context(self._counting("teardown"))
            # A failed subtest raises nothing here. The test has failed already, so no budget is checked.
            if item.instance._outcome.success:
                self._check()

        def around() -> GuardedContext:
            return guarded("recording the method of a test case", measured)

        with wrapping_method(item, around), surroundings:
            surroundings.enter_context(self._counting("setup"))
            yield

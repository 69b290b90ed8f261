"""What is measured in this process? The test that runs now, phase by phase."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbperf.budgets.budget import Budget, WrongArguments, make, wants_plans
from pytest_dbperf.budgets.enforcement import (
    BudgetWindow,
    NothingCounts,
    PlacedBudget,
    WrongWindow,
    allowances_of,
    violations_of,
    want_plans,
    warn,
    warnings_of,
)
from pytest_dbperf.budgets.resolution import Near, in_force, nearest_budgets_of
from pytest_dbperf.caches.watch import CacheWatch
from pytest_dbperf.callsites.callsite import frames_of_yours, line_of
from pytest_dbperf.callsites.shown import location_of
from pytest_dbperf.growth.database import GrowthUnknown, ground_of
from pytest_dbperf.options import Options
from pytest_dbperf.plans import explain
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.results.model import digest_of
from pytest_dbperf.session import countable, standing_connections
from pytest_dbperf.session.item_kinds import databases_of, hops_to_asgiref_thread, is_method_of_unittest
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.running_test import RunningTest
from pytest_dbperf.session.sources import source_of
from pytest_dbperf.session.unittest_methods import wrapped
from pytest_dbperf.session.verification import ServerDisagrees, Verification
from pytest_dbperf.violations.violation import BudgetExceeded, BudgetWarning, Violation, WarningLine

if TYPE_CHECKING:
    import pytest

# Errors that say all there is to say: the source of the plugin would only hide it.
_OURS = (
    BudgetExceeded,
    BudgetWarning,
    GrowthUnknown,
    NothingCounts,
    ServerDisagrees,
    WrongArguments,
    WrongWindow,
    standing_connections.NotLikeProduction,
    standing_connections.ThreadIsStuck,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a failed test shows instead of a traceback, and the place it points to."""

    lines: Sequence[str]
    path: Path
    line: int
    error: str


class Suite:
    """The recorder of this process, what was asked for, and the test that runs now."""

    def __init__(self, recorder: Recorder, options: Options, root: Path, ini: str, verbose: bool) -> None:
        self.recorder = recorder
        self.options = options
        self.root = root
        self.ini = ini
        self.verbose = verbose
        self.verification = Verification(recorder.connections)
        self.caches = CacheWatch(resets_caches=options.resets_caches)
        self.digests: dict[Path, str] = {}
        self.test = RunningTest(self._live_recording())

    def watches(self, item: pytest.Item) -> bool:
        """Tell whether a test is measured: all are, or with `--dbperf=off` those that ask by a fixture."""
        return not self.options.is_off or self._asks_by_fixture(item)

    def note_file(self, item: pytest.Item) -> None:
        """Remember the file of a test as it was imported, if it may be written to."""
        if self.options.wants_sources and item.path not in self.digests:
            self.digests[item.path] = digest_of(item.path.read_bytes()) if item.path.is_file() else ""

    def budgets_of(self, item: pytest.Item) -> list[PlacedBudget]:
        """Find the budgets that hold for a test. Raises `WrongArguments` for a marker that means nothing."""
        return in_force(self._nearest_budgets_of(item))

    def wrong_markers(self, items: Iterable[pytest.Item]) -> Iterator[str]:
        """Tell which tests have markers that mean nothing, and how they are used."""
        for item in items:
            try:
                self.budgets_of(item)
            except WrongArguments as error:
                yield f"{item.nodeid}: {error}"

    @contextmanager
    def setting_up(self, item: pytest.Item) -> Iterator[None]:
        """Measure the setup of a test, then find its budgets: a fixture may have added a marker."""
        test = self.test = RunningTest(self._live_recording())
        self.caches.begin(getattr(item, "fixturenames", ()), is_reset=self._counts_for(item))
        if self.options.wants_sources and countable.why_nothing_counts(()) is None:
            test.add_source(source_of(item, self.root, self.digests.get(item.path, "")))
        with self._counting("setup"):
            yield
        if not self.options.is_off:
            test.nearest = self._nearest_budgets_of(item)
            test.budgets = in_force(test.nearest)
            for given in test.budgets:
                _require_that_it_counts(given)

    @contextmanager
    def calling(self, item: pytest.Item) -> Iterator[None]:
        """Measure the body of a test, from the connections that it stands on, and check its budgets."""
        test = self.test
        databases = databases_of(item)
        test.recording.ground = ground_of(databases)
        aliases = standing_connections.open_here(databases)
        if self.options.verifies_connections:
            self.verification.begin(aliases)
        if aliases and hops_to_asgiref_thread(item):
            test.opened_for_it = standing_connections.open_on_asgiref_thread(aliases)
        test.recording.has_call_sites = (
            bool(test.budgets) or self.options.wants_groups or self._asks_by_fixture(item)
        )
        test.recording.has_samples = want_plans(test.budgets)
        try:
            if is_method_of_unittest(item):
                with self._around_method(item):
                    yield
            else:
                with self._body():
                    yield
                self._enforce()
        finally:
            test.add_call(self.root, with_groups=self.options.wants_groups)
            if self.options.wants_sources:
                test.add_held()

    @contextmanager
    def tearing_down(self) -> Iterator[None]:
        """Close what was opened for the test, then measure its teardown."""
        if self.test.opened_for_it:
            standing_connections.close_on_asgiref_thread(self.test.opened_for_it)
        with self._counting("teardown"):
            yield

    def window(self, kind: type[Budget], /, *args: Any, **kwargs: Any) -> BudgetWindow:
        """Make a budget for a part of the test that runs now."""
        site = next(iter(frames_of_yours(1)), None)
        given = PlacedBudget(make(kind, args, kwargs), f"at {location_of(site, self.root)}" if site else "")
        _require_that_it_counts(given)

        def record() -> Recording:
            recording = self._recording()
            recording.has_samples = want_plans([given])
            return recording

        window = BudgetWindow(given, record, self._check)
        # One that a fixture makes may be for tests that do not need it.
        if self.test.recording in self.recorder.open_recordings:
            self.test.windows.append(window)
        return window

    def explain(self, error: BaseException, item: pytest.Item) -> Explanation | None:
        """Explain an error of ours by its text and the place to mend; leave all others to pytest."""
        if not isinstance(error, _OURS):
            return None
        site = error.call_path[0] if isinstance(error, BudgetExceeded) and error.call_path else None
        if site is not None:
            path, line = Path(site[0].co_filename), line_of(site)
        else:
            path, line = self.root / item.location[0], (item.location[1] or 0) + 1
        return Explanation(str(error).splitlines(), path, line, type(error).__name__)

    def _recording(self, *, call_sites: bool = True) -> Recording:
        return self.recorder.record(call_sites=call_sites, driver_queries=self.options.counts_driver_queries)

    def _live_recording(self) -> LiveRecording:
        return LiveRecording(
            self.recorder,
            driver_queries=self.options.counts_driver_queries,
            root=self.root,
            judge=self._judge,
        )

    def _nearest_budgets_of(self, item: pytest.Item) -> list[Near]:
        options = self.options
        return nearest_budgets_of(item, options.defaults, self.ini, options.budget_classes)

    def _asks_by_fixture(self, item: pytest.Item) -> bool:
        fixtures = getattr(item, "fixturenames", ())
        return any(name == "dbperf" or name in self.options.budget_classes for name in fixtures)

    def _counts_for(self, item: pytest.Item) -> bool:
        """Tell whether somebody wants to know what a test counts, as far as that is known by now."""
        is_marked = any(marker.name in self.options.budget_classes for marker in item.iter_markers())
        return is_marked or self.options.wants_numbers or self._asks_by_fixture(item)

    def _enforce(self) -> None:
        __tracebackhide__ = True
        if self.options.verifies_connections:
            # By the driver, and in a coroutine's thread: neither is a statement of the test.
            with self.recorder.pause():
                self.verification.check()
        self._check(self.test.budgets, self.test.recording)
        for window in self.test.windows:
            window.require_use()

    def _check(self, budgets: Sequence[PlacedBudget], recording: Recording) -> None:
        __tracebackhide__ = True
        unexplained = self._explain(budgets, recording)
        self.test.allowances += allowances_of(budgets, recording)
        violations = self.caches.explained(violations_of(budgets, recording), recording, self.test.recording)
        self.test.violations += violations
        remarks = warnings_of(budgets, recording)
        self.test.remarks += remarks
        if not self.options.enforces:
            return
        error = self._broken(violations) if violations else unexplained
        for given, remark in remarks:
            warn(f"{remark.text}   {given}", remark, may_fail=error is None)
        if error is not None:
            raise error

    def _explain(self, budgets: Sequence[PlacedBudget], recording: Recording) -> NothingCounts | None:
        """Add plans to a recording if a budget wants them, or hand back why there are none."""
        wanted = [given for given in budgets if wants_plans(given.budget)]
        try:
            with self.recorder.pause():
                recording.plans = explain.explain(recording, self.root) if wanted else ()
        except explain.CannotExplain as error:
            obstacle = f"{wanted[0]} could judge nothing: {error}."
            self.test.remarks.append((wanted[0], WarningLine(obstacle)))
            return NothingCounts(obstacle)
        return None

    def _judge(self, violation: Violation) -> None:
        """Take down what the test has found by itself, and fail it unless nothing is to fail."""
        __tracebackhide__ = True
        self.test.violations.append(violation)
        if self.options.enforces:
            raise self._broken([violation])

    def _broken(self, violations: Sequence[Violation]) -> BudgetExceeded:
        return BudgetExceeded(violations, self.root, verbose=self.verbose)

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
        recording = self._recording(call_sites=not self.caches.is_empty)
        try:
            with recording:
                yield
        finally:
            self.test.add_queries(phase, recording)
            if phase == "setup" and not self.caches.is_empty:
                self.caches.leave_to_setup(recording)

    @contextmanager
    def _around_method(self, item: Any) -> Iterator[None]:
        """Measure the method alone: `setUp` and `tearDown` run within pytest's call phase, too."""
        surroundings = ExitStack()

        @contextmanager
        def measured() -> Iterator[None]:
            surroundings.close()
            with self._body():
                yield
            surroundings.enter_context(self._counting("teardown"))
            # A failed subtest does not raise here, and is not to be followed by a second failure.
            if item.instance._outcome.success:
                self._enforce()

        with wrapped(item, measured), surroundings:
            surroundings.enter_context(self._counting("setup"))
            yield


def _require_that_it_counts(given: PlacedBudget) -> None:
    __tracebackhide__ = True
    obstacle = countable.why_nothing_counts(given.budget.aliases)
    if obstacle is None and wants_plans(given.budget):
        obstacle = countable.why_nothing_is_explained()
    if obstacle is not None:
        raise NothingCounts(f"{given} could count nothing: {obstacle}.")

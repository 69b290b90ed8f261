"""What can a test ask and assert about itself? Its recording while it runs, and `assert_constant`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, overload

from pytest_dbperf.callsites.callsite import CallPath, project_frames
from pytest_dbperf.callsites.shown import location_of
from pytest_dbperf.growth.comparison import violation_of
from pytest_dbperf.growth.database import GrowthUnknown, TestDatabases
from pytest_dbperf.growth.experiment import Experiment, measured
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.session.event_loop import is_on_a_loop
from pytest_dbperf.session.guarding import guard
from pytest_dbperf.violations.violation import Violation


class LiveRecording(Recording):
    """The recording of the running test, which the fixture `dbperf` returns."""

    def __init__(
        self, recorder: Recorder, *, driver_queries: bool, root: Path, fail: Callable[[Violation], None]
    ) -> None:
        super().__init__(recorder, driver_queries=driver_queries)
        self._databases = TestDatabases()
        self._root = root
        self._fail = fail
        self._is_comparing = False
        self._comparisons: list[tuple[Coroutine[Any, Any, None], str]] = []

    def prepare(self, databases: TestDatabases, *, call_sites: bool, samples: bool) -> None:
        """Set what is known only after the setup: the databases of the test, and what its budgets need."""
        self._databases = databases
        self.has_call_sites = call_sites
        self.has_samples = samples

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        __tracebackhide__ = True
        super().__exit__(exc_type, error, traceback)
        unfinished = [
            (comparison, text)
            for comparison, text in self._comparisons
            if inspect.getcoroutinestate(comparison) != inspect.CORO_CLOSED
        ]
        for comparison, _ in unfinished:
            if inspect.getcoroutinestate(comparison) == inspect.CORO_CREATED:
                comparison.close()  # Otherwise Python warns when it is garbage collected.
        if unfinished and exc_type is None:
            raise GrowthUnknown(
                f"{unfinished[0][1]} was not awaited, so it checked nothing. In a coroutine, write "
                "`await dbperf.assert_constant(...)`"
            )

    @overload
    def assert_constant(  # type: ignore[overload-overlap]  # what can be awaited is an object, too
        self,
        call: Callable[[], Awaitable[object]],
        *,
        populate: Callable[[int], object],
        scales: Sequence[int] = ...,
        slope: float = ...,
        warm_up: bool = ...,
    ) -> Coroutine[Any, Any, None]: ...
    @overload
    def assert_constant(
        self,
        call: Callable[[], object],
        *,
        populate: Callable[[int], object],
        scales: Sequence[int] = ...,
        slope: float = ...,
        warm_up: bool = ...,
    ) -> None: ...
    def assert_constant(
        self,
        call: Callable[[], object],
        *,
        populate: Callable[[int], object],
        scales: Sequence[int] = (2, 5),
        slope: float = 0,
        warm_up: bool = True,
    ) -> Coroutine[Any, Any, None] | None:
        """Fail if a call makes more queries, hops or new connections when there are more rows.

        For each scale, `populate(scale)` creates rows, the call is recorded, and the database is restored: by
        a rollback to a savepoint, or by a flush if the test runs without a transaction. Queries are compared
        group by group (same fingerprint and call path), and so are hops and connections. So a group that
        grows is found even if another one shrinks.

        In a coroutine, await it; `call` and `populate` may return awaitables there. `call` then runs on the
        event loop, and so does `populate` if it is `async def`. A plain `populate` runs in the ORM's thread.

        None of this counts towards the budgets of the test: how often the call runs, and with how many rows,
        depends on the scales and not on the work of the test.

        With `--dbperf=report` and `--dbperf=off` all of it runs, and growth does not fail the test.

        Args:
            call: The code that must cost the same for any number of rows: `lambda: client.get("/books/")`.
            populate: Creates the rows for the call. It is called once per scale, and has to create new rows
                each time.
            scales: The numbers that `populate` is called with, in increasing order.
            slope: How many more queries, hops or connections of a group are allowed for each row;
                `slope=0.1` allows one more per ten rows.
            warm_up: Make the call once, unrecorded, before the recorded one, so that filling caches does not
                count. Turn it off for a call that adds rows: the second call would find those of the first.

        Raises:
            BudgetExceeded: A group grew by more than `slope`.
            GrowthUnknown: Growth could not be measured, for example because `populate` adds no rows.
            WrongArguments: An argument has a wrong type or value.
        """
        __tracebackhide__ = True
        path: CallPath = ()
        with guard("finding the line of an assertion"):
            path = project_frames(1)
        on_loop = is_on_a_loop()
        comparison = self._compare(
            Experiment(call, populate=populate, scales=scales, slope=slope, warm_up=warm_up),
            path,
            on_loop=on_loop,
        )
        if on_loop:
            self._comparisons.append((comparison, f"assert_constant{self._at(path)}"))
            return comparison
        # Without a loop it awaits nothing, so one step runs all of it.
        with suppress(StopIteration):
            comparison.send(None)
        return None

    async def _compare(self, experiment: Experiment, path: CallPath, *, on_loop: bool) -> None:
        __tracebackhide__ = True
        if self not in self._recorder.open_recordings:
            raise GrowthUnknown(
                "assert_constant works in the body of a test only: nothing is recorded in a fixture"
            )
        if self._is_comparing:
            raise GrowthUnknown(
                "assert_constant is already running, and two at once would find each other's rows: await one "
                "after the other"
            )
        self._is_comparing = True
        try:
            with self.pause():
                recordings = await measured(experiment, self._databases, self.record, on_loop=on_loop)
        finally:
            self._is_comparing = False
        violation = None
        with guard("comparing what a call costs with more rows"):
            violation = violation_of(recordings, experiment.slope)
        if violation is not None:
            self._fail(violation.placed_as(f"{experiment}{self._at(path)}"))

    def _at(self, path: CallPath) -> str:
        return f" at {location_of(path[0], self._root)}" if path else ""

"""What can a test say of itself? Its recording while it runs, and what it asserts on it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, overload

from pytest_dbperf.callsites.callsite import CallPath, frames_of_yours
from pytest_dbperf.callsites.shown import location_of
from pytest_dbperf.growth.comparison import violation_of
from pytest_dbperf.growth.database import GrowthUnknown, TestDatabases
from pytest_dbperf.growth.experiment import Experiment, measured
from pytest_dbperf.recording.recorder import Recorder, Recording
from pytest_dbperf.violations.violation import Violation


class LiveRecording(Recording):
    """The recording of the test that runs: what the fixture `dbperf` is."""

    def __init__(
        self, recorder: Recorder, *, driver_queries: bool, root: Path, judge: Callable[[Violation], None]
    ) -> None:
        super().__init__(recorder, driver_queries=driver_queries)
        self.ground = TestDatabases()
        self._root = root
        self._judge = judge
        self._is_comparing = False
        self._promised: list[tuple[Coroutine[Any, Any, None], str]] = []

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        __tracebackhide__ = True
        super().__exit__(kind, error, traceback)
        forgotten = [
            (promise, place)
            for promise, place in self._promised
            if inspect.getcoroutinestate(promise) != inspect.CORO_CLOSED
        ]
        for promise, _ in forgotten:
            if inspect.getcoroutinestate(promise) == inspect.CORO_CREATED:
                promise.close()  # Or Python warns, whenever it is collected.
        if forgotten and kind is None:
            raise GrowthUnknown(
                f"{forgotten[0][1]} was not awaited, so it has asserted nothing: in a coroutine it is "
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
        """Fail when a call makes more queries, hops or new connections for more rows.

        For each scale, `populate(scale)` makes rows, then the call is recorded, then the database is taken
        back to what it was: by a rollback to a savepoint, or by a flush in a test that has no transaction.
        Statements of one fingerprint and call path are compared with each other, and so are hops and
        connections, so that a group that grows is found though another shrinks.

        In a coroutine it has to be awaited, and awaits what call and populate return. There, call runs on the
        event loop, and so does populate if it is `async def`; if not, it runs in the thread of the ORM.

        Nothing of this counts in the budgets of the test: how often the call runs, and with how many rows, is
        decided here and says nothing of the test's own work.

        With `--dbperf=report` and `--dbperf=off` it does all of that, and growth fails nothing.

        Args:
            call: What is to cost the same for any number of rows: `lambda: client.get("/books/")`.
            populate: Makes rows for the call: all that depend on its argument, and anew each time.
            scales: What populate is called with, in increasing order.
            slope: How many queries, hops or connections of a group are allowed for each row; `slope=0.1`
                allows batches of ten.
            warm_up: Call once in each world before what is recorded, so that filling caches does not count.
                Not for a call that adds rows: the second one would find those of the first.

        Raises:
            BudgetExceeded: Something grew by more than `slope`.
            GrowthUnknown: It would not have been seen, as populate adds no rows for one.
            WrongArguments: An argument means nothing.
        """
        __tracebackhide__ = True
        path = frames_of_yours(1)
        comparison = self._compare(
            Experiment(call, populate=populate, scales=scales, slope=slope, warm_up=warm_up),
            path,
            on_loop=_is_on_a_loop(),
        )
        if _is_on_a_loop():
            self._promised.append((comparison, f"assert_constant{self._place(path)}"))
            return comparison
        # It waits for nothing, so one step is all.
        with suppress(StopIteration):
            comparison.send(None)
        return None

    async def _compare(self, experiment: Experiment, path: CallPath, *, on_loop: bool) -> None:
        __tracebackhide__ = True
        if self not in self._recorder.open_recordings:
            raise GrowthUnknown("assert_constant is for the body of a test: in a fixture nothing is recorded")
        if self._is_comparing:
            raise GrowthUnknown(
                "assert_constant runs already, and another would find its rows: await one after the other"
            )
        self._is_comparing = True
        try:
            with self.pause():
                worlds = await measured(experiment, self.ground, self.record, on_loop=on_loop)
        finally:
            self._is_comparing = False
        violation = violation_of(worlds, experiment.slope)
        if violation is not None:
            self._judge(violation.given_as(f"{experiment}{self._place(path)}"))

    def _place(self, path: CallPath) -> str:
        return f" at {location_of(path[0], self._root)}" if path else ""


def _is_on_a_loop() -> bool:
    # pytest warns when it is there before `-p asyncio`, the name of pytest-asyncio.
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

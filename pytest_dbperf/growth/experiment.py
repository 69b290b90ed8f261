"""What does a call cost for few rows, and what for more? Populate, call and restore, at each scale."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import pairwise
from types import CoroutineType
from typing import Any, TypeVar

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.growth.database import (
    GrowthUnknown,
    Rows,
    TestDatabases,
    count_rows,
    isolated,
    require_as_before,
    require_that_nothing_is_lost,
)
from pytest_dbperf.recording.recorder import Recording

T = TypeVar("T")

_FEWEST_SCALES = 2
_USAGE = "Usage: assert_constant(call, *, populate, scales=(2, 5), slope=0, warm_up=True)"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A call, a function that makes rows for it, the scales, and the number of events allowed per row.

    Raises WrongArguments for arguments that make no sense.
    """

    call: Callable[[], object]
    _: KW_ONLY
    populate: Callable[[int], object]
    scales: Sequence[int] = (2, 5)
    slope: float = 0
    warm_up: bool = True

    def __post_init__(self) -> None:
        for wrong in (
            _why_not_callable("call", self.call, 'lambda: client.get("/")'),
            _why_not_callable("populate", self.populate, "lambda number: make_books(number)"),
            _why_no_scales(self.scales),
            _why_no_slope(self.slope),
            None if self.warm_up in (True, False) else "warm_up must be True or False",
        ):
            if wrong:
                raise WrongArguments(f"assert_constant {wrong}. {_USAGE}")

    def __str__(self) -> str:
        slope = f", slope={self.slope}" if self.slope else ""
        return f"assert_constant(scales={tuple(self.scales)}{slope})"


def _why_not_callable(name: str, given: object, example: str) -> str | None:
    if callable(given):
        return None
    _close(given)
    return f"{name} must be a function, such as `{example}`, and not a {type(given).__name__}"


def _why_no_scales(scales: object) -> str | None:
    given = [*scales] if isinstance(scales, Sequence) and not isinstance(scales, str) else []
    # bool is an int.
    are_numbers = all(type(scale) is int and scale >= 0 for scale in given)
    if len(given) >= _FEWEST_SCALES and are_numbers and all(one < other for one, other in pairwise(given)):
        return None
    return "scales must be two or more whole numbers >= 0 in increasing order, such as (2, 5)"


def _why_no_slope(slope: object) -> str | None:
    # bool is an int.
    if isinstance(slope, bool) or not isinstance(slope, int | float):
        return f"slope must be a number, got {type(slope).__name__}"
    # NaN compares as false.
    return None if slope >= 0 else f"slope must be >= 0, got {slope}"


async def measured(
    experiment: Experiment, databases: TestDatabases, record: Callable[[], Recording], *, on_loop: bool
) -> list[tuple[int, Recording]]:
    """Record the call at each scale, with the rows that populate made, which are then removed.

    Without a loop it awaits nothing. Raises GrowthUnknown where growth could not be seen, and any error of
    call and populate.
    """
    __tracebackhide__ = True
    if not databases.aliases:
        raise GrowthUnknown(
            "assert_constant: this test has no access to a database. Mark it @pytest.mark.django_db, or name "
            "the aliases in `databases` of its test case"
        )
    before = await _in_thread_of_orm(partial(count_rows, databases), on_loop=on_loop)
    await _in_thread_of_orm(partial(require_that_nothing_is_lost, databases, before), on_loop=on_loop)
    recordings: list[tuple[int, Recording]] = []
    added: list[tuple[int, int]] = []
    for scale in experiment.scales:
        stack = ExitStack()
        try:
            # A cancelled task may have entered the context already: the stack leaves it, too.
            await _in_thread_of_orm(partial(stack.enter_context, isolated(databases)), on_loop=on_loop)
            await _populate(experiment, scale, on_loop=on_loop)
            after = await _in_thread_of_orm(partial(count_rows, databases), on_loop=on_loop)
            added.append((scale, _number(after) - _number(before)))
            _require_growth(added)
            if experiment.warm_up:
                await _awaited(experiment.call(), on_loop=on_loop)
            with record() as recording:
                await _awaited(experiment.call(), on_loop=on_loop)
            recordings.append((scale, recording))
        finally:
            await _in_thread_of_orm(stack.close, on_loop=on_loop)
        earlier, before = before, await _in_thread_of_orm(partial(count_rows, databases), on_loop=on_loop)
        require_as_before(earlier, before)
    return recordings


async def _populate(experiment: Experiment, scale: int, *, on_loop: bool) -> None:
    __tracebackhide__ = True
    made: object
    if inspect.iscoroutinefunction(experiment.populate):
        made = experiment.populate(scale)
    else:
        # Django refuses the ORM on the loop's thread, and factories use it.
        made = await _in_thread_of_orm(partial(experiment.populate, scale), on_loop=on_loop)
    await _awaited(made, on_loop=on_loop)


async def _in_thread_of_orm(function: Callable[[], T], *, on_loop: bool) -> T:
    """Run a function in the thread that runs the test's ORM calls."""
    __tracebackhide__ = True
    if not on_loop:
        return function()
    from asgiref.sync import sync_to_async

    return await sync_to_async(function)()


async def _awaited(result: object, *, on_loop: bool) -> None:
    """Await a result if it is awaitable."""
    __tracebackhide__ = True
    # Look at the type: hasattr() on a lazy object would evaluate it.
    if not hasattr(type(result), "__await__"):
        return
    if not on_loop:
        _close(result)
        raise GrowthUnknown(
            f"assert_constant got a {type(result).__name__} to await, but no event loop is running: make the "
            "test `async def`, and `await dbperf.assert_constant(...)`"
        )
    awaitable: Any = result
    await awaitable


def _close(given: object) -> None:
    """Close a coroutine that is never awaited, so that Python does not warn of it."""
    if isinstance(given, CoroutineType):
        given.close()


def _number(rows: Rows) -> int:
    return sum(rows.values())


def _require_growth(added: Sequence[tuple[int, int]]) -> None:
    scale, rows = added[-1]
    if rows <= 0 and scale > 0:
        raise GrowthUnknown(
            f"assert_constant: populate({scale}) added no rows to the databases that the test may use, so "
            "the call has nothing to read more of"
        )
    if len(added) > 1 and rows <= added[-2][1]:
        smaller, fewer = added[-2]
        raise GrowthUnknown(
            f"assert_constant: populate({scale}) added {rows} rows, no more than populate({smaller}), which "
            f"added {fewer}. The database is restored before each populate, so it must create all of its "
            "rows again: does it cache them?"
        )

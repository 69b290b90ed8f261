"""What does a call cost for few rows, and for more? It is tried in one world after the other."""

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
    Ground,
    GrowthUnknown,
    Rows,
    require_as_before,
    require_that_nothing_is_lost,
    rows_on,
    world,
)
from pytest_dbperf.recording.recorder import Recording

T = TypeVar("T")

_FEWEST_SCALES = 2
_USAGE = "Usage: assert_constant(call, *, populate, scales=(2, 5), slope=0, warm_up=True)"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A call, what makes the rows for it, how many of them, and how many events a row are allowed.

    Raises WrongArguments for what means nothing.
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
    return f"{name} must be something to call, such as `{example}`, and not a {type(given).__name__}"


def _why_no_scales(scales: object) -> str | None:
    given = [*scales] if isinstance(scales, Sequence) and not isinstance(scales, str) else []
    # bool is an int.
    are_numbers = all(type(scale) is int and scale >= 0 for scale in given)
    if len(given) >= _FEWEST_SCALES and are_numbers and all(one < other for one, other in pairwise(given)):
        return None
    return "scales must be two or more whole numbers from 0 that increase, such as (2, 5)"


def _why_no_slope(slope: object) -> str | None:
    if type(slope) not in (int, float):
        return f"slope must be a number, got {type(slope).__name__}"
    # Not a number is neither.
    return None if slope >= 0 else f"slope must be >= 0, got {slope}"  # type: ignore[operator]  # a number


async def measured(
    experiment: Experiment, ground: Ground, record: Callable[[], Recording], *, on_loop: bool
) -> list[tuple[int, Recording]]:
    """Record the call at each scale, in a world that holds what populate made, and is taken back.

    Without a loop it waits for nothing. Raises GrowthUnknown where growth would not be seen, and what call
    and populate raise.
    """
    __tracebackhide__ = True
    if not ground.aliases:
        raise GrowthUnknown(
            "assert_constant: the test may use no database. Mark it @pytest.mark.django_db, or name the "
            "aliases in `databases` of its test case"
        )
    before = await _in_place(partial(rows_on, ground), on_loop=on_loop)
    await _in_place(partial(require_that_nothing_is_lost, ground, before), on_loop=on_loop)
    recordings: list[tuple[int, Recording]] = []
    added: list[tuple[int, int]] = []
    for scale in experiment.scales:
        stack = ExitStack()
        try:
            # It may be cancelled on its way in: what was entered by then is left, too.
            await _in_place(partial(stack.enter_context, world(ground)), on_loop=on_loop)
            await _populate(experiment, scale, on_loop=on_loop)
            after = await _in_place(partial(rows_on, ground), on_loop=on_loop)
            added.append((scale, _number(after) - _number(before)))
            _require_growth(added)
            if experiment.warm_up:
                await _settled(experiment.call(), on_loop=on_loop)
            with record() as recording:
                await _settled(experiment.call(), on_loop=on_loop)
            recordings.append((scale, recording))
        finally:
            await _in_place(stack.close, on_loop=on_loop)
        earlier, before = before, await _in_place(partial(rows_on, ground), on_loop=on_loop)
        require_as_before(earlier, before)
    return recordings


async def _populate(experiment: Experiment, scale: int, *, on_loop: bool) -> None:
    __tracebackhide__ = True
    made: object
    if inspect.iscoroutinefunction(experiment.populate):
        made = experiment.populate(scale)
    else:
        # On a loop, factories may use the ORM only in a thread.
        made = await _in_place(partial(experiment.populate, scale), on_loop=on_loop)
    await _settled(made, on_loop=on_loop)


async def _in_place(function: Callable[[], T], *, on_loop: bool) -> T:
    """Run a function in the thread that the test's ORM calls run in."""
    __tracebackhide__ = True
    if not on_loop:
        return function()
    from asgiref.sync import sync_to_async

    return await sync_to_async(function)()


async def _settled(result: object, *, on_loop: bool) -> None:
    """Await what can be awaited."""
    __tracebackhide__ = True
    # Asked of the type: a lazy object would load what it stands for.
    if not hasattr(type(result), "__await__"):
        return
    if not on_loop:
        _close(result)
        raise GrowthUnknown(
            f"assert_constant was given something that has to be awaited, a {type(result).__name__}, and no "
            "event loop is running: make the test `async def`, and `await dbperf.assert_constant(...)`"
        )
    awaitable: Any = result
    await awaitable


def _close(given: object) -> None:
    """Spare a coroutine that nobody will await the warning of that."""
    if isinstance(given, CoroutineType):
        given.close()


def _number(rows: Rows) -> int:
    return sum(rows.values())


def _require_growth(added: Sequence[tuple[int, int]]) -> None:
    scale, rows = added[-1]
    if rows <= 0 and scale > 0:
        raise GrowthUnknown(
            f"assert_constant: populate({scale}) added no rows to the databases that the test may use, so "
            "there is nothing that a call could cost more for"
        )
    if len(added) > 1 and rows <= added[-2][1]:
        smaller, fewer = added[-2]
        raise GrowthUnknown(
            f"assert_constant: populate({scale}) added no more rows than populate({smaller}), {rows} and "
            f"{fewer}. It is called anew in each world, and has to make its rows anew: does it cache them?"
        )

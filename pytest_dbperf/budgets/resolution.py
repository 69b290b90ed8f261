"""Which budgets apply to a test? For each name the nearest marker, or else the ini default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_dbperf.budgets.budget import Budget, WrongArguments, is_per_request, make
from pytest_dbperf.budgets.placed import FARTHER, NEARER, ON_FUNCTION, PlacedBudget

if TYPE_CHECKING:
    import pytest

# The name of a budget, and whether it limits each single request: a marker replaces those of its own form.
_Replaceable: TypeAlias = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class MarkerLevel:
    """Markers that are equally near to a test, and where they are written."""

    written_at: str
    marks: Sequence[pytest.Mark]
    nearness: str = FARTHER


def budgets_for(
    item: pytest.Item, defaults: Sequence[Budget], ini: str, budget_classes: Mapping[str, type[Budget]]
) -> list[PlacedBudget]:
    """Resolve the budgets of a test, including those that only lift another one.

    For each name the nearest level with a marker wins as a whole: nothing of a farther level is added. A
    limit of each single request and one of the whole test do not replace each other.

    Raises:
        WrongArguments: A marker has arguments that its budget does not take.
    """
    found: dict[_Replaceable, list[PlacedBudget]] = {}
    for level in levels_of(item):
        here: dict[_Replaceable, list[PlacedBudget]] = {}
        for mark in level.marks:
            replaceable = mark.name, bool(mark.kwargs.get("per_request"))
            if mark.name in budget_classes and replaceable not in found:
                try:
                    budget = make(budget_classes[mark.name], mark.args, mark.kwargs)
                except WrongArguments as error:
                    error.mark = mark
                    raise
                placed = PlacedBudget(budget, level.written_at, level.nearness, mark=mark)
                here.setdefault(replaceable, []).append(placed)
        found |= here
    marked = set(found)
    for budget in defaults:
        replaceable = budget.name, is_per_request(budget)
        if replaceable not in marked:
            placed = PlacedBudget(budget, f"in {ini}", is_default=True)
            found.setdefault(replaceable, []).append(placed)
    return [
        placed
        for name in budget_classes
        for per_request in (False, True)
        for placed in found.get((name, per_request), ())
    ]


def without_lifted(budgets: Iterable[PlacedBudget]) -> list[PlacedBudget]:
    """Leave out the budgets that only lift another one: they have nothing to check."""
    return [placed for placed in budgets if not placed.budget.is_lifted]


def levels_of(item: pytest.Item) -> Iterator[MarkerLevel]:
    """List the markers of a test, the nearest first: parameter, function, class by MRO, module, package.

    pytest's `get_closest_marker` looks at the function before the parameter (`pytest.param(marks=)`), and at
    a base class before the class that inherits from it.
    """
    path, line, _ = item.location
    written_at = f"at {path}:{(line or 0) + 1}"
    callspec = getattr(item, "callspec", None)
    of_parameter = list(callspec.marks) if callspec is not None else []
    of_function = _marks_on(getattr(item, "obj", None))
    written_here = {id(mark) for mark in (*of_parameter, *of_function)}
    indexes = [index for index, mark in enumerate(item.own_markers) if id(mark) in written_here]
    first = min(indexes, default=0)
    # add_marker(append=False) asks for a nearer marker, add_marker() for a farther one.
    yield MarkerLevel(f"added to {item.name}", item.own_markers[:first], NEARER)
    yield MarkerLevel(written_at, of_parameter, NEARER)
    yield MarkerLevel(written_at, of_function, ON_FUNCTION)
    rest = [mark for mark in item.own_markers[first:] if id(mark) not in written_here]
    yield MarkerLevel(f"added to {item.name}", rest)
    for node in item.iter_parents():
        if node is not item:
            yield from _levels_of_parent(node)


def _levels_of_parent(node: Any) -> Iterator[MarkerLevel]:
    inherited: set[int] = set()
    owner = getattr(node, "obj", None)
    if isinstance(owner, type):
        for base in owner.__mro__:
            marks = _marks_of(vars(base).get("pytestmark", ()))
            inherited.update(map(id, marks))
            yield MarkerLevel(f"on {base.__qualname__}", marks)
    yield MarkerLevel(f"in {node.nodeid}", [mark for mark in node.own_markers if id(mark) not in inherited])


def _marks_on(function: Any) -> list[Any]:
    return _marks_of(getattr(function, "pytestmark", ()))


def _marks_of(pytestmark: Any) -> list[Any]:
    decorated = pytestmark if isinstance(pytestmark, list | tuple) else [pytestmark]
    return [getattr(mark, "mark", mark) for mark in decorated]

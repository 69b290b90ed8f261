"""Which budgets hold for a test? The nearest marker of each name, or the suite's default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_dbperf.budgets.budget import Budget, make
from pytest_dbperf.budgets.enforcement import PlacedBudget

if TYPE_CHECKING:
    import pytest

# Where markers are, seen from the decorators of a test's function.
NEARER = "nearer"
ON_FUNCTION = "on the function"
FARTHER = "farther"


@dataclass(frozen=True, slots=True)
class Level:
    """Markers that are equally near to a test, and where they are written."""

    place: str
    marks: Sequence[pytest.Mark]
    nearness: str = FARTHER


@dataclass(frozen=True, slots=True)
class Near:
    """A budget of a test, and how near to it that is written."""

    given: PlacedBudget
    nearness: str


def nearest_budgets_of(
    item: pytest.Item, defaults: Sequence[Budget], ini: str, budget_classes: Mapping[str, type[Budget]]
) -> list[Near]:
    """Resolve the budgets of a test. Raises `WrongArguments` for a marker that means nothing.

    The nearest level that has a marker of a name decides, and nothing of a farther level is added to it.
    """
    found: dict[str, list[Near]] = {}
    for level in levels_of(item):
        here: dict[str, list[Near]] = {}
        for mark in level.marks:
            if mark.name in budget_classes and mark.name not in found:
                given = PlacedBudget(make(budget_classes[mark.name], mark.args, mark.kwargs), level.place)
                here.setdefault(mark.name, []).append(Near(given, level.nearness))
        found |= here
    written = set(found)
    for budget in defaults:
        if budget.name not in written:
            found.setdefault(budget.name, []).append(Near(PlacedBudget(budget, f"in {ini}"), FARTHER))
    return [near for name in budget_classes for near in found.get(name, ())]


def in_force(nearest: Iterable[Near]) -> list[PlacedBudget]:
    """Leave out those that only lift others."""
    return [near.given for near in nearest if not near.given.budget.is_lifted]


def levels_of(item: pytest.Item) -> Iterator[Level]:
    """List the markers of a test, the nearest first: parameter, function, class by MRO, module, package.

    pytest's `get_closest_marker` looks at the function before the parameter (`pytest.param(marks=)`), and at
    a base class before the class that inherits from it.
    """
    path, line, _ = item.location
    place = f"at {path}:{(line or 0) + 1}"
    callspec = getattr(item, "callspec", None)
    of_parameter = list(callspec.marks) if callspec is not None else []
    of_function = _marks_on(getattr(item, "obj", None))
    written_here = {id(mark) for mark in (*of_parameter, *of_function)}
    positions = [place for place, mark in enumerate(item.own_markers) if id(mark) in written_here]
    first = min(positions, default=0)
    # What add_marker() put before all others is meant to be nearer, what it appended is farther.
    yield Level(f"added to {item.name}", item.own_markers[:first], NEARER)
    yield Level(place, of_parameter, NEARER)
    yield Level(place, of_function, ON_FUNCTION)
    rest = [mark for mark in item.own_markers[first:] if id(mark) not in written_here]
    yield Level(f"added to {item.name}", rest)
    for node in item.iter_parents():
        if node is not item:
            yield from _levels_of_parent(node)


def _levels_of_parent(node: Any) -> Iterator[Level]:
    inherited: set[int] = set()
    owner = getattr(node, "obj", None)
    if isinstance(owner, type):
        for base in owner.__mro__:
            marks = _marks_of(vars(base).get("pytestmark", ()))
            inherited.update(map(id, marks))
            yield Level(f"on {base.__qualname__}", marks)
    yield Level(f"in {node.nodeid}", [mark for mark in node.own_markers if id(mark) not in inherited])


def _marks_on(function: Any) -> list[Any]:
    return _marks_of(getattr(function, "pytestmark", ()))


def _marks_of(written: Any) -> list[Any]:
    decorated = written if isinstance(written, list | tuple) else [written]
    return [getattr(mark, "mark", mark) for mark in decorated]

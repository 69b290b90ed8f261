"""On which line of a file is a marker written? Python does not keep it with the marker."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_COMPARED = (bool, int, float, str, type(None))
# How near to the test a marker is written, the nearest first.
_ON_TEST, _OUTSIDE, _ANYWHERE = range(3)


@dataclass(frozen=True, slots=True)
class WrittenMarker:
    """A marker in the source: its line, its call if it has arguments, and whether it is in a function."""

    line: int
    name: str
    call: ast.Call | None
    is_in_function: bool


def line_of_marker(path: Path, mark: pytest.Mark, decorators: range, argument: str = "") -> int | None:
    """Find the line of a marker, or of its `argument`; None if the file has no such marker.

    If several are alike, one in the lines of the test's `decorators` comes first, then one outside of a
    function.
    """
    of_name = (each for each in _markers_in(path) if each.name == mark.name)
    alike = [each for each in of_name if _has(each.call, mark.args, mark.kwargs)]

    def nearness(marker: WrittenMarker) -> tuple[int, int]:
        if marker.line in decorators:
            return _ON_TEST, marker.line
        return (_ANYWHERE if marker.is_in_function else _OUTSIDE), marker.line

    if not alike:
        return None
    nearest = min(alike, key=nearness)
    keywords = () if nearest.call is None else nearest.call.keywords
    return next((each.lineno for each in keywords if each.arg == argument), nearest.line)


@lru_cache(maxsize=100)
def _markers_in(path: Path) -> Sequence[WrittenMarker]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()
    return list(_markers_below(tree, is_in_function=False))


def _markers_below(node: ast.AST, *, is_in_function: bool) -> Iterator[WrittenMarker]:
    called = node.func if isinstance(node, ast.Call) else node
    if isinstance(called, ast.Attribute) and _is_mark(called.value):
        call = node if isinstance(node, ast.Call) else None
        yield WrittenMarker(called.end_lineno or called.lineno, called.attr, call, is_in_function)
        if call is not None:
            for argument in (*call.args, *call.keywords):
                yield from _markers_below(argument, is_in_function=is_in_function)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in node.decorator_list:
            yield from _markers_below(decorator, is_in_function=is_in_function)
        for statement in node.body:
            yield from _markers_below(statement, is_in_function=True)
        return
    for below in ast.iter_child_nodes(node):
        yield from _markers_below(below, is_in_function=is_in_function)


def _is_mark(node: ast.AST) -> bool:
    """Tell whether an expression is `pytest.mark`, or `mark` that was imported from there."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name == "mark"


def _has(call: ast.Call | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Tell whether a call may have these arguments; a variable may have any value."""
    if call is None:
        return not args and not kwargs
    written = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in written or any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    if len(call.args) != len(args) or written.keys() != kwargs.keys():
        return False
    pairs = [*zip(call.args, args, strict=True)]
    pairs += [(value, kwargs[str(name)]) for name, value in written.items()]
    return all(_may_be(node, value) for node, value in pairs)


def _may_be(node: ast.expr, value: Any) -> bool:
    try:
        written = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return True
    if type(written) is not type(value):
        return False
    # Only plain values are compared: the `__eq__` of your class may do anything.
    return type(value) not in _COMPARED or bool(written == value)

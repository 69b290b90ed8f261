"""On which line can a method be added to a queryset? The source shows where its value goes."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator, Sequence
from functools import lru_cache
from inspect import CO_OPTIMIZED
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pytest_dbperf.callsites.callsite import CallSite, position_of
from pytest_dbperf.recording.loads import FetchedRows

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
# The methods that evaluate a queryset and return something else: a new method goes in front of them.
_ENDS = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "a")
    for name in ("get", "first", "last", "earliest", "latest", "in_bulk", "get_or_create", "update_or_create")
)
_MOST_FILES = 500
_BYTES_OF_AN_INSTRUCTION = 2


class _Source(NamedTuple):
    """The expressions of a file by their position, and the node around each node."""

    expressions: dict[tuple[int | None, ...], ast.expr]
    around: dict[ast.AST, ast.AST]


def line_to_change(rows: FetchedRows) -> CallSite | str:
    """Find the line that holds the queryset of these rows, or tell why there is none.

    It prefers a function that also evaluates the queryset: one of your managers may have made it for other
    callers, too. A queryset made in a class body is changed there.
    """
    if rows.origin is not None and rows.origin.is_of_others:
        return "Django or a library has made the queryset"
    if not rows.made_at:
        return _line_that_evaluates(rows)
    # It was made on the first line, and returned to the next ones as it is.
    holding = rows.made_at[: 1 + len([*takewhile(_returns_it, rows.made_at)])]
    users = {id(code) for code, _ in rows.evaluated}
    in_classes = [site for site in holding if not site[0].co_flags & CO_OPTIMIZED]
    in_users = [site for site in holding if id(site[0]) in users]
    for site in (*in_classes[:1], *in_users, holding[0]):
        if not site[0].co_filename.endswith(".py"):
            return "a template cannot change a queryset"
        if not _is_evaluated_within(site, rows.evaluated):
            return site
    return "it is evaluated within the method that returns it: one more method would evaluate it again"


def _line_that_evaluates(rows: FetchedRows) -> CallSite | str:
    """Find the line of a queryset that was made before the recording."""
    if not rows.evaluated:
        return "no line of your code has made or evaluated the queryset"
    site = rows.evaluated[0]
    if not site[0].co_filename.endswith(".py"):
        return "a template cannot change a queryset"
    if _is_used_elsewhere(rows.evaluated):
        return "the queryset was made before the recording, and other code may use it as it is"
    return site


def _returns_it(site: CallSite) -> bool:
    """Tell whether a function returns the queryset of this expression: not within a tuple, for example."""
    source, node = _expression_at(site)
    if source is None or node is None:
        return False
    whole, parent = _whole_expression(source, node)
    if isinstance(parent, ast.Lambda | ast.Return):
        return True
    name = _name_assigned(parent)
    function = _function_around(source, whole)
    if name is None or function is None or isinstance(function, ast.Lambda):
        return False
    return _is_returned(name, function)


def _whole_expression(source: _Source, node: ast.AST) -> tuple[ast.AST, ast.AST]:
    """Follow the value of a queryset through the methods that return another one, and through conditions."""
    while True:
        parent = source.around[node]
        above = source.around.get(parent)
        is_method = isinstance(parent, ast.Attribute) and isinstance(above, ast.Call) and above.func is parent
        is_slice = isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Slice)
        if is_method and above is not None:
            node = above
        elif is_slice or isinstance(parent, ast.BoolOp | ast.BinOp | ast.IfExp | ast.NamedExpr | ast.Await):
            node = parent
        else:
            return node, parent


def _name_assigned(statement: ast.AST) -> str | None:
    if isinstance(statement, ast.AnnAssign):
        target: ast.AST = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _is_returned(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether each return that has one of the names of the queryset returns the queryset itself."""
    names = {name}
    statements = [*_statements_of(function)]

    def more_names() -> set[str]:
        return {
            other
            for statement in statements
            if (other := _name_assigned(statement)) and _root_of(getattr(statement, "value", None)) in names
        }

    while not (more := more_names()) <= names:
        names |= more
    returns = [each.value for each in statements if isinstance(each, ast.Return) and each.value is not None]
    of_it = [
        value
        for value in returns
        if any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(value))
    ]
    return bool(of_it) and all(_root_of(value) in names for value in of_it)


def _root_of(value: ast.AST | None) -> str | None:
    """Return the name that a chain of methods and slices begins with: `books` of `books.filter(...)[:3]`."""
    while not isinstance(value, ast.Name):
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value
        elif isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
            value = value.value
        else:
            return None
    return value.id


def _statements_of(function: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _statements_of(node)


def _is_evaluated_within(site: CallSite, evaluated: Sequence[CallSite]) -> bool:
    """Tell whether a method that returns the queryset of this line has evaluated it before."""
    _, made = _expression_at(site)
    for other in evaluated:
        if other[0] is site[0] and _is_a_call(other):
            _, call = _expression_at(other)
            call = call.value if isinstance(call, ast.Await) else call
            if isinstance(call, ast.Call) and made in (call, *_chain_below(call)):
                return not (isinstance(call.func, ast.Attribute) and call.func.attr in _ENDS)
    return False


def _chain_below(call: ast.expr) -> Iterator[ast.expr]:
    while isinstance(call, ast.Call | ast.Attribute | ast.Subscript):
        call = call.func if isinstance(call, ast.Call) else call.value
        yield call


def _is_used_elsewhere(evaluated: Sequence[CallSite]) -> bool:
    """Tell whether other lines read the queryset that is evaluated here, as it is."""
    parameter = None
    for site in evaluated:
        source, node = _expression_at(site)
        if source is None or node is None:
            return False
        if isinstance(node, ast.Call):
            node = _argument_of(node, parameter)
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and node.value.id == "self"
        function = _function_around(source, node) if node is not None else None
        if function is None or not isinstance(node, ast.Name):
            return isinstance(node, ast.BoolOp)
        uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == node.id]
        if node.id == "self" or sum(isinstance(each.ctx, ast.Load) for each in uses) > 1:
            return True
        parameters = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if node.id not in parameters:
            return False
        parameter = parameters.index(node.id) - (parameters[0] in ("self", "cls"))
    return False


def _argument_of(call: ast.Call, parameter: int | None) -> ast.expr | None:
    """Return what a call gives as this parameter, or what a function such as `list()` evaluates."""
    if parameter is None and isinstance(call.func, ast.Attribute):
        return None
    index = parameter or 0
    return call.args[index] if index < len(call.args) else None


def _is_a_call(site: CallSite) -> bool:
    code, offset = site
    # In Python 3.11, the code that runs a function is in the middle of the instruction that calls it.
    while offset > 0 and dis.opname[code.co_code[offset]] == "CACHE":
        offset -= _BYTES_OF_AN_INSTRUCTION
    return dis.opname[code.co_code[max(offset, 0)]].startswith(("CALL", "PRECALL", "SEND"))


def _function_around(source: _Source, node: ast.AST) -> _Function | None:
    above: ast.AST | None = node
    while (above := source.around.get(above) if above is not None else None) is not None:
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return above
    return None


def _expression_at(site: CallSite) -> tuple[_Source | None, ast.expr | None]:
    source = _source_of(site[0].co_filename)
    if source is None:
        return None, None
    node = source.expressions.get(position_of(site)[1])
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return source, node.generators[0].iter
    return source, node


@lru_cache(_MOST_FILES)
def _source_of(filename: str) -> _Source | None:
    """Parse a file, None if that cannot be done: nothing is proven then."""
    try:
        tree = ast.parse(Path(filename).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    around = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    # Of two expressions at one position, the outer one comes first.
    nodes = [*ast.walk(tree)]
    # In Python 3.11, a loop evaluates what it iterates over at its own position.
    loops = [node for node in nodes if isinstance(node, ast.For | ast.AsyncFor)]
    expressions: dict[tuple[int | None, ...], ast.expr] = {_position_of(loop): loop.iter for loop in loops}
    for node in reversed(nodes):
        if isinstance(node, ast.expr):
            expressions |= dict.fromkeys(_positions_of(node), node)
    return _Source(expressions, around)


def _position_of(node: ast.expr | ast.stmt) -> tuple[int | None, ...]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _positions_of(node: ast.expr) -> Iterator[tuple[int | None, ...]]:
    yield _position_of(node)
    # The instructions of a chain over several lines begin where the last name does.
    last = node.func if isinstance(node, ast.Call) else node
    if isinstance(last, ast.Attribute) and last.end_col_offset is not None:
        column = last.end_col_offset - len(last.attr.encode())
        yield last.end_lineno, node.end_lineno, column, node.end_col_offset

"""How are markers written into a file? libcst changes the decorators and keeps every other byte."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import libcst as cst

from pytest_dbperf.suggestions.markers import Suggestion

_MARK = "pytest.mark"
_BLANK = cst.EmptyLine(indent=False)
# pytest does not see marks on the objects that these return, so new marks go below them.
_HIDING = ("classmethod", "staticmethod")
# libcst calls itself once for each term of a + b + ..., also in its native parser. If the stack is full, that
# parser ends the process: after some 6,000 terms on the 8 MB of a main thread. This size is for 150,000.
_BYTES_OF_STACK = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new source, and why some functions got no marker."""

    source: bytes
    refused: Mapping[str, str]


class _Refused(Exception):
    """A function gets no marker; the text says why."""


def rewrite(source: bytes, suggestions: Mapping[str, Sequence[Suggestion]]) -> Rewritten:
    """Write markers on functions, which are named as in the file: `TestBooks.test_list`.

    A marker that exists gets the suggested limit and keeps its other arguments. Nothing else changes, not
    a byte.
    """
    done: Future[Rewritten] = Future()

    def work() -> None:
        try:
            done.set_result(_rewrite(source, suggestions))
        except BaseException as error:  # noqa: BLE001  # It is raised where the result is read.
            done.set_exception(error)

    size_before = threading.stack_size(_BYTES_OF_STACK)
    try:
        threading.Thread(target=work).start()
    finally:
        threading.stack_size(size_before)
    try:
        return done.result()
    except RecursionError:
        why = "an expression in it has too many terms, or is nested too deeply"
        return _unreadable(source, suggestions, why)


def _rewrite(source: bytes, suggestions: Mapping[str, Sequence[Suggestion]]) -> Rewritten:
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        return _unreadable(source, suggestions, error.message)
    except (SyntaxError, ValueError, LookupError) as error:  # Its encoding is unknown, or is another one.
        return _unreadable(source, suggestions, str(error))
    by_name: dict[str, list[cst.FunctionDef]] = {name: [] for name in suggestions}
    for name, function in _functions_in(module):
        if name in by_name:
            by_name[name].append(function)
    refused = {name: _why_not_one(found) for name, found in by_name.items() if len(found) != 1}
    names = {found[0]: name for name, found in by_name.items() if name not in refused}
    spelling = _spelling_before(names, module)
    writer = _Writer(
        {function: (name, suggestions[name]) for function, name in names.items()},
        spelling or _MARK,
        {_MARK, *_spellings_in(module)},
    )
    changed = module.visit(writer)
    if writer.has_added and spelling is None:
        changed = _with_import(changed)
    return Rewritten(changed.bytes, {**refused, **writer.refused})


def _unreadable(source: bytes, functions: Collection[str], why: str) -> Rewritten:
    return Rewritten(source, dict.fromkeys(functions, f"libcst cannot read its file: {why}"))


def _why_not_one(found: Sequence[cst.FunctionDef]) -> str:
    if found:
        return "its file has several functions of this name"
    return "its file has no function of this name: it is generated or imported"


def _functions_in(node: cst.CSTNode, classes: Sequence[str] = ()) -> Iterator[tuple[str, cst.FunctionDef]]:
    """Find functions and their names, in classes and below conditions, but not inside functions."""
    for child in node.children:
        if isinstance(child, cst.FunctionDef):
            yield ".".join((*classes, child.name.value)), child
        elif isinstance(child, cst.ClassDef):
            yield from _functions_in(child, (*classes, child.name.value))
        elif not isinstance(child, cst.SimpleStatementLine | cst.BaseExpression):
            yield from _functions_in(child, classes)


def _spelling_before(functions: Collection[cst.FunctionDef], module: cst.Module) -> str | None:
    """Return how the module spells `pytest.mark` above the first of the functions; None if it does not."""
    for statement in module.body:
        if any(function in functions for _, function in _functions_in(cst.Module([statement]))):
            break
        if isinstance(statement, cst.SimpleStatementLine):
            for spelling in _spellings_in(statement):
                return spelling
    return None


def _spellings_in(node: cst.CSTNode) -> Iterator[str]:
    """Find the names that imports give to `pytest.mark`."""
    for child in node.children:
        if isinstance(child, cst.Import):
            for alias in child.names:
                if alias.evaluated_name == "pytest":
                    yield f"{alias.evaluated_alias or 'pytest'}.mark"
        elif isinstance(child, cst.ImportFrom):
            if _dotted(child.module) == "pytest" and not isinstance(child.names, cst.ImportStar):
                for alias in child.names:
                    if alias.evaluated_name == "mark":
                        yield alias.evaluated_alias or "mark"
        elif not isinstance(child, cst.FunctionDef | cst.ClassDef | cst.BaseExpression):
            yield from _spellings_in(child)


def _dotted(node: cst.CSTNode | None) -> str:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return ""


class _Writer(cst.CSTTransformer):
    """Writes the suggested markers, in the spelling of the module."""

    def __init__(
        self,
        suggestions: Mapping[cst.FunctionDef, tuple[str, Sequence[Suggestion]]],
        spelling: str,
        spellings: Collection[str],
    ) -> None:
        super().__init__()
        self.suggestions = suggestions
        self.spelling = spelling
        self.spellings = spellings
        self.refused: dict[str, str] = {}
        self.has_added = False

    def leave_FunctionDef(  # noqa: N802  # libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """Write the markers of a function: all or none."""
        if original_node not in self.suggestions:
            return updated_node
        name, suggestions = self.suggestions[original_node]
        try:
            decorators = self._decorators(updated_node.decorators, suggestions)
            return updated_node.with_changes(decorators=decorators)
        except _Refused as refusal:
            self.refused[name] = str(refusal)
            return updated_node

    def _decorators(
        self, decorators: Sequence[cst.Decorator], suggestions: Sequence[Suggestion]
    ) -> list[cst.Decorator]:
        kept, new = list(decorators), []
        for suggestion in suggestions:
            names = [f"{spelling}.{suggestion.name}" for spelling in self.spellings]
            indexes = [
                index
                for index, decorator in enumerate(kept)
                if _name_of(decorator) in names and _is_per_request(decorator) == suggestion.is_per_request
            ]
            if len(indexes) > 1:
                raise _Refused(f"it has more than one {suggestion.name}")
            if indexes:
                kept[indexes[0]] = _with_limit(kept[indexes[0]], suggestion)
            elif suggestion.is_on_function:
                raise _Refused(f"its {suggestion.name} is not written as @{self.spelling}.{suggestion.name}")
            else:
                new.append(cst.Decorator(cst.parse_expression(f"{self.spelling}.{suggestion}")))
        self.has_added |= bool(new)
        hiding = [index for index, decorator in enumerate(kept) if _name_of(decorator) in _HIDING]
        above = hiding[-1] + 1 if hiding else 0
        return [*kept[:above], *new, *kept[above:]]


def _name_of(decorator: cst.Decorator) -> str:
    written = decorator.decorator
    return _dotted(written.func if isinstance(written, cst.Call) else written)


def _is_per_request(decorator: cst.Decorator) -> bool:
    """Tell whether a marker limits each request. What is neither True nor False is taken for True."""
    args = decorator.decorator.args if isinstance(decorator.decorator, cst.Call) else ()
    values = [each.value for each in args if each.keyword is not None and each.keyword.value == "per_request"]
    return any(_dotted(value) != "False" for value in values)


def _with_limit(decorator: cst.Decorator, suggestion: Suggestion) -> cst.Decorator:
    """Change the limit of a marker, and nothing else in it."""
    if suggestion.limit is None:
        return decorator
    call = cst.ensure_type(decorator.decorator, cst.Call)
    for index, argument in enumerate(call.args):
        is_limit = argument.keyword is None or argument.keyword.value == "limit"
        if is_limit and not argument.star:
            if not isinstance(argument.value, cst.Integer):
                break
            if argument.value.evaluated_value == suggestion.limit:
                return decorator
            changed = argument.with_changes(value=cst.Integer(str(suggestion.limit)))
            args = [*call.args[:index], changed, *call.args[index + 1 :]]
            return decorator.with_changes(decorator=call.with_changes(args=args))
    raise _Refused(f"the limit of its {suggestion.name} is not written as a number")


def _with_import(module: cst.Module) -> cst.Module:
    """Import pytest where a sorted file has it: after the standard library, before other packages."""
    header, body = list(module.header), list(module.body)
    position = next(
        index for index, line in enumerate(body) if not (_is_docstring(line, index) or _is_future(line))
    )
    while _imports_only_the_standard_library(body[position]):
        position += 1
    if position == 0:
        # libcst puts all comments at the top into the header, also those of the first statement.
        blank = [index for index, line in enumerate(header) if line.comment is None]
        start = blank[-1] + 1 if blank else len(header)
        body[0] = body[0].with_changes(leading_lines=header[start:])
        header = header[:start]
    following = body[position]
    lines = list(following.leading_lines)
    blanks = next((index for index, line in enumerate(lines) if line.comment is not None), len(lines))
    new = cst.SimpleStatementLine([cst.Import([cst.ImportAlias(cst.Name("pytest"))])])
    if not _imports(following):
        # The import becomes a group of its own, after all other imports.
        space = 2 if isinstance(following, cst.FunctionDef | cst.ClassDef) else 1
        lines = [*[_BLANK] * (space - blanks), *lines]
        body[position] = following.with_changes(leading_lines=lines)
        new = new.with_changes(leading_lines=[_BLANK] if position else [])
    elif not _comes_before_pytest(following):
        body[position] = following.with_changes(leading_lines=lines[blanks:])
        new = new.with_changes(leading_lines=lines[:blanks])
    else:
        position += 1
        while _comes_before_pytest(body[position]) and not body[position].leading_lines:
            position += 1
    return module.with_changes(header=header, body=[*body[:position], new, *body[position:]])


_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def _is_docstring(statement: _Statement, index: int) -> bool:
    return (
        index == 0
        and isinstance(statement, cst.SimpleStatementLine)
        and isinstance(first := statement.body[0], cst.Expr)
        and isinstance(first.value, cst.SimpleString | cst.ConcatenatedString)
    )


def _is_future(statement: _Statement) -> bool:
    return "__future__" in _imports(statement)


def _imports_only_the_standard_library(statement: _Statement) -> bool:
    names = _imports(statement)
    return bool(names) and sys.stdlib_module_names.issuperset(names)


def _comes_before_pytest(statement: _Statement) -> bool:
    """Tell whether a sorted file has a statement above `import pytest`: `import factory`, but no `from`."""
    is_import = isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Import)
    return is_import and _imports(statement)[0].lower() < "pytest"


def _imports(statement: _Statement) -> list[str]:
    """Name the packages that a statement imports, "" for a relative import; none if it does anything else."""
    names = []
    for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else [cst.Pass()]:
        if isinstance(small, cst.Import):
            names += [alias.evaluated_name.partition(".")[0] for alias in small.names]
        elif isinstance(small, cst.ImportFrom):
            names.append("" if small.relative else _dotted(small.module).partition(".")[0])
        else:
            return []
    return names

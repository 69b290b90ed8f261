"""How do markers get into a file? Source and wishes in, new source out: the one room that knows libcst."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from pytest_dbperf.suggestions.markers import Marker

_MARK = "pytest.mark"
_BLANK = cst.EmptyLine(indent=False)
# What these make of a function hides the marks above them.
_HIDING = ("classmethod", "staticmethod")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new source, and why some functions were left alone."""

    source: bytes
    refused: Mapping[str, str]


class _Refused(Exception):
    """A function is left alone; the text says why."""


def rewrite(source: bytes, wishes: Mapping[str, Sequence[Marker]]) -> Rewritten:
    """Give functions, by their names within the file (`TestBooks.test_list`), the markers that they lack.

    A marker that is there gets the limit that is wished for, and keeps its other arguments. All else stays as
    it is, to the byte.
    """
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        return Rewritten(source, dict.fromkeys(wishes, f"libcst cannot read its file: {error.message}"))
    places: dict[str, list[cst.FunctionDef]] = {name: [] for name in wishes}
    for name, function in _functions_in(module):
        if name in places:
            places[name].append(function)
    refused = {name: _why_not_one(found) for name, found in places.items() if len(found) != 1}
    wanted = {found[0]: name for name, found in places.items() if name not in refused}
    spelling = _spelling_before(wanted, module)
    writer = _Writer(
        {function: (name, wishes[name]) for function, name in wanted.items()},
        spelling or _MARK,
        {_MARK, *_spellings_in(module)},
    )
    changed = module.visit(writer)
    if writer.has_added and spelling is None:
        changed = _with_import(changed)
    return Rewritten(changed.bytes, {**refused, **writer.refused})


def _why_not_one(found: Sequence[cst.FunctionDef]) -> str:
    if found:
        return "its file has more than one function of this name"
    return "its file has no function of this name: it is generated or imported"


def _functions_in(node: cst.CSTNode, classes: Sequence[str] = ()) -> Iterator[tuple[str, cst.FunctionDef]]:
    """Find functions with their names, in classes and below conditions, but not those within functions."""
    for child in node.children:
        if isinstance(child, cst.FunctionDef):
            yield ".".join((*classes, child.name.value)), child
        elif isinstance(child, cst.ClassDef):
            yield from _functions_in(child, (*classes, child.name.value))
        elif not isinstance(child, cst.SimpleStatementLine | cst.BaseExpression):
            yield from _functions_in(child, classes)


def _spelling_before(functions: Collection[cst.FunctionDef], module: cst.Module) -> str | None:
    """Tell how the module spells `pytest.mark` where the first of these functions is; None if not at all."""
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
    """Writes the markers that are wanted, in the spelling of the module."""

    def __init__(
        self,
        wanted: Mapping[cst.FunctionDef, tuple[str, Sequence[Marker]]],
        spelling: str,
        spellings: Collection[str],
    ) -> None:
        super().__init__()
        self.wanted = wanted
        self.spelling = spelling
        self.spellings = spellings
        self.refused: dict[str, str] = {}
        self.has_added = False

    def leave_FunctionDef(  # noqa: N802  # libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """Write the markers of a function: all or none."""
        if original_node not in self.wanted:
            return updated_node
        name, markers = self.wanted[original_node]
        try:
            return updated_node.with_changes(decorators=self._decorators(updated_node.decorators, markers))
        except _Refused as refusal:
            self.refused[name] = str(refusal)
            return updated_node

    def _decorators(
        self, decorators: Sequence[cst.Decorator], markers: Sequence[Marker]
    ) -> list[cst.Decorator]:
        kept, new = list(decorators), []
        for marker in markers:
            names = [f"{spelling}.{marker.name}" for spelling in self.spellings]
            places = [place for place, decorator in enumerate(kept) if _name_of(decorator) in names]
            if len(places) > 1:
                raise _Refused(f"it has more than one {marker.name}")
            if places:
                kept[places[0]] = _with_limit(kept[places[0]], marker)
            elif marker.is_on_function:
                raise _Refused(f"its {marker.name} is not written as @{self.spelling}.{marker.name}")
            else:
                new.append(cst.Decorator(cst.parse_expression(f"{self.spelling}.{marker}")))
        self.has_added |= bool(new)
        hiding = [place for place, decorator in enumerate(kept) if _name_of(decorator) in _HIDING]
        above = hiding[-1] + 1 if hiding else 0
        return [*kept[:above], *new, *kept[above:]]


def _name_of(decorator: cst.Decorator) -> str:
    written = decorator.decorator
    return _dotted(written.func if isinstance(written, cst.Call) else written)


def _with_limit(decorator: cst.Decorator, marker: Marker) -> cst.Decorator:
    """Change the limit of a marker, and nothing else of it."""
    if marker.limit is None:
        return decorator
    call = cst.ensure_type(decorator.decorator, cst.Call)
    for place, argument in enumerate(call.args):
        is_limit = argument.keyword is None or argument.keyword.value == "limit"
        if is_limit and not argument.star:
            if not isinstance(argument.value, cst.Integer):
                break
            if argument.value.evaluated_value == marker.limit:
                return decorator
            changed = argument.with_changes(value=cst.Integer(str(marker.limit)))
            args = [*call.args[:place], changed, *call.args[place + 1 :]]
            return decorator.with_changes(decorator=call.with_changes(args=args))
    raise _Refused(f"the limit of its {marker.name} is not written as a number")


def _with_import(module: cst.Module) -> cst.Module:
    """Import pytest where a sorted file has it: behind the standard library, before what comes later."""
    header, body = list(module.header), list(module.body)
    place = next(
        place for place, line in enumerate(body) if not (_is_docstring(line, place) or _is_future(line))
    )
    while _imports_only_the_standard_library(body[place]):
        place += 1
    if place == 0:
        # libcst takes all comments at the top for the file's, also those of the first statement.
        start = max([at + 1 for at, line in enumerate(header) if line.comment is None], default=len(header))
        body[0] = body[0].with_changes(leading_lines=header[start:])
        header = header[:start]
    following = body[place]
    lines = list(following.leading_lines)
    blanks = next((at for at, line in enumerate(lines) if line.comment is not None), len(lines))
    new = cst.SimpleStatementLine([cst.Import([cst.ImportAlias(cst.Name("pytest"))])])
    if not _imports(following):
        # A group of its own, and the last import.
        space = 2 if isinstance(following, cst.FunctionDef | cst.ClassDef) else 1
        lines = [*[_BLANK] * (space - blanks), *lines]
        body[place] = following.with_changes(leading_lines=lines)
        new = new.with_changes(leading_lines=[_BLANK] if place else [])
    elif not _comes_before_pytest(following):
        body[place] = following.with_changes(leading_lines=lines[blanks:])
        new = new.with_changes(leading_lines=lines[:blanks])
    else:
        place += 1
        while _comes_before_pytest(body[place]) and not body[place].leading_lines:
            place += 1
    return module.with_changes(header=header, body=[*body[:place], new, *body[place:]])


_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def _is_docstring(statement: _Statement, place: int) -> bool:
    return (
        place == 0
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
    """Tell whether a sorted file has it above: `import factory`, but neither `import shop` nor a from."""
    is_import = isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Import)
    return is_import and _imports(statement)[0].lower() < "pytest"


def _imports(statement: _Statement) -> list[str]:
    """Name the packages that a statement imports, if that is all that it does; "" for relative ones."""
    names = []
    for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else [cst.Pass()]:
        if isinstance(small, cst.Import):
            names += [alias.evaluated_name.partition(".")[0] for alias in small.names]
        elif isinstance(small, cst.ImportFrom):
            names.append("" if small.relative else _dotted(small.module).partition(".")[0])
        else:
            return []
    return names

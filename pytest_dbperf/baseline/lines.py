"""What does a line of the baseline say? One debt: its type, its names, its numbers and a comment."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_dbperf.baseline.debts import Debt, DebtType, Key
from pytest_dbperf.baseline.names import escaped, unescaped

_NAMES: Mapping[DebtType, tuple[str, ...]] = {
    "finding": ("its budget", "its subject", "its function"),
    "route": ("its method and path",),
    "test": ("its id",),
}
_TYPES = tuple(_NAMES)
# The order in which a line shows them; all others follow by name.
_FIRST_NUMBERS = ("queries", "hops", "query_budget")
_NUMBER = re.compile(r"(\w+)=([0-9]{1,9})", re.ASCII)
_SPACES = re.compile(r"\t| {2,}")


class WrongLine(ValueError):
    """A line that is no debt. The text says why."""


def debt_in(line: str) -> Debt:
    """Read the debt of a line.

    Raises:
        WrongLine: A field is missing, wrong or too much.
    """
    first, _, after = (part.strip(" ") for part in line.strip(" \t").partition("\t"))
    debt_type: DebtType | None = next((each for each in _TYPES if each == first), None)
    if debt_type is None:
        raise WrongLine(_why_no_type(first))
    expected = _NAMES[debt_type]
    # A comment may have TABs.
    fields = [field.strip(" ") for field in after.split("\t", len(expected) + (debt_type != "finding"))]
    names, rest = fields[: len(expected)], fields[len(expected) :]
    for number, what in enumerate(expected):
        if number >= len(names) or names[number][:1] in {"", "#"}:
            raise WrongLine(f"after `{debt_type}`, {what} is missing")
    numbers: dict[str, int] = {}
    if debt_type != "finding":
        numbers = _numbers_in(debt_type, rest.pop(0) if rest else "")
    if rest and not rest[0].startswith("#"):
        raise WrongLine(f"`{rest[0]}` is too much: only a comment may follow, which begins with `#`")
    comment = rest[0].removeprefix("#").strip() if rest else ""
    return Debt(Key(debt_type, tuple(map(unescaped, names))), numbers, comment)


def line_of(debt: Debt) -> str:
    """Write the line of a debt."""
    fields = [debt.key.debt_type, *map(escaped, debt.key.names)]
    if debt.numbers:
        fields.append(" ".join(f"{name}={debt.numbers[name]}" for name in sorted(debt.numbers, key=_order)))
    comment = in_one_line(debt.comment)
    return "\t".join([*fields, f"# {comment}"] if comment else fields)


def in_one_line(comment: str) -> str:
    """Return a comment with a space for each line break."""
    return re.sub(r"[\r\n]+", " ", comment).strip()


def with_tabs(line: str) -> str:
    """Return a line with one TAB for two or more spaces, as an editor may have written them for a TAB."""
    return _SPACES.sub("\t", line.strip())


def _why_no_type(first: str) -> str:
    if first.startswith(tuple(f"{each} " for each in _TYPES)):
        return "spaces separate the fields of this line, where TABs have to"
    return f"a line begins with {', '.join(_TYPES[:-1])} or {_TYPES[-1]} and a TAB, not with `{first}`"


def _numbers_in(debt_type: str, field: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for word in field.split(" ") if field else ():
        found = _NUMBER.fullmatch(word)
        if found is None:
            raise WrongLine(f"`{word}` is no number with a name, such as `queries=26`")
        if found[1] in numbers:
            raise WrongLine(f"`{found[1]}` has two numbers")
        numbers[found[1]] = int(found[2])
    if not numbers:
        raise WrongLine(f"a {debt_type} has at least one number, such as `queries=26`")
    return numbers


def _order(name: str) -> tuple[int, str]:
    return _FIRST_NUMBERS.index(name) if name in _FIRST_NUMBERS else len(_FIRST_NUMBERS), name

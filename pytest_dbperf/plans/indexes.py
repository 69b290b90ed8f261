"""Which index could serve a filter? The condition that PostgreSQL shows names the columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_dbperf.sql.plan import UnservedFilter, columns_in, without_parentheses

# How a condition narrows a column: to one value, to a range, or to texts with a given beginning.
EQUAL, RANGE, PREFIX = "equal", "range", "prefix"

_COMPARED = re.compile(
    r"""
    (?P<function> upper | lower )?
    (?P<column> \( .*? \)(?:::[\w ]+)? | (?: "[^"]*" | \S )+? )
    \s* (?P<operator> = | <= | >= | < | > | ~~ )
    \s+ (?P<value> .* )
    """,
    re.VERBOSE | re.DOTALL,
)

_USES = {"=": EQUAL, "~~": PREFIX}
# Beginning and end of a condition that compares the column with no value.
_UNCOMPARED = (("", " IS NULL", EQUAL), ("", " IS NOT NULL", RANGE), ("NOT ", "", EQUAL), ("", "", EQUAL))


@dataclass(frozen=True, slots=True)
class Key:
    """A column for an index, or a function of the column, and how the filter uses it."""

    column: str
    use: str
    function: str = ""


def candidates(unserved: UnservedFilter, known: Sequence[Sequence[str]] = ()) -> list[tuple[Key, ...]]:
    """List the keys of indexes that could serve a filter, best first: all equal columns, then one range.

    If a `known` index has some of the equal columns, they come first, so that one index serves both filters.
    """
    keys = keys_of(unserved)
    plain = [key for key in keys if not key.function]
    equal = [key for key in plain if key.use == EQUAL]
    ranges = [key for key in plain if key.use == RANGE and key.column not in {each.column for each in equal}]
    columns = [key.column for key in equal]
    first = max((each for each in known if {*each} < {*columns}), key=len, default=())
    in_order = sorted(equal, key=lambda key: first.index(key.column) if key.column in first else len(first))
    together = (*in_order, *ranges[:1])
    found = [together, *((key,) for key in (*equal, *ranges)), *((key,) for key in keys)]
    return [*dict.fromkeys(filter(None, found))]


def keys_of(unserved: UnservedFilter) -> list[Key]:
    """List the columns of a filter that an index could serve."""
    return [*dict.fromkeys(_keys(unserved))]


def narrows_by(column: str, condition: str, alias: str) -> bool:
    """Tell whether a condition leaves only rows with some values of a column, or a range of them."""
    return any(
        all(_narrows(column, each, alias) for each in _conditions(part, at=" OR "))
        for part in _conditions(condition)
    )


def _narrows(column: str, condition: str, alias: str) -> bool:
    key = _key(condition, alias)
    return key is not None and key.column == column and key.use != PREFIX and not key.function


def _keys(unserved: UnservedFilter) -> Iterator[Key]:
    for condition in _conditions(unserved.condition):
        key = _key(condition, unserved.alias)
        if key is not None:
            yield key


def _conditions(text: str, at: str = " AND ") -> Iterator[str]:
    """Split a condition at each AND, or at another word, outside of parentheses."""
    text, depth, start = without_parentheses(text), 0, 0
    for mark in re.finditer(rf"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|{at}""", text):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if mark[0] == at and depth == 0:
            yield without_parentheses(text[start : mark.start()])
            start = mark.end()
    yield without_parentheses(text[start:])


def _key(condition: str, alias: str) -> Key | None:
    columns = columns_in(condition, alias)
    # No B-tree index serves a comparison of two columns of one table.
    if len(columns) != 1 or " OR " in condition:
        return None
    (column,) = columns
    for beginning, ending, use in _UNCOMPARED:
        rest = condition.removeprefix(beginning).removesuffix(ending)
        if len(rest) + len(beginning) + len(ending) == len(condition) and _is_alone(rest):
            return Key(column, use)
    compared = _COMPARED.fullmatch(condition)
    if compared is None or not _is_alone(compared["column"]) or columns_in(compared["value"], alias):
        return None
    use = _USES.get(compared["operator"], RANGE)
    is_anywhere = use == PREFIX and re.match("E?'[%_]", compared["value"])
    return None if is_anywhere else Key(column, use, compared["function"] or "")


def _is_alone(text: str) -> bool:
    """Tell whether a text is only a column, or a column with a cast to a type."""
    text = re.sub(r"::[\w ]+$", "", text)
    inner = without_parentheses(text)
    if inner != text:
        return _is_alone(inner)
    return bool(re.fullmatch(r'(?:"(?:[^"]|"")*"|[\w$]+)\.(?:"(?:[^"]|"")*"|[\w$]+)', text))

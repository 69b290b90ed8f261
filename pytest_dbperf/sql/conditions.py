"""By which conditions does a query ask for its rows?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_NAME = r'(?:[\w$]+|"[^"]*"|`[^`]*`)'
_COLUMN = rf"{_NAME}(?:\.{_NAME})*"
_EQUAL = re.compile(rf"{_COLUMN} (?:= %s(?:::\w+)?|IN \(%s\))")
# A list is one value for all queries of a loop, as in filter(author=author, status__in=[...]).
_LISTED = re.compile(rf"{_COLUMN} (?:IN \(%s, \.\.\.\)|= ANY ?\(%s\))")
_MARK = re.compile(
    r"""
    "[^"]*" | `[^`]*` | [()]
  | \b(?: WHERE | AND | OR | GROUP[ ]BY | HAVING | ORDER[ ]BY | LIMIT | FOR | UNION | INTERSECT | EXCEPT )\b
    """,
    re.VERBOSE,
)
# first() and exists() take one row, get() takes 21; a part of the rows of each value is another question.
_PART_OF_ROWS = re.compile(r"LIMIT (?!(?:1|21)\b)")
# Each table of django-mptt and django-treebeard has one of the first two columns, and some of the others.
_OF_TREE = re.compile(r"\b(?:lft|numchild)\b")
_TREE_COLUMNS = frozenset(("depth", "level", "lft", "path", "rght", "rgt", "tree_id"))
_MORE_THAN_WHERE = frozenset(("UNION", "INTERSECT", "EXCEPT", "HAVING"))


_OPERATOR = r"(?:IS|(?:NOT[ ])?(?:IN|I?LIKE|BETWEEN|REGEXP|GLOB))"
# A column before its operator, or any name with a table before it.
_FILTERED = re.compile(
    rf"""
    (?<![\w%."`]) (?:
        ({_COLUMN}) \)* (?:::[\w]+)? \)* [ ] (?: [-=<>!~@&|?*+/#^]+ | {_OPERATOR}\b )
      | ({_NAME}(?:\.{_NAME})+) (?![\w.(])
    )
    """,
    re.VERBOSE,
)
_NO_COLUMNS = frozenset(("AND", "END", "NOT", "NULL", "OR"))
# Other code than Django's may write them in small letters.
_KEYWORD = re.compile(
    r"(?<![.\w])(?:SELECT|WHERE|AND|OR|NOT|IN|I?LIKE|BETWEEN|IS"
    r"|GROUP BY|HAVING|ORDER BY|LIMIT|FOR|UNION)(?!\w)",
    re.IGNORECASE,
)


@lru_cache(maxsize=1_000)
def asks_by_equality(fingerprint: str) -> bool:
    """Tell whether a query asks for rows by equal values of columns, so that IN could ask for many of them.

    A range, a pattern, an expression, OR and NOT have no such list of values. Neither have the columns of a
    tree: its methods, such as get_parent(), ask for one node.
    """
    condition, rest = _condition_and_rest(fingerprint)
    if _PART_OF_ROWS.search(rest) or not _MORE_THAN_WHERE.isdisjoint(_MARK.findall(rest)):
        return False
    parts = list(_parts_of(condition))
    with_values = [part for part in parts if "%s" in part and not _LISTED.fullmatch(part)]
    if not with_values or not all(_EQUAL.fullmatch(part) for part in with_values):
        return False
    columns = {part.partition(" ")[0].rpartition(".")[2].strip('"`') for part in with_values}
    return not (_OF_TREE.search(fingerprint) and columns & _TREE_COLUMNS)


@lru_cache(maxsize=1_000)
def filtered_columns(fingerprint: str, table: str) -> tuple[str, ...]:
    """Return the columns in the outermost WHERE, sorted; those of other tables than this with their table.

    Those of a subquery are left out: they filter its own rows.
    """
    text = _KEYWORD.sub(lambda found: found[0].upper(), fingerprint)
    condition = _without_subqueries(_condition_and_rest(text)[0])
    columns = set()
    for found in _FILTERED.finditer(condition):
        *above, column = re.findall(_NAME, found[1] or found[2])
        if column.upper() not in _NO_COLUMNS:
            named = [name.strip('"`') for name in (*above[-1:], column)]
            columns.add(".".join(named[1:] if named[0] == table else named))
    return tuple(sorted(columns))


def _without_subqueries(condition: str) -> str:
    while (start := condition.find("(SELECT ")) >= 0:
        depth, end = 0, start
        for end in range(start, len(condition)):
            depth += {"(": 1, ")": -1}.get(condition[end], 0)
            if depth == 0:
                break
        condition = condition[:start] + condition[end + 1 :]
    return condition


def _condition_and_rest(fingerprint: str) -> tuple[str, str]:
    """Return the outermost WHERE of a query, and what follows it."""
    start = None
    for mark in _marks_outside(fingerprint):
        if mark[0] == "WHERE" and start is None:
            start = mark.end()
        elif start is not None and mark[0] not in ("AND", "OR", "WHERE"):
            return fingerprint[start : mark.start()].strip(), fingerprint[mark.start() :]
    return ("" if start is None else fingerprint[start:].strip()), ""


def _parts_of(condition: str) -> Iterator[str]:
    """Split a condition at each AND, also inside of parentheses that group several."""
    marks = list(_marks_outside(condition))
    if any(mark[0] == "OR" for mark in marks):
        yield condition
    elif cuts := [mark for mark in marks if mark[0] == "AND"]:
        starts = [0, *(mark.end() for mark in cuts)]
        ends = [*(mark.start() for mark in cuts), len(condition)]
        for start, end in zip(starts, ends, strict=True):
            yield from _parts_of(condition[start:end].strip())
    elif condition.startswith("(") and condition.endswith(")"):
        yield from _parts_of(condition[1:-1].strip())
    else:
        yield condition


def _marks_outside(text: str) -> Iterator[re.Match[str]]:
    """Find the keywords outside of parentheses and quoted names."""
    depth = 0
    for mark in _MARK.finditer(text):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0 and mark[0][0] not in '()"`':
            yield mark

"""Which kind of statement is an SQL text, and which tables does it name?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

_KINDS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))
_TABLE_FOLLOWS = frozenset(("FROM", "INTO", "JOIN", "UPDATE"))
# No table follows IS DISTINCT FROM, SELECT ... FOR UPDATE, or ON CONFLICT DO UPDATE.
_NO_TABLE_AFTER = frozenset((("DISTINCT", "FROM"), ("FOR", "UPDATE"), ("KEY", "UPDATE"), ("DO", "UPDATE")))
# No table follows a FROM in the parentheses of these: EXTRACT(YEAR FROM starts_at), TRIM(BOTH FROM name).
_FUNCTIONS_WITH_FROM = frozenset(("EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"))
_BEFORE_A_TABLE = frozenset(("ONLY", "LATERAL"))
_BEFORE_A_WITH_NAME = frozenset(("WITH", "RECURSIVE", ","))


def kind_of(words: Sequence[str]) -> str:
    """Return the kind: `select`, `insert`, `update`, `delete` or `other`."""
    first = next((word.upper() for word in words if word != "("), "")
    if first == "WITH":
        outermost = (word.upper() for depth, word in _with_depth(words) if depth == 0)
        first = next((word for word in outermost if word in _KINDS), "")
    return first.lower() if first in _KINDS else "other"


def tables_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the tables, each once, in the order of the text."""
    tables: dict[str, None] = {}
    for index, word in enumerate(words):
        keyword = word.upper()
        if keyword not in _TABLE_FOLLOWS or (_upper(words, index - 1), keyword) in _NO_TABLE_AFTER:
            continue
        if keyword == "FROM" and _enclosing_function(words, index) in _FUNCTIONS_WITH_FROM:
            continue
        tables.update(dict.fromkeys(_listed_tables(words, index)))
    names_of_with = _names_of_with(words)
    return tuple(table for table in tables if table not in names_of_with)


def _listed_tables(words: Sequence[str], index: int) -> Iterator[str]:
    """Read tables such as `a, public.b AS c, d` after the keyword at an index."""
    is_insert = words[index].upper() == "INTO"
    while True:
        index += 1
        if _upper(words, index) in _BEFORE_A_TABLE:
            index += 1
        while _at(words, index + 1) == ".":
            index += 2
        table = _at(words, index)
        is_function = _at(words, index + 1) == "(" and not is_insert
        if not table or table in "(;" or is_function:
            return
        yield table.strip('"`')
        if _upper(words, index + 1) == "AS":
            index += 1
        if _at(words, index + 1) != ",":
            index += 1  # An alias, or a keyword that no comma follows.
        if _at(words, index + 1) != ",":
            return
        index += 1


def _names_of_with(words: Sequence[str]) -> set[str]:
    if _upper(words, 0) != "WITH":
        return set()
    outermost = (word for depth, word in _with_depth(words) if depth == 0)
    return {
        name.strip('"`')
        for before, name in pairwise(takewhile(lambda word: word.upper() not in _KINDS, outermost))
        if before.upper() in _BEFORE_A_WITH_NAME and name.upper() != "RECURSIVE"
    }


def _enclosing_function(words: Sequence[str], index: int) -> str:
    """Return the word before the parenthesis around an index."""
    depth = 0
    for before in range(index - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(words[before], 0)
        if depth < 0:
            return _upper(words, before - 1)
    return ""


def _with_depth(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    depth = 0
    for word in words:
        if word == ")":
            depth -= 1
        if word not in ("(", ")"):
            yield depth, word
        if word == "(":
            depth += 1


def _at(words: Sequence[str], index: int) -> str:
    return words[index] if 0 <= index < len(words) else ""


def _upper(words: Sequence[str], index: int) -> str:
    return _at(words, index).upper()

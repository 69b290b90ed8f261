"""Which values would a loop go over? Not the members of a list, nor the key that a page starts after."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

# LIMIT 1 is first() or exists(). LIMIT 21 is get() without an order, and with one a page of 20 and one more.
_OF_MANY = re.compile(r"\bLIMIT (?!(?:1|21)\b)|\bORDER BY [^()]*\bLIMIT 21\b", re.IGNORECASE)
_OFFSET = re.compile(r"\bOFFSET\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"""
    (?P<list>   \bIN\ \(%s (?:,\ ?%s)+ \) | \bANY\ ?\(%s )
  | (?P<row>    \)\ ?[<>]=?\ ?\( %s (?:,\ ?%s)* \) )
  | (?P<column> (?<![\w."`\[\]]) [\w."`\[\]]++ )? \ ?
    (?P<sign> (?<![-<>!@\#&|~]) (?: [<>]=? | = ) ) (?!>) \ ?\(? %s
  | %s
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Hashes of statements with lists: the upper bits are those of the list's first member.
_BITS = 48
_LOWER_BITS = (1 << _BITS) - 1


def asked(sql: str, parameters: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the values that a loop would go over, and the first member of a list, if there is a list.

    If all values belong to lists, or to the key of a page, these are what a loop would go over.
    """
    count, others, first = _indexes(sql)
    if count != len(parameters):
        return parameters, ()
    chosen = tuple([parameters[index] for index in others]) if others else parameters
    return chosen, () if first is None else (parameters[first],)


@lru_cache(maxsize=10_000)
def is_page(text: str) -> bool:
    """Tell whether a statement reads the next page of rows, by OFFSET or by the values of the row before."""
    is_next = bool(_columns_of_key(text)) or _OFFSET.search(text) is not None
    return is_next and _OF_MANY.search(text) is not None and not _has_values(text)


@lru_cache(maxsize=10_000)
def is_page_of_values(text: str) -> bool:
    """Tell whether a statement reads the next page of rows with a value, by the values of the row before."""
    return bool(_columns_of_key(text)) and _OF_MANY.search(text) is not None and _has_values(text)


def marked(own: int, first: int) -> int:
    """Put a mark for the first member of a list into a hash: it stays the same while the list grows."""
    return (first & ~_LOWER_BITS) | (own & _LOWER_BITS)


def mark_of(own: int) -> int:
    """Return the mark of a hash."""
    return own & ~_LOWER_BITS


def without_mark(own: int) -> int:
    """Return a hash without its mark."""
    return own & _LOWER_BITS


@lru_cache(maxsize=1_000)
def _indexes(sql: str) -> tuple[int, tuple[int, ...], int | None]:
    """Count the values. Find those outside of lists and of a page's key, and the first member of a list."""
    others: list[int] = []
    first, count = None, 0
    key = _columns_of_key(sql) if _OF_MANY.search(sql) else frozenset()
    for value in _COMPARED.finditer(sql):
        if value["list"]:
            first = count if first is None else first
        elif not (key and _is_of_key(value, key)):
            others.append(count)
        count += value[0].count("%s")
    # No index means all of them.
    return count, () if len(others) == count else tuple(others), first


def _has_values(text: str) -> bool:
    """Tell whether rows must have a certain value in a column that is not of the key."""
    key = _columns_of_key(text)
    return any(value["sign"] == "=" and not _is_of_key(value, key) for value in _COMPARED.finditer(text))


def _columns_of_key(text: str) -> frozenset[str | None]:
    """Find the columns that are compared by size: of a page, these are the key that it starts after."""
    return frozenset(
        value["column"]
        for value in _COMPARED.finditer(text)
        if value["row"] or value["sign"] not in (None, "=")
    )


def _is_of_key(value: re.Match[str], key: frozenset[str | None]) -> bool:
    """Tell whether a value belongs to the key. By two columns: `a > %s OR (a = %s AND b > %s)`."""
    if value["row"] or value["sign"] not in (None, "="):
        return True
    return value["sign"] == "=" and value["column"] in key

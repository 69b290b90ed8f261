"""Could one loop have run both statements? Compare them without columns, an index, or a list's length."""

from __future__ import annotations

import re
from functools import lru_cache

_COLUMNS = re.compile(r"SELECT (?:DISTINCT )?(?!%s\b)[^()]*? FROM ", re.IGNORECASE)
_ORDER = re.compile(r" ORDER BY [^()]*?(?= LIMIT |$)", re.IGNORECASE)
_INDEX = re.compile(r"\bLIMIT 1 OFFSET %s", re.IGNORECASE)
_LIST = re.compile(r"\b(IN \(%s), \.\.\.(?=\))", re.IGNORECASE)


@lru_cache(maxsize=10_000)
def without_index(fingerprint: str) -> str:
    """Leave out the index of `queryset[i]`: the first has none."""
    return _INDEX.sub("LIMIT 1", fingerprint)


def is_indexed(fingerprint: str) -> bool:
    """Tell whether it asks for one row by its index."""
    return _INDEX.search(fingerprint) is not None


@lru_cache(maxsize=10_000)
def shape_of(fingerprint: str) -> str:
    """Leave out what may differ from row to row: the columns and their order, the index, a list's length.

    Aggregates and EXISTS keep what they select, as they are other questions about the same rows.
    """
    text = _LIST.sub(r"\1", without_index(fingerprint))
    if not _COLUMNS.match(text):
        return text
    # Django orders by the number of a column if it selects the column with an alias.
    return _ORDER.sub("", _COLUMNS.sub("SELECT ... FROM ", text, count=1))

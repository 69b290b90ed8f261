"""Which rows does a statement read or write? Those with one value, those with many values, or others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_EQUAL = re.compile(r"(?<![<>!])= ?%s|\bIN \(%s\)", re.IGNORECASE)
# The last one.
_WHERE = re.compile(r".* WHERE (.*)", re.IGNORECASE | re.DOTALL)
# ANY and UNNEST take an array, so one parameter has many values. Django's bulk_create() uses UNNEST.
_BATCH = re.compile(r", \.\.\.\)|\), \.\.\.| OR \.\.\.\)|\bANY ?\(%s|\bUNNEST\(", re.IGNORECASE)
_LIST = re.compile(
    r"\(%s, \.\.\.\)|\(\([%s, ]+\), \.\.\.\)|\([\w.]+ = %s OR \.\.\.\)|\b(?:ANY|UNNEST) ?\(%s", re.IGNORECASE
)
# As in ORDER BY 1 ASC, 2 DESC.
_NUMBER_OF_COLUMN = re.compile(r"(?<=R BY )%s|(?<=P BY )%s|(?<=, )%s(?= (?:ASC|DESC)\b)", re.IGNORECASE)
_WRITE_IN_WITH = re.compile(
    r"\bAS (?:(?:NOT )?MATERIALIZED )?\((?=(?:INSERT|UPDATE|DELETE|MERGE)\b)", re.IGNORECASE
)
_WRITE = re.compile(r"(?:INSERT|REPLACE|UPSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_MERGE = re.compile(r"MERGE\b", re.IGNORECASE)
_INSERT = re.compile(r"(?:INSERT|REPLACE|UPSERT)\b", re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:SELECT|TABLE)\b", re.IGNORECASE)
_FROM = re.compile(r"\bFROM (?!DUAL\b)|\bTABLE\b", re.IGNORECASE)
# One row to merge: USING (VALUES (%s)) v, USING (SELECT %s AS id) v, USING (SELECT ... FROM DUAL) v.
_ONE_ROW = re.compile(
    r"\bUSING \((?:VALUES \((?:[^()]|\([^()]*\))*\)\)|SELECT (?!.*\bFROM (?!DUAL\b)))", re.IGNORECASE
)
_USING = re.compile(r"\bUSING \(", re.IGNORECASE)


def has_list(fingerprint: str) -> bool:
    """Tell whether a statement contains a list of values, such as IN (1, 2)."""
    return _BATCH.search(fingerprint) is not None


@lru_cache(maxsize=10_000)
def is_batched(fingerprint: str, kind: str) -> bool:
    """Tell whether one execution reads or writes rows for many values, so that no loop is necessary."""
    parts = [part for part in _writes_in(fingerprint) if is_of_values(part)] or [fingerprint]
    return all(has_list(part) and _asks_by_lists_alone(part, kind) for part in parts)


@lru_cache(maxsize=10_000)
def is_of_values(fingerprint: str) -> bool:
    """Tell whether a statement concerns rows with certain values, and not all rows or those in a range."""
    return any(map(_is_of_values, [*_writes_in(fingerprint)] or [fingerprint]))


def _asks_by_lists_alone(fingerprint: str, kind: str) -> bool:
    if _INSERT.match(fingerprint) or _MERGE.match(fingerprint):
        return True
    # Only the WHERE of an UPDATE or DELETE selects rows.
    asked = fingerprint
    if kind in ("update", "delete"):
        where = _WHERE.match(fingerprint)
        asked = where[1] if where else ""
    return "%s" not in _NUMBER_OF_COLUMN.sub("", _LIST.sub("", asked))


def _is_of_values(fingerprint: str) -> bool:
    if _INSERT.match(fingerprint):
        return not _inserts_what_it_reads(fingerprint)
    if _MERGE.match(fingerprint):
        source = _USING.search(fingerprint)
        inside = fingerprint[: _end_of(fingerprint, source.end()) + 1] if source else ""
        return has_list(inside) or _ONE_ROW.search(inside) is not None
    where = _WHERE.match(fingerprint)
    return where is not None and _EQUAL.search(where[1]) is not None


def _inserts_what_it_reads(fingerprint: str) -> bool:
    """Tell whether an INSERT copies the rows of a query: there may be many."""
    outermost = _without_parentheses(fingerprint)
    return (
        _SOURCE.search(outermost) is not None
        and _FROM.search(outermost) is not None
        and not has_list(fingerprint)
    )


def _writes_in(fingerprint: str) -> Iterator[str]:
    """Split a WITH into what it writes; yield any other write as it is."""
    if fingerprint[:4].upper() != "WITH":
        if _WRITE.match(fingerprint):
            yield fingerprint
        return
    for found in _WRITE_IN_WITH.finditer(fingerprint):
        yield fingerprint[found.end() : _end_of(fingerprint, found.end())]
    depth, start = 0, 0
    for sign in re.finditer(r"[()]", fingerprint):
        depth += {"(": 1, ")": -1}[sign[0]]
        start = sign.end() if depth == 0 else start
        main = _WRITE.match(fingerprint, start + 1) if depth == 0 else None
        if main:
            yield fingerprint[main.start() :]
            return


def _end_of(text: str, start: int) -> int:
    """Return the index of the parenthesis that closes the one before an index."""
    depth = 1
    for sign in re.finditer(r"[()]", text[start:]):
        depth += {"(": 1, ")": -1}[sign[0]]
        if depth == 0:
            return start + sign.start()
    return len(text)


def _without_parentheses(text: str) -> str:
    parts, depth, start = [], 0, 0
    for sign in re.finditer(r"[()]", text):
        if depth == 0:
            parts.append(text[start : sign.start()])
        depth += {"(": 1, ")": -1}[sign[0]]
        start = sign.end()
    return " ".join((*parts, text[start:]))

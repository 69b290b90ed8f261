"""Which kind of statement is an SQL text? What it does to rows, also within WITH and MERGE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# TABLE t and VALUES (1) answer with rows, as SELECT does; REPLACE of MySQL and SQLite inserts.
_KINDS = {
    "SELECT": "select",
    "TABLE": "select",
    "VALUES": "select",
    "INSERT": "insert",
    "REPLACE": "insert",
    "UPSERT": "insert",
    "UPDATE": "update",
    "DELETE": "delete",
}
_BEGINNINGS = frozenset((*_KINDS, "MERGE"))


def kinds_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds: what it writes, its main statement first, or else `select` or `other`.

    WITH can hold INSERT, UPDATE and DELETE, and MERGE does what its WHEN clauses say.
    """
    kinds = dict.fromkeys(_kinds_of_all(words))
    writes = tuple(kind for kind in kinds if kind not in ("select", "other"))
    return writes or (("other",) if "other" in kinds or not kinds else ("select",))


def _kinds_of_all(words: Sequence[str]) -> Iterator[str]:
    start = 0
    for index, word in enumerate(words):
        if word == ";":
            yield from _kinds_of_one(words[start:index])
            start = index + 1
    yield from _kinds_of_one(words[start:])


def _kinds_of_one(words: Sequence[str]) -> Iterator[str]:
    first = 0
    while first < len(words) and words[first] == "(":
        first += 1
    if first == len(words):
        return
    verb = words[first].upper()
    if verb == "WITH":
        yield from _kinds_of_with(words, first)
    elif verb == "MERGE":
        yield from _kinds_of_merge(words)
    else:
        yield _KINDS.get(verb, "other")


def _kinds_of_with(words: Sequence[str], first: int) -> Iterator[str]:
    """Find the main statement, and those that the parentheses of the WITH begin with."""
    depth, within = 0, []
    for index in range(first + 1, len(words)):
        word = words[index]
        if word == ")":
            depth -= 1
        elif word == "(":
            depth += 1
            before, verb = (
                words[index - 1].upper(),
                words[index + 1].upper() if index + 1 < len(words) else "",
            )
            if depth == 1 and verb in _BEGINNINGS and before in ("AS", "MATERIALIZED"):
                within += [*_kinds_of_merge(words[index + 1 :])] if verb == "MERGE" else [_KINDS[verb]]
        elif depth == 0 and word.upper() in _BEGINNINGS:
            yield from _kinds_of_one(words[index:])
            yield from within
            return
    yield "other"


def _kinds_of_merge(words: Sequence[str]) -> Iterator[str]:
    """Find what the WHEN clauses do, up to the parenthesis that closes the MERGE if it is within a WITH."""
    depth = 0
    for index, word in enumerate(words[:-1]):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth < 0:
            return
        following = words[index + 1].upper()
        if word.upper() == "THEN" and following in ("INSERT", "UPDATE", "DELETE"):
            yield _KINDS[following]

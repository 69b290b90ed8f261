"""Which mistakes show in a statement without its plan? Those in its SQL and its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dbperf.sql.tokens import VALUES, tokens_of

LARGEST_OFFSET = 1_000

# The LIMIT of QuerySet.get(): MAX_GET_RESULTS in django/db/models/query.py.
_LIMIT_OF_GET = "21"
_LIKE = frozenset(("LIKE", "ILIKE"))
_WILDCARDS = ("%", "_")
_VERBS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))
_AGGREGATES = frozenset(("AVG", "COUNT", "MAX", "MIN", "SUM"))
# What stands around a sliced queryset that is counted: its order does not change the count.
_COUNT_OF = ["SELECT", "COUNT", "(", "FROM", "("]
_SEVERAL_QUERIES = frozenset(("UNION", "INTERSECT", "EXCEPT"))
_NOT_OF_A_TOTAL = _SEVERAL_QUERIES | {"GROUP", "OVER"}
# LIMIT -1 is SQLite's way to write LIMIT ALL.
_NO_LIMIT = frozenset(("ALL", "NULL", "-"))

DELETES_ALL_ROWS = "DELETE without WHERE deletes all rows"


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a mark or a value; `parameter` is the value if it is known, and else None."""

    text: str
    is_value: bool = False
    parameter: Any = None

    @property
    def word(self) -> str:
        return "" if self.is_value else self.text.upper()


def smells_of(sql: str, parameters: Any = None, vendor: str = "") -> list[str]:
    """List the mistakes in a statement, half a sentence each. Raises no error for any SQL or parameters."""
    tokens = list(_tokens(sql, parameters, vendor))
    found = [*_leading_wildcards(tokens), *_large_offsets(tokens)]
    for query, outer in _queries(tokens):
        words = [token.word for token in query]
        if outer != _COUNT_OF:
            found += _unordered_limits(query, words)
        found += _writes_to_all_rows(words)
    return [*dict.fromkeys(found)]


def _tokens(sql: str, parameters: Any, vendor: str) -> Iterator[_Token]:
    position = 0
    for token in tokens_of(sql, vendor):
        value = token[0]
        if token.lastgroup == "comment":
            continue
        if token.lastgroup not in VALUES:
            yield _Token(token[0])
        elif value == "%s":
            yield _Token(value, is_value=True, parameter=_at(parameters, position))
            position += 1
        elif value.startswith("%("):
            named = parameters.get(value[2:-2]) if type(parameters) is dict else None
            yield _Token(value, is_value=True, parameter=named)
        else:
            # In SQL with parameters, a literal percent sign is written twice.
            text = value if parameters is None else value.replace("%%", "%")
            yield _Token(text, is_value=True, parameter=_literal(text))


def _at(parameters: Any, position: int) -> Any:
    is_known = type(parameters) is tuple and position < len(parameters)
    return parameters[position] if is_known else None


def _literal(text: str) -> str | int | None:
    if text.isdigit():
        return int(text)
    return text.lstrip("Ee")[1:-1] if text.endswith("'") else None


def _leading_wildcards(tokens: Sequence[_Token]) -> Iterator[str]:
    for index, token in enumerate(tokens):
        if token.word in _LIKE and _begins_with_a_wildcard(_first_value(tokens, index + 1)):
            yield f"{token.word} with a leading wildcard cannot use a B-tree index"


def _first_value(tokens: Sequence[_Token], index: int) -> Any:
    """Return the value that a pattern begins with, also in parentheses or a function: LIKE UPPER(%s)."""
    following = tokens[index : index + 2]
    if "(" in [token.word for token in following]:
        return _first_value(tokens, index + 1)
    return following[0].parameter if following else None


def _begins_with_a_wildcard(pattern: Any) -> bool:
    # Not pattern.startswith(), which a subclass of str may override.
    return str in type(pattern).__mro__ and str.startswith(pattern, _WILDCARDS)


def _large_offsets(tokens: Sequence[_Token]) -> Iterator[str]:
    for index, token in enumerate(tokens[:-1]):
        rows = tokens[index + 1].parameter
        if token.word == "OFFSET" and type(rows) is int and rows > LARGEST_OFFSET:
            yield f"OFFSET {rows:,} makes the database read {rows:,} rows and discard them"


def _queries(tokens: Sequence[_Token]) -> Iterator[tuple[list[_Token], list[str]]]:
    """Split a statement into its queries, each with the words before it in the query around it."""
    open_queries: list[list[_Token]] = [[]]
    for token in tokens:
        if token.word == ")" and len(open_queries) > 1:
            query = open_queries.pop()
            yield query, [outer.word for outer in open_queries[-1]]
            continue
        open_queries[-1].append(token)
        if token.word == "(":
            open_queries.append([])
    yield open_queries[0], []


def _unordered_limits(query: Sequence[_Token], words: Sequence[str]) -> Iterator[str]:
    """Find LIMIT without ORDER BY, except in `get()` and `exists()`, and where no order changes the rows."""
    if "LIMIT" not in words[:-1] or "ORDER" in words or _has_one_row(words):
        return
    index = words.index("LIMIT") + 1
    if words[index + 1 : index + 2] == [","]:  # MySQL: LIMIT offset, count.
        index += 2
    limit = query[min(index, len(query) - 1)]
    # exists() is SELECT 1 AS "a", and the 1 may be a parameter.
    is_constant = words[0] == "SELECT" and query[1].is_value and "FROM" in (*words[2:3], *words[4:5])
    if limit.text != _LIMIT_OF_GET and not is_constant and not _takes_all_or_none(limit, words):
        yield "LIMIT without ORDER BY returns arbitrary rows"


def _takes_all_or_none(limit: _Token, words: Sequence[str]) -> bool:
    """Tell whether a LIMIT leaves no row, or every row, so that the order does not change which rows."""
    is_zero = type(limit.parameter) is int and limit.parameter == 0
    return is_zero or (limit.word in _NO_LIMIT and "OFFSET" not in words)


def _has_one_row(words: Sequence[str]) -> bool:
    """Tell whether the query has one row anyway: it reads no table, or is a total."""
    reads_no_table = words[0] == "SELECT" and "FROM" not in words and _SEVERAL_QUERIES.isdisjoint(words)
    return reads_no_table or _is_a_total(words)


def _is_a_total(words: Sequence[str]) -> bool:
    """Tell whether an aggregate makes it one row anyway: `SELECT COUNT(*) FROM t LIMIT 1`."""
    is_aggregate = words[0] == "SELECT" and words[1] in _AGGREGATES
    return is_aggregate and _NOT_OF_A_TOTAL.isdisjoint(words)


def _writes_to_all_rows(words: Sequence[str]) -> Iterator[str]:
    first = words[0] if words else ""
    if first == "WITH":
        first = next((word for word in words if word in _VERBS), "")
    if first in ("UPDATE", "DELETE") and "WHERE" not in words:
        yield "UPDATE without WHERE changes all rows" if first == "UPDATE" else DELETES_ALL_ROWS

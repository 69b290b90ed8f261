"""Where are the values, names and comments in an SQL text? Its dialect decides, and what else is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_dbperf.sql.dialects import Dialect, dialect_of, other_reading

VALUES = frozenset(("value", "unterminated"))

# Here a quoted word may be a string. Statements without one need no second look.
_DOUBTFUL = re.compile(
    r"""(?:[=<>|]|(?<=[(,])|\b(?:LIKE|GLOB|MATCH|REGEXP|THEN|ELSE|BETWEEN|AND)\b)\s*"(?:[^"]|"")*"(?!\s*[.(])""",
    re.IGNORECASE,
)
_READS_NO_TABLE = re.compile(r"\s*SELECT\b(?!.*\b(?:FROM|INTO)\b)", re.IGNORECASE | re.DOTALL)
_BEFORE_A_STRING = frozenset(
    ("=", "<", ">", "|", "LIKE", "GLOB", "MATCH", "REGEXP", "THEN", "ELSE", "BETWEEN")
)
_BEFORE_A_RESULT = frozenset(("SELECT", "DISTINCT", "ALL", "=", "<", ">", "|", "+", "-", "*", "/", "(", ","))
# Quoted words in these statements are names of columns, also in the condition of a constraint.
_DEFINES = re.compile(r"\s*(?:CREATE|ALTER|DROP)\b", re.IGNORECASE)


def tokens_of(sql: str, vendor: str = "") -> Iterator[re.Match[str]]:
    """Split an SQL text into tokens: each is a `comment`, a `name`, a `mark` or one of `VALUES`."""
    text, pattern = readable(sql, vendor)
    return pattern.finditer(text)


def readable(sql: str, vendor: str = "") -> tuple[str, re.Pattern[str]]:
    """Return the text, in which strings that look like names are rewritten, and the pattern of its tokens."""
    dialect = dialect_of(vendor)
    if "\\'" in sql and _is_misread(sql, dialect):
        # The reading with more text in values is the safe one: no value is shown as part of the statement.
        dialect = max(dialect, other_reading(dialect), key=lambda each: _length_of_values(sql, each))
    if '"' in sql or "[" in sql or "`" in sql:
        sql = _with_strings_as_strings(sql, dialect)
    return sql, dialect.pattern


def _is_misread(sql: str, dialect: Dialect) -> bool:
    """Tell whether a quote has no second half, or a word follows right behind an escaped one."""
    return any(
        any(half is not None for name, half in token.groupdict().items() if name.startswith("open"))
        or (token[0].endswith("\\'") and sql[token.end() : token.end() + 1].isalnum())
        for token in dialect.pattern.finditer(sql)
    )


def _length_of_values(sql: str, dialect: Dialect) -> int:
    return sum(len(token[0]) for token in dialect.pattern.finditer(sql) if token.lastgroup in VALUES)


def _with_strings_as_strings(sql: str, dialect: Dialect) -> str:
    """Write 'x' for each name that can only be a string.

    A statement that reads no table has no columns. And SQLite reads "x" as a string if no column has that
    name: a name behind an operator, or in a list of values, that the statement does not use elsewhere.
    """
    has_no_columns = "FROM" not in sql and _READS_NO_TABLE.match(sql) is not None
    if not has_no_columns and not (
        dialect.is_lenient and _DOUBTFUL.search(sql) is not None and not _DEFINES.match(sql)
    ):
        return sql
    tokens = [token for token in dialect.pattern.finditer(sql) if token.lastgroup != "comment"]
    find = _names_without_columns if has_no_columns else _strings_of_sqlite
    found = set(find(tokens))
    if not found:
        return sql
    parts, end = [], 0
    for index in sorted(found):
        token = tokens[index]
        inside = token[0][1:-1].replace(token[0][0] * 2, token[0][0])
        parts += [sql[end : token.start()], "'", inside.replace("'", "''"), "'"]
        end = token.end()
    return "".join((*parts, sql[end:]))


def _names_without_columns(tokens: Sequence[re.Match[str]]) -> Iterator[int]:
    for index, token in enumerate(tokens):
        is_quoted = token.lastgroup == "name" and token[0][0] in '"`[' and not _is_qualified(tokens, index)
        if is_quoted and _word(tokens, index - 1) in _BEFORE_A_RESULT:
            yield index


def _strings_of_sqlite(tokens: Sequence[re.Match[str]]) -> Iterator[int]:
    names: set[str] = set()
    strings: dict[int, str] = {}
    # For each open parenthesis, whether it holds a list of values.
    lists = [False]
    for index, token in enumerate(tokens):
        before = _word(tokens, index - 1)
        if token[0] == "(":
            is_row = before == "," and not lists[-1] and _closes_a_row(tokens, index - 2)
            lists.append(before in ("IN", "VALUES") or is_row)
        elif token[0] == ")" and len(lists) > 1:
            lists.pop()
        if token.lastgroup != "name":
            continue
        is_quoted = token[0][0] == '"' and not _is_qualified(tokens, index)
        is_in_list = lists[-1] and before in ("(", ",")
        if is_quoted and (is_in_list or before in _BEFORE_A_STRING or _is_end_of_range(tokens, index)):
            strings[index] = token[0]
        else:
            names.add(token[0].strip('"`[]').upper())
    return iter([index for index, text in strings.items() if text[1:-1].upper() not in names])


def _closes_a_row(tokens: Sequence[re.Match[str]], index: int) -> bool:
    """Tell whether a parenthesis closes a row of VALUES: VALUES (1), (2)."""
    depth = 0
    while index >= 0:
        depth += {")": 1, "(": -1}.get(tokens[index][0], 0)
        if depth == 0 and tokens[index][0] == "(":
            before = _word(tokens, index - 1)
            if before != ",":
                return before == "VALUES"
        index -= 1
    return False


def _is_qualified(tokens: Sequence[re.Match[str]], index: int) -> bool:
    """Tell whether it is the name of a table before its column, or of a function."""
    return _word(tokens, index + 1) in (".", "(")


def _is_end_of_range(tokens: Sequence[re.Match[str]], index: int) -> bool:
    return _word(tokens, index - 1) == "AND" and _word(tokens, index - 3) == "BETWEEN"


def _word(tokens: Sequence[re.Match[str]], index: int) -> str:
    return tokens[index][0].upper() if 0 <= index < len(tokens) else ""

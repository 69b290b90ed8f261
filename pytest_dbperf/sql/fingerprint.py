"""Are these two SQL texts the same query? Fingerprint, kind and tables of a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_dbperf.sql import asked, rows
from pytest_dbperf.sql.kinds import kinds_of
from pytest_dbperf.sql.tables import tables_of
from pytest_dbperf.sql.tokens import VALUES, readable, tokens_of

# They control a transaction or a session. They are recorded, but not counted by default.
_BOOKKEEPING = frozenset(
    "ABORT BEGIN COMMIT DISCARD END PRAGMA RELEASE RESET ROLLBACK SAVEPOINT SET SHOW START".split()  # noqa: SIM905
)

# A text in which values are easy to find: without comments, escapes, and the like.
_PLAIN = re.compile(r"""(?:[^"'`$#\[\\%/*-]++|"\w++"|(?<![qQ])'[^'\\]*+'|%(?!\()|[/*-](?![/*-]))*+""")
# Strings, and numbers after an operator, a parenthesis or a comma. The number of a LIMIT never matches.
_OBVIOUS_VALUE = re.compile(r"'[^']*+'|(?:(?<=[=<>(,])|(?<=[=<>(,] ))\d++(?![\w.$])")
_LITERAL = re.compile(r"'[^']*+'|(?<![\w.$])\d[\w.]*+")
_QUOTES = '"`['
_PLAIN_NAME = re.compile(r'["`\[]([a-z_][a-z0-9_]*)["`\]]')
# MySQL and SQLite also write LIMIT 50, 25 for LIMIT 25 OFFSET 50. An OFFSET after LIMIT 1 is no page: each
# `queryset[i]` asks for another row.
_PART_OF_PAGE = re.compile(
    r"\bLIMIT\s+\d+\s*,\s*\d+|\bLIMIT\s+\d+|(?<!LIMIT 1 )\bOFFSET\s+\d+", re.IGNORECASE
)
_OFFSET = re.compile(r"\b(?:OFFSET\s+(\d+)|LIMIT\s+(\d+)\s*,)", re.IGNORECASE)
_COMMA = re.compile(r"\s*,")
_SAVEPOINT = re.compile(r"^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT)\b.*", re.IGNORECASE)
_LISTS = (
    # IN (%s) and IN (%s, ...) stay apart: one query for many values is the fix for one query per value.
    (re.compile(r"\b(IN \(%s)(?:, ?%s)+\)", re.IGNORECASE), r"\1, ...)"),
    # Composite keys. Django prefetches to-one relations by them; 5.2 writes an OR if the database needs it.
    (re.compile(r"\b(IN \((\(%s(?:, ?%s)*\)))(?:, ?\2)+\)", re.IGNORECASE), r"\1, ...)"),
    (re.compile(r"\(([\w.]+ = %s)(?: OR \1)+\)", re.IGNORECASE), r"(\1 OR ...)"),
    (
        re.compile(r"\b(VALUES \((?:[^()]|\([^()]*\))*\))(?:, ?\((?:[^()]|\([^()]*\))*\))+", re.IGNORECASE),
        r"\1, ...",
    ),
)
_SELECT = re.compile(r"SELECT (?:DISTINCT )?")
# A list of columns ends at the first FROM that is outside of quotes, parentheses and IS DISTINCT FROM.
_SIGN_OF_END = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|[()]|\bDISTINCT FROM\b|\bFROM ')
_LONGEST_LIST_SHOWN = 25  # Short lists, such as COUNT(*), help a reader.
_INSERTED = re.compile(r"^(INSERT INTO [\w.]+) \([^()]*\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement without its values.

    `kinds` are all that it does: `insert`, `update` and `delete`, also within WITH and MERGE, its main
    statement first; else `select` or `other`.
    """

    fingerprint: str
    kinds: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The first of its kinds: `select`, `insert`, `update`, `delete` or `other`."""
        return self.kinds[0]

    @property
    def has_list(self) -> bool:
        """Whether it contains a list of values, such as IN (1, 2)."""
        return rows.has_list(self.fingerprint)

    @property
    def is_batched(self) -> bool:
        """Whether one execution reads or writes rows for many values, so that no loop is necessary.

        With other values beside the list it is false: a loop may go over those.
        """
        return rows.is_batched(self.fingerprint, self.kind)

    @property
    def is_of_values(self) -> bool:
        """Whether it concerns rows with certain values, and not all rows, those in a range or of a query."""
        return rows.is_of_values(self.fingerprint)

    @property
    def is_page(self) -> bool:
        """Whether it reads the next page of rows, by OFFSET or by the values of the row before."""
        return asked.is_page(self.fingerprint)

    @property
    def is_page_of_values(self) -> bool:
        """Whether it reads the next page of the rows that have certain values."""
        return asked.is_page_of_values(self.fingerprint)


@lru_cache(maxsize=1_000)
def is_bookkeeping(sql: str) -> bool:
    """Tell whether a statement only controls a transaction or a session."""
    word = sql[:80].split(None, 1)[:1]
    if word and word[0].startswith(("--", "/*", "#")):
        return is_bookkeeping(_read(sql, "").fingerprint)
    return bool(word) and word[0].rstrip(";").upper() in _BOOKKEEPING


@lru_cache(maxsize=10_000)
def statement_of(sql: str, vendor: str = "") -> Statement:
    """Read an SQL text. Values, comments, white space and the length of lists make no difference.

    `vendor` is Django's name for the database: it decides whether "x" is a string, for example.
    """
    # If code writes values into the text there may be a million texts, but without the values only a few.
    return _read(_OBVIOUS_VALUE.sub("''", sql) if _PLAIN.fullmatch(sql) else sql, vendor)


@lru_cache(maxsize=10_000)
def _read(sql: str, vendor: str) -> Statement:
    text, pattern = readable(sql, vendor)
    words: list[str] = []

    def without_value(token: re.Match[str]) -> str:
        what, written = token.lastgroup, token[0]
        if what == "comment":
            return " "
        if what not in VALUES:
            words.append(written)
            return _PLAIN_NAME.sub(r"\1", written) if written[0] in _QUOTES else written
        # The number of a LIMIT is part of the query, not a value: LIMIT 21 is a get().
        is_limit = bool(words) and words[-1].upper() == "LIMIT" and not _COMMA.match(text, token.end())
        words.append("%s")
        return written if is_limit and written[-1].isdigit() else "%s"

    fingerprint = " ".join(pattern.sub(without_value, text).split()).rstrip("; ")
    for lists, replacement in _LISTS:
        fingerprint = lists.sub(replacement, fingerprint)
    # Django numbers its savepoints per thread.
    return Statement(_SAVEPOINT.sub(r"\1", fingerprint), kinds_of(words), tables_of(words))


def with_literals(sql: str, parameters: Iterable[int], vendor: str = "") -> Iterable[int]:
    """Add the values in the text, except LIMIT and the OFFSET of a page, to hashes of parameters."""
    literals = _literals_of(sql, vendor)
    if not literals:
        return parameters
    own = hash(literals)
    # XOR, not a hash of both numbers: hash(-1) equals hash(-2).
    return [each ^ own for each in parameters]


@lru_cache(maxsize=1_000)
def _literals_of(sql: str, vendor: str) -> tuple[str, ...]:
    without_page = _PART_OF_PAGE.sub("", sql)
    if '"' not in sql and _PLAIN.fullmatch(without_page):
        return tuple(_LITERAL.findall(without_page))
    values = (token[0] for token in tokens_of(without_page, vendor) if token.lastgroup in VALUES)
    return tuple(value for value in values if value[0] not in "%$" or value.startswith("$$"))


def offset_of(sql: str) -> str:
    """Return the number after OFFSET as text, empty without one."""
    found = _OFFSET.search(sql)
    return found[1] or found[2] if found else ""


def shortened(statement: Statement) -> str:
    """Leave out what a reader skips: long lists of columns, and the name of the only table."""
    text = statement.fingerprint
    selected = _SELECT.match(text)
    if selected:
        end = _end_of_list(text, selected.end())
        if len(text[selected.end() : end].rstrip()) > _LONGEST_LIST_SHOWN:
            text = f"SELECT ... {text[end:]}"
    text = _INSERTED.sub(r"\1 (...)", text)
    if len(statement.tables) == 1:
        text = re.sub(rf"\b{re.escape(statement.tables[0])}\.(?=\w)", "", text)
    return text


def _end_of_list(text: str, start: int) -> int:
    """Return the index of a SELECT's FROM, or that of its list of columns if it has no FROM."""
    depth = 0
    for sign in _SIGN_OF_END.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if depth == 0 and sign[0] == "FROM ":
            return sign.start()
    return start

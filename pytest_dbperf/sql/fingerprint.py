"""Are these two SQL texts the same query? Fingerprint, kind and tables of a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_dbperf.sql.asked import is_page, is_page_of_values
from pytest_dbperf.sql.tables import kind_of, tables_of

# They control a transaction or a session. They are recorded, but not counted by default.
_BOOKKEEPING = frozenset(
    "ABORT BEGIN COMMIT DISCARD END PRAGMA RELEASE RESET ROLLBACK SAVEPOINT SET SHOW START".split()  # noqa: SIM905
)

_TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
  | (?P<value>   %s | %\(\w+\)s | \$\d+
               | [Ee]'(?:[^'\\]|\\.|'')*' | [BbNnXx]?'(?:[^']|'')*' | (?P<tag>\$\w*\$).*?(?P=tag)
               | \d+(?:\.\d+)?(?:[eE][+-]?\d+)? )
  | (?P<name>    "(?:[^"]|"")*" | `[^`]*` | [^\W\d][\w$]* )
  | (?P<mark>    \S )
    """,
    re.VERBOSE | re.DOTALL,
)
# A text in which values are easy to find: without comments, escapes, and the like.
_PLAIN = re.compile(r"""(?:[^"'`$\\%/*-]++|"\w++"|'[^'\\]*+'|%(?!\()|[/*-](?![/*-]))*+""")
# Strings, and numbers after an operator, a parenthesis or a comma. The number of a LIMIT never matches.
_OBVIOUS_VALUE = re.compile(r"'[^']*+'|(?:(?<=[=<>(,])|(?<=[=<>(,] ))\d++(?![\w.$])")
_LITERAL = re.compile(r"'[^']*+'|(?<![\w.$])\d[\w.]*+")
_PLAIN_NAME = re.compile(r'["`]([a-z_][a-z0-9_]*)["`]')
_LIMIT = re.compile(r"LIMIT\s+$", re.IGNORECASE)
# Not the OFFSET of a single row: `queryset[i]` asks for another row with each.
_PART_OF_PAGE = re.compile(r"\bLIMIT\s+\d+|(?<!LIMIT 1 )\bOFFSET\s+\d+", re.IGNORECASE)
_OFFSET = re.compile(r"\bOFFSET\s+(\d+)", re.IGNORECASE)
_EQUAL = re.compile(r"(?<![<>!])= ?%s")
_SAVEPOINT = re.compile(r"^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT)\b.*", re.IGNORECASE)
_LISTS = (
    # IN (%s) and IN (%s, ...) stay apart: one query for many values is the fix for one query per value.
    (re.compile(r"\bIN \(%s(?:, ?%s)+\)"), "IN (%s, ...)"),
    # Composite keys. Django prefetches to-one relations by them; 5.2 writes an OR if the database needs it.
    (re.compile(r"\bIN \((\(%s(?:, ?%s)*\))(?:, ?\1)+\)"), r"IN (\1, ...)"),
    (re.compile(r"\(([\w.]+ = %s)(?: OR \1)+\)"), r"(\1 OR ...)"),
    (re.compile(r"\bVALUES (\((?:[^()]|\([^()]*\))*\))(?:, ?\((?:[^()]|\([^()]*\))*\))+"), r"VALUES \1, ..."),
)
# ANY and UNNEST take an array, so one parameter has many values. Django's bulk_create() uses UNNEST.
_SIGNS_OF_BATCHES = (", ...)", "), ...", " OR ...)", "ANY(%s", "ANY (%s", "UNNEST(")
_LIST = re.compile(r"\(%s, \.\.\.\)|\(\([%s, ]+\), \.\.\.\)|\([\w.]+ = %s OR \.\.\.\)|\b(?:ANY|UNNEST) ?\(%s")
# As in ORDER BY 1 ASC, 2 DESC.
_NUMBER_OF_COLUMN = re.compile(r"(?<=R BY )%s|(?<=P BY )%s|(?<=, )%s(?= (?:ASC|DESC)\b)")
_SELECT = re.compile(r"SELECT (?:DISTINCT )?")
# A list of columns ends at the first FROM that is outside of quotes, parentheses and IS DISTINCT FROM.
_SIGN_OF_END = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|[()]|\bDISTINCT FROM\b|\bFROM ')
_LONGEST_LIST_SHOWN = 25  # Short lists, such as COUNT(*), help a reader.
_INSERTED = re.compile(r"^(INSERT INTO [\w.]+) \([^()]*\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement without its values. `kind` is `select`, `insert`, `update`, `delete` or `other`."""

    fingerprint: str
    kind: str
    tables: tuple[str, ...]

    @property
    def has_list(self) -> bool:
        """Whether it contains a list of values, such as IN (1, 2)."""
        return any(sign in self.fingerprint for sign in _SIGNS_OF_BATCHES)

    @property
    def is_batched(self) -> bool:
        """Whether one execution reads or writes rows for many values, so that no loop is necessary.

        With other values beside the list it is false: a loop may go over those.
        """
        return self.has_list and _asks_by_lists_alone(self.fingerprint, self.kind)

    @property
    def is_of_values(self) -> bool:
        """Whether it concerns rows with certain values, and not all rows or those in a range."""
        return self.kind == "insert" or _is_of_values(self.fingerprint)

    @property
    def is_page(self) -> bool:
        """Whether it reads the next page of rows, by OFFSET or by the values of the row before."""
        return is_page(self.fingerprint)

    @property
    def is_page_of_values(self) -> bool:
        """Whether it reads the next page of the rows that have certain values."""
        return is_page_of_values(self.fingerprint)


@lru_cache(maxsize=1_000)
def is_bookkeeping(sql: str) -> bool:
    """Tell whether a statement only controls a transaction or a session."""
    word = sql[:80].split(None, 1)[:1]
    if word and word[0].startswith(("--", "/*")):
        return is_bookkeeping(_fingerprint(sql))
    return bool(word) and word[0].rstrip(";").upper() in _BOOKKEEPING


@lru_cache(maxsize=10_000)
def statement_of(sql: str) -> Statement:
    """Read an SQL text. Values, comments, white space and the length of lists make no difference."""
    # If code writes values into the text there may be a million texts, but without the values only a few.
    return _read(_OBVIOUS_VALUE.sub("''", sql) if _PLAIN.fullmatch(sql) else sql)


@lru_cache(maxsize=10_000)
def _read(sql: str) -> Statement:
    words = _words(sql)
    return Statement(_fingerprint(sql), kind_of(words), tables_of(words))


def tokens_of(sql: str) -> Iterator[re.Match[str]]:
    """Split an SQL text into tokens: each is a `comment`, a `value`, a `name` or a `mark`."""
    return _TOKEN.finditer(sql)


def with_literals(sql: str, parameters: Iterable[int]) -> Iterable[int]:
    """Add the values in the text, except LIMIT and the OFFSET of a page, to hashes of parameters."""
    literals = _literals_of(sql)
    if not literals:
        return parameters
    own = hash(literals)
    # XOR, not a hash of both numbers: hash(-1) equals hash(-2).
    return [each ^ own for each in parameters]


@lru_cache(maxsize=1_000)
def _literals_of(sql: str) -> tuple[str, ...]:
    without_page = _PART_OF_PAGE.sub("", sql)
    if _PLAIN.fullmatch(without_page):
        return tuple(_LITERAL.findall(without_page))
    values = (token["value"] for token in tokens_of(without_page))
    return tuple(value for value in values if value and value[0] not in "%$")


def offset_of(sql: str) -> str:
    """Return the number after OFFSET as text, empty without one."""
    found = _OFFSET.search(sql)
    return found[1] if found else ""


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


def _fingerprint(sql: str) -> str:
    text = " ".join(_TOKEN.sub(_without_value, sql).split()).rstrip("; ")
    for pattern, replacement in _LISTS:
        text = pattern.sub(replacement, text)
    # Django numbers its savepoints per thread.
    return _SAVEPOINT.sub(r"\1", text)


def _without_value(token: re.Match[str]) -> str:
    if token["comment"]:
        return " "
    if token["value"]:
        # The number of a LIMIT is part of the query, not a value: LIMIT 21 is a get().
        before = token.string[max(0, token.start() - 8) : token.start()]
        return token[0] if _LIMIT.search(before) else "%s"
    return _PLAIN_NAME.sub(r"\1", token[0])


@lru_cache(maxsize=10_000)
def _asks_by_lists_alone(fingerprint: str, kind: str) -> bool:
    if kind == "insert":
        return True
    # Only the WHERE of an UPDATE or DELETE selects rows.
    asked = fingerprint[fingerprint.rfind(" WHERE ") :] if kind in ("update", "delete") else fingerprint
    return "%s" not in _NUMBER_OF_COLUMN.sub("", _LIST.sub("", asked))


@lru_cache(maxsize=10_000)
def _is_of_values(fingerprint: str) -> bool:
    _, where, asked = fingerprint.rpartition(" WHERE ")
    return bool(where) and (_EQUAL.search(asked) is not None or "IN (%s)" in asked)


def _words(sql: str) -> list[str]:
    """Return the names, keywords and marks of a statement, without its values."""
    words = (token["name"] or token["mark"] for token in _TOKEN.finditer(sql))
    return [word for word in words if word]

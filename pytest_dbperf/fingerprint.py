"""Are these two SQL texts the same query? Fingerprint, kind and tables of a statement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, takewhile

# Control of a transaction or a session. It is recorded, and not counted by default.
_BOOKKEEPING = frozenset(
    "ABORT BEGIN COMMIT DISCARD END PRAGMA RELEASE RESET ROLLBACK SAVEPOINT SET SHOW START".split()  # noqa: SIM905
)
_KINDS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE"))

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
# A text without comments and whatever else makes it hard to tell what a value is.
_PLAIN = re.compile(r"""(?:[^"'`$\\%/*-]++|"\w++"|'[^'\\]*+'|%(?!\()|[/*-](?![/*-]))*+""")
# Its strings, and its numbers after an operator, a parenthesis or a comma: never that of a LIMIT.
_OBVIOUS_VALUE = re.compile(r"'[^']*+'|(?:(?<=[=<>(,])|(?<=[=<>(,] ))\d++(?![\w.$])")
_PLAIN_NAME = re.compile(r'["`]([a-z_][a-z0-9_]*)["`]')
_LIMIT = re.compile(r"LIMIT\s+$", re.IGNORECASE)
_SAVEPOINT = re.compile(r"^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT)\b.*", re.IGNORECASE)
_LISTS = (
    # IN (%s) and IN (%s, ...) stay apart: many values in one query are the cure for one query a value.
    (re.compile(r"\bIN \(%s(?:, ?%s)+\)"), "IN (%s, ...)"),
    # Of composite keys; Django prefetches all to-one relations by them, in 5.2 as an OR where need be.
    (re.compile(r"\bIN \((\(%s(?:, ?%s)*\))(?:, ?\1)+\)"), r"IN (\1, ...)"),
    (re.compile(r"\(([\w.]+ = %s)(?: OR \1)+\)"), r"(\1 OR ...)"),
    (re.compile(r"\bVALUES (\((?:[^()]|\([^()]*\))*\))(?:, ?\((?:[^()]|\([^()]*\))*\))+"), r"VALUES \1, ..."),
)
# Arrays: PostgreSQL takes many values as one, and so does Django's bulk_create() there.
_SIGNS_OF_BATCHES = (", ...)", "), ...", " OR ...)", "ANY(%s", "ANY (%s", "UNNEST(")
_SELECT = re.compile(r"SELECT (?:DISTINCT )?")
# What tells where a list of columns ends: a FROM outside of quotes and parentheses, and of IS DISTINCT FROM.
_SIGN_OF_END = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|[()]|\bDISTINCT FROM\b|\bFROM ')
_LONGEST_LIST_SHOWN = 25  # COUNT(*) says what is asked.
_INSERTED = re.compile(r"^(INSERT INTO [\w.]+) \([^()]*\)")

_TABLE_FOLLOWS = frozenset(("FROM", "INTO", "JOIN", "UPDATE"))
# IS DISTINCT FROM, SELECT ... FOR UPDATE, ON CONFLICT DO UPDATE: no table follows after these.
_NO_TABLE_AFTER = frozenset((("DISTINCT", "FROM"), ("FOR", "UPDATE"), ("KEY", "UPDATE"), ("DO", "UPDATE")))
# EXTRACT(YEAR FROM starts_at), TRIM(BOTH FROM name): nor in the parentheses of these.
_FUNCTIONS_WITH_FROM = frozenset(("EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"))
_BEFORE_A_TABLE = frozenset(("ONLY", "LATERAL"))
_BEFORE_A_WITH_NAME = frozenset(("WITH", "RECURSIVE", ","))


@dataclass(frozen=True, slots=True)
class Statement:
    """What a SQL text is. The kind is `select`, `insert`, `update`, `delete` or `other`."""

    fingerprint: str
    kind: str
    tables: tuple[str, ...]

    @property
    def is_batched(self) -> bool:
        """Whether it asks for, or writes, many rows by their values: it is what makes a loop unnecessary."""
        return any(sign in self.fingerprint for sign in _SIGNS_OF_BATCHES)


@lru_cache(maxsize=1_000)
def is_bookkeeping(sql: str) -> bool:
    """Tell whether a statement only controls a transaction or a session."""
    word = sql[:80].split(None, 1)[:1]
    if word and word[0].startswith(("--", "/*")):
        return is_bookkeeping(_fingerprint(sql))
    return bool(word) and word[0].rstrip(";").upper() in _BOOKKEEPING


@lru_cache(maxsize=10_000)
def statement_of(sql: str) -> Statement:
    """Read a SQL text. Values, comments, white space and the length of lists make no difference."""
    # Where values are written into the text there may be a million texts, and there are few without them.
    return _read(_OBVIOUS_VALUE.sub("''", sql) if _PLAIN.fullmatch(sql) else sql)


@lru_cache(maxsize=10_000)
def _read(sql: str) -> Statement:
    words = _words(sql)
    return Statement(_fingerprint(sql), _kind(words), _tables(words))


def tokens_of(sql: str) -> Iterator[re.Match[str]]:
    """Read a SQL text token by token: each is a `comment`, a `value`, a `name` or a `mark`."""
    return _TOKEN.finditer(sql)


def shortened(statement: Statement) -> str:
    """Leave out what a reader skips: lists of columns, and the name of the only table before each column."""
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
    """Where the FROM of a SELECT begins, or where the list does if it has none."""
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
    # Django numbers its savepoints by thread.
    return _SAVEPOINT.sub(r"\1", text)


def _without_value(token: re.Match[str]) -> str:
    if token["comment"]:
        return " "
    if token["value"]:
        # A LIMIT is part of the question (LIMIT 21 is a get()), not a value in it.
        before = token.string[max(0, token.start() - 8) : token.start()]
        return token[0] if _LIMIT.search(before) else "%s"
    return _PLAIN_NAME.sub(r"\1", token[0])


def _words(sql: str) -> list[str]:
    """The names and marks of a statement; values are left out, keywords cannot be told from names."""
    words = (token["name"] or token["mark"] for token in _TOKEN.finditer(sql))
    return [word for word in words if word]


def _kind(words: Sequence[str]) -> str:
    first = next((word.upper() for word in words if word != "("), "")
    if first == "WITH":
        outermost = (word.upper() for depth, word in _with_depth(words) if depth == 0)
        first = next((word for word in outermost if word in _KINDS), "")
    return first.lower() if first in _KINDS else "other"


def _tables(words: Sequence[str]) -> tuple[str, ...]:
    tables: dict[str, None] = {}
    for place, word in enumerate(words):
        keyword = word.upper()
        if keyword not in _TABLE_FOLLOWS or (_upper(words, place - 1), keyword) in _NO_TABLE_AFTER:
            continue
        if keyword == "FROM" and _enclosing_function(words, place) in _FUNCTIONS_WITH_FROM:
            continue
        tables.update(dict.fromkeys(_listed_tables(words, place)))
    names_of_with = _names_of_with(words)
    return tuple(table for table in tables if table not in names_of_with)


def _listed_tables(words: Sequence[str], place: int) -> Iterator[str]:
    """Read `a, public.b AS c, d` after the keyword at a place."""
    is_insert = words[place].upper() == "INTO"
    while True:
        place += 1
        if _upper(words, place) in _BEFORE_A_TABLE:
            place += 1
        while _at(words, place + 1) == ".":
            place += 2
        table = _at(words, place)
        is_function = _at(words, place + 1) == "(" and not is_insert
        if not table or table in "(;" or is_function:
            return
        yield table.strip('"`')
        if _upper(words, place + 1) == "AS":
            place += 1
        if _at(words, place + 1) != ",":
            place += 1  # An alias, or a keyword that no comma follows.
        if _at(words, place + 1) != ",":
            return
        place += 1


def _names_of_with(words: Sequence[str]) -> set[str]:
    if _upper(words, 0) != "WITH":
        return set()
    outermost = (word for depth, word in _with_depth(words) if depth == 0)
    return {
        name.strip('"`')
        for before, name in pairwise(takewhile(lambda word: word.upper() not in _KINDS, outermost))
        if before.upper() in _BEFORE_A_WITH_NAME and name.upper() != "RECURSIVE"
    }


def _enclosing_function(words: Sequence[str], place: int) -> str:
    """The word before the parenthesis that a place lies in."""
    depth = 0
    for before in range(place - 1, -1, -1):
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


def _at(words: Sequence[str], place: int) -> str:
    return words[place] if 0 <= place < len(words) else ""


def _upper(words: Sequence[str], place: int) -> str:
    return _at(words, place).upper()

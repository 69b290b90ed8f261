"""How does a database write values, names and comments? Each vendor has a dialect of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

# PostgreSQL nests comments. In other databases a nested comment is wrong SQL: it is read as a comment, too.
_FLAT = r"/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"
_NESTED = _FLAT
for _ in range(2):
    _NESTED = rf"/\*(?:[^*/]++|\*(?!/)|/(?!\*)|{_NESTED})*+\*/"
_BLOCK_COMMENT = rf"{_NESTED} | /\*.*?\*/ | /\*.*"

# Without its second half, a quote reaches to the end of the text: wrong SQL shows no values either.
_END = r"(?:{0}|(?P<open{1}>\Z))"
_STRING = r"'(?:[^']++|'')*+" + _END.format("'", 1)
_ESCAPED_STRING = r"'(?:[^'\\]++|\\.?|'')*+" + _END.format("'", 2)
_ESCAPED_TEXT = r'"(?:[^"\\]++|\\.?|"")*+' + _END.format('"', 3)
# Oracle's q'[it's]'
_Q_STRING = r"[Nn]?[Qq]'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>|(?P<end>[^\s\w'\[{(<]).*?(?P=end))'"
_DOLLAR_STRING = r"(?P<tag>\$(?:[^\W\d]\w*+)?\$)(?:.*?(?P=tag)|.*)"
_PLACEHOLDER = r"%s | %\([^)]*\)s | \$\d+"
# A minus is part of a number, and no subtraction, after an operator, a comma and some keywords.
_SIGN = (
    r"(?:(?:(?<=[=<>(,])|(?<=[=<>(,]\s)|(?<=\b(?i:AND)\s)|(?<=\b(?i:THEN)\s)|(?<=\b(?i:ELSE)\s)"
    r"|(?<=\b(?i:SELECT)\s)|(?<=\b(?i:BETWEEN)\s)|(?<=\b(?i:LIKE)\s))[-+](?=[\d.]))?"
)
_NUMBER = (
    r"0[xX][\da-fA-F_]++ | 0[bB][01_]++ | 0[oO][0-7_]++"
    rf" | {_SIGN}(?:\d[\d_]*+(?:\.[\d_]*+)?|(?<![\w\"`\])])\.\d[\d_]*+)(?:[eE][+-]?\d[\d_]*+)?"
)
_NAME = r"[^\W\d][\w$]*+"
_QUOTED = r'(?:[Uu]&)?"(?:[^"]++|"")*+"'
_BACKTICKED = r"`(?:[^`]++|``)*+`"
_BRACKETED = r"\[(?:[^\]]++|\]\])*+\]"
# A quotation mark that quotes nothing in this dialect, or has no second half.
_UNTERMINATED = '"(?P<open4>.*) | `[^`]*+(?:`|(?P<open5>\\Z))'


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read SQL. If `is_lenient`, "x" is a string where no column has that name, as in SQLite."""

    source: str
    is_lenient: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of a token: each is a `comment`, a `value`, a `name`, a `mark` or `unterminated`."""
        return _compiled(self.source)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    # Compiling takes milliseconds, and a project needs one or two dialects.
    return re.compile(source, re.VERBOSE | re.DOTALL)


def _dialect(
    *,
    comments: str = r"--[^\n]*",
    strings: str = rf"(?:[BbEeNnXx]|[Uu]&)?{_STRING}",
    values: str = r"(?!)",
    names: str = rf"{_QUOTED} | {_NAME}",
    is_lenient: bool = False,
) -> Dialect:
    text = rf"""
        (?P<comment> {comments} | {_BLOCK_COMMENT} )
      | (?P<value> {_PLACEHOLDER} | {_Q_STRING} | {strings} | {_DOLLAR_STRING} | {values} | {_NUMBER} )
      | (?P<name> {names} )
      | (?P<unterminated> {_UNTERMINATED} )
      | (?P<mark> \S )
    """
    return Dialect(text, is_lenient)


_POSTGRESQL_STRINGS = rf"[Ee]{_ESCAPED_STRING} | (?:[BbNnXx]|[Uu]&)?{_STRING}"
# In PostgreSQL and MySQL a bracket after SELECT or an operator is a mistake: what it holds may be a value.
_STRAY_BRACKET = r"(?:(?<=(?i:SELECT)\s)|(?<=[=<>]\s))\[[^\]]*+(?:\]|\Z)"
_ESCAPING_STRINGS = rf"[BbNnXxEe]?{_ESCAPED_STRING}"
# -- begins a comment in MySQL only before a space; what stands in /*! ... */ is executed.
_MYSQL_COMMENTS = r"--(?=\s|\Z)[^\n]*+ | \#[^\n]*+ | /\*M?!\d*+ | \*/"

_UNKNOWN = _dialect(
    # Not PostgreSQL's operators, such as #>>.
    comments=r"--[^\n]*+ | \#(?![>#=&-])[^\n]*+",
    strings=_POSTGRESQL_STRINGS,
    # Not an element of an array, as in PostgreSQL.
    names=rf"{_QUOTED} | {_BACKTICKED} | (?<![\w\])\"])(?<!ARRAY\s)\[[^\W\d][^\]\[,:'\"]*+\] | {_NAME}",
    is_lenient=True,
)
_ESCAPING = _dialect(
    comments=_MYSQL_COMMENTS,
    strings=rf"{_ESCAPING_STRINGS} | {_ESCAPED_TEXT}",
    values=_STRAY_BRACKET,
    names=rf"{_BACKTICKED} | {_NAME}",
)
# The same text as an unknown dialect reads it, but with a backslash that escapes a quote.
_UNKNOWN_ESCAPING = _dialect(
    comments=r"--[^\n]*+ | \#(?![>#=&-])[^\n]*+",
    strings=_ESCAPING_STRINGS,
    names=rf"{_QUOTED} | {_BACKTICKED} | {_NAME}",
    is_lenient=True,
)
_POSTGRESQL = _dialect(strings=_POSTGRESQL_STRINGS, values=_STRAY_BRACKET)
_DIALECTS = {
    "postgresql": _POSTGRESQL,
    "cockroachdb": _POSTGRESQL,
    "redshift": _POSTGRESQL,
    "mysql": _ESCAPING,
    "mariadb": _ESCAPING,
    "tidb": _ESCAPING,
    # SQLite knows no comment with #, so there it stands in a statement that fails.
    "sqlite": _dialect(
        comments=r"--[^\n]*+ | \#[^\n]*+",
        names=rf"{_QUOTED} | {_BACKTICKED} | {_BRACKETED} | {_NAME}",
        values=r"\[[^\]]*\Z",
        is_lenient=True,
    ),
    "oracle": _dialect(values=rf":\w++ | {_STRAY_BRACKET}", names=rf"{_QUOTED} | [^\W\d][\w$\#]*+"),
    "microsoft": _dialect(
        names=rf"{_QUOTED} | {_BRACKETED} | (?:[@\#]{{1,2}})?[^\W\d][\w$\#@]*+", values=r"\[[^\]]*\Z"
    ),
}


def dialect_of(vendor: str) -> Dialect:
    """Return the dialect of a vendor, by Django's name for it; or else one that fits them all."""
    return _DIALECTS.get(vendor, _UNKNOWN)


def other_reading(dialect: Dialect) -> Dialect:
    """Return a dialect in which a backslash escapes quotes, if it does not in this one, or else does not.

    A setting of the server decides that: `NO_BACKSLASH_ESCAPES` or `standard_conforming_strings`.
    """
    return _UNKNOWN if dialect is _ESCAPING else _UNKNOWN_ESCAPING

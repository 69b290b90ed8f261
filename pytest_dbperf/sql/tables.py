"""Which tables does an SQL text name?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

# What a statement, or a statement inside another one, begins after.
_BEFORE_A_STATEMENT = frozenset(
    (
        "",
        "(",
        ")",
        ";",
        "AS",
        "BEGIN",
        "EXPLAIN",
        "ANALYZE",
        "VERBOSE",
        "PLAN",
        "UNION",
        "ALL",
        "EXCEPT",
        "INTERSECT",
    )
)
# No table follows a FROM in the parentheses of these: EXTRACT(YEAR FROM starts_at), TRIM(BOTH FROM name).
_FUNCTIONS_WITH_FROM = frozenset(("EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"))
# Words between a keyword and its table: UPDATE ONLY t, INSERT IGNORE INTO t, DROP TABLE IF EXISTS t.
_BEFORE_A_TABLE = frozenset(
    "ONLY LATERAL IF NOT EXISTS IGNORE OR REPLACE ROLLBACK ABORT FAIL LOW_PRIORITY DELAYED "  # noqa: SIM905
    "HIGH_PRIORITY QUICK CONCURRENTLY TABLE".split()
)
_AFTER_A_LIST = frozenset(
    "WHERE GROUP ORDER HAVING LIMIT SET UNION EXCEPT INTERSECT RETURNING OUTPUT VALUES WINDOW "  # noqa: SIM905
    "FETCH OFFSET FOR SELECT QUALIFY WHEN".split()
)
# The names in these statements are those of cursors, roles and channels.
_WITHOUT_TABLES = frozenset(("FETCH", "MOVE", "CLOSE", "GRANT", "REVOKE", "DEALLOCATE", "LISTEN", "NOTIFY"))
_DEFINITIONS = frozenset(("CREATE", "ALTER", "DROP", "TRUNCATE", "LOCK", "COPY"))
_NO_TABLE = frozenset(("DUAL", "STDIN", "STDOUT", "PROGRAM", "OUTFILE", "DUMPFILE"))
_QUOTES = {'"': '"', "`": "`", "[": "]"}


@dataclass(slots=True)
class _Scope:
    """What is between two parentheses: what may come next, and what it is in."""

    function: str = ""
    verb: str = ""
    expects: bool = False
    """Whether the next word is a table."""
    is_list: bool = False
    """Whether a table follows the next comma."""
    may_have_columns: bool = False
    """Whether a parenthesis after a table has columns, and does not make it a function."""
    is_target: bool = False
    with_names: str = ""
    """In a WITH: `name` before a name, `as` behind it, `body` before its query, `more` behind that."""
    pending: str = ""
    is_recursive: bool = False


@dataclass(slots=True)
class _Found:
    tables: dict[str, None] = field(default_factory=dict)
    names_of_with: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)


def tables_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the tables, each once, in the order of the text."""
    found, scopes = _Found(), [_Scope()]
    if words and words[0].upper() in _WITHOUT_TABLES:
        return ()
    index, count = 0, len(words)
    while index < count:
        word, scope = words[index], scopes[-1]
        if word == "(":
            is_table = scope.expects  # A subquery, or (a JOIN b ON ...).
            scope.expects = False
            function = words[index - 1].upper() if index else ""
            scopes.append(_Scope(function, expects=is_table, is_list=is_table))
        elif word == ")":
            _close(scopes, found)
        elif word == ",":
            scope.expects = scope.is_list
            if scope.with_names == "more":
                scope.with_names = "name"
        elif scope.with_names in ("name", "as"):
            _read_name_of_with(words, index, scope, found)
        elif scope.expects and word[0] not in "%;@:=.*":
            index = _read_table(words, index, scope, found)
        else:
            scope.expects = False
            _read_keyword(words, index, scope)
        index += 1
    # In UPDATE b SET ... FROM book b, the name is an alias.
    aliased = {name for name in found.targets if found.aliases.get(name, name) != name}
    return tuple(table for table in found.tables if table not in aliased)


def _close(scopes: list[_Scope], found: _Found) -> None:
    if len(scopes) > 1:
        scopes.pop()
    outer = scopes[-1]
    if outer.with_names == "body":
        # Without RECURSIVE, the name is not known inside: WITH book AS (SELECT * FROM book) reads the table.
        found.names_of_with.add(outer.pending)
        outer.with_names = "more"


def _read_name_of_with(words: Sequence[str], index: int, scope: _Scope, found: _Found) -> None:
    word = words[index]
    if scope.with_names == "as":
        if word.upper() == "AS":
            scope.with_names = "body"
    elif word.upper() == "RECURSIVE":
        scope.is_recursive = True
    else:
        scope.pending, scope.with_names = _bare(word), "as"
        if scope.is_recursive:
            found.names_of_with.add(scope.pending)


def _read_table(words: Sequence[str], index: int, scope: _Scope, found: _Found) -> int:
    """Read a table, and return the index of its last word."""
    keyword = words[index].upper()
    following = _at(words, index + 1)
    if keyword in _BEFORE_A_TABLE and following not in ("", ",", ";", ")", "."):
        return index
    if keyword in ("SELECT", "WITH", "VALUES", "INTO", "FROM", "SET", "JOIN", "USING"):
        scope.expects = False
        _read_keyword(words, index, scope)
        return index
    if keyword == "TOP" and following == "(":
        return index + 3
    scope.expects = False
    while _at(words, index + 1) == ".":
        index += 2 if _at(words, index + 2) != "." else 1
    is_function = _at(words, index + 1) == "(" and not scope.may_have_columns
    table, is_target = _bare(words[index]) if index < len(words) else "", scope.is_target
    scope.may_have_columns = scope.is_target = False
    if not table or is_function or table.upper() in _NO_TABLE or keyword in _NO_TABLE:
        return index
    if table not in found.names_of_with:
        found.tables[table] = None
    if is_target:
        found.targets.add(table)
    alias = index + (2 if _at(words, index + 1) == "AS" else 1)
    name = _bare(words[alias]) if alias < len(words) else ""
    found.aliases.setdefault(name, table)
    return index


def _read_keyword(words: Sequence[str], index: int, scope: _Scope) -> None:
    """Note whether a table follows a word."""
    keyword, before = words[index].upper(), _at(words, index - 1)
    if keyword == "FROM":
        if before != "DISTINCT" and scope.function not in _FUNCTIONS_WITH_FROM:
            scope.expects, scope.is_list, scope.is_target = True, True, False
    elif keyword in ("JOIN", "STRAIGHT_JOIN", "APPLY"):
        scope.expects = keyword == "JOIN" or scope.is_list
    elif keyword in _AFTER_A_LIST:
        scope.is_list = False
        if keyword == "SELECT":
            scope.with_names = ""
    elif keyword in ("INTO", "REFERENCES"):
        scope.expects = scope.may_have_columns = True
    elif keyword == "USING":
        # A parenthesis has the columns of a join, or a subquery, which is read as one.
        if scope.verb in ("DELETE", "MERGE"):
            scope.expects, scope.is_list = _at(words, index + 1) != "(", True
    elif words[0].upper() in _DEFINITIONS:
        _read_definition(words, index, scope)
    elif before in _BEFORE_A_STATEMENT:
        _begin_statement(words, index, scope)


def _read_definition(words: Sequence[str], index: int, scope: _Scope) -> None:
    keyword = words[index].upper()
    is_index = keyword == "ON" and not scope.function and "INDEX" in [word.upper() for word in words[:3]]
    if keyword in ("TABLE", "TRUNCATE", "COPY", "LOCK") or is_index:
        scope.expects = scope.may_have_columns = True
        scope.is_list = keyword in ("TRUNCATE", "LOCK")


def _begin_statement(words: Sequence[str], index: int, scope: _Scope) -> None:
    keyword = words[index].upper()
    if keyword == "TABLE":
        scope.expects = True
    elif keyword == "WITH":
        # Not UNNEST(...) WITH ORDINALITY AS x.
        named = _at(words, index + 1)
        if named == "RECURSIVE" or (named != "ORDINALITY" and _at(words, index + 2) in ("AS", "(")):
            scope.with_names = "name"
    elif keyword in ("UPDATE", "DELETE", "INSERT", "REPLACE", "MERGE"):
        scope.verb, scope.with_names = keyword, ""
        scope.expects = _at(words, index + 1) not in ("FROM", "INTO", "(")
        scope.is_list = keyword in ("UPDATE", "DELETE")
        scope.is_target = True
        scope.may_have_columns = keyword in ("INSERT", "REPLACE")


def _bare(word: str) -> str:
    """Take a name out of its quotes."""
    end = _QUOTES.get(word[:1])
    return word[1:-1].replace(end * 2, end) if end else word


def _at(words: Sequence[str], index: int) -> str:
    return words[index].upper() if 0 <= index < len(words) else ""

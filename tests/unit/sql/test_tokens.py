"""A value is a value in each dialect, and none is shown."""

import pytest

from pytest_dbperf.sql.fingerprint import is_bookkeeping, offset_of, statement_of, with_literals

DIALECTS = ("postgresql", "mysql", "sqlite", "oracle", "microsoft", "")
SECRET = "hidden"

# In any dialect, whether it accepts them or not.
HIDDEN = (
    "SELECT 'hidden'",
    "SELECT 'it''s hidden'",
    "SELECT 'it\\'s hidden', 'hidden'",
    "SELECT 'hidden",
    "SELECT 'C:\\', 'hidden'",
    "SELECT 'it\\'s hidden', 'hidden",
    'SELECT "hidden',
    "SELECT `hidden",
    'SELECT "hidden"',
    "SELECT `hidden`",
    "SELECT [hidden]",
    "SELECT 1 /* hidden",
    "SELECT 1 -- hidden",
    "/* a /* hidden */ hidden */ SELECT 1",
    "SELECT E'\\'hidden', n'hidden', B'hidden', x'hidden', U&'hidden'",
    "SELECT q'[it's hidden]', Nq'<it's hidden>'",
    "SELECT $$hidden$$, $tag$ hidden $$ hidden $tag$",
    "SELECT $tag$ hidden",
)


@pytest.mark.parametrize("vendor", DIALECTS)
@pytest.mark.parametrize("sql", HIDDEN)
def test_no_value_is_shown(sql, vendor):
    """Not even where the statement is wrong: what a quote begins is a value to its end."""
    assert SECRET not in statement_of(sql, vendor).fingerprint


@pytest.mark.parametrize(
    ("vendor", "sql", "fingerprint"),
    [
        (
            "postgresql",
            "SELECT a FROM t WHERE b = 'C:\\' AND c = 'd'",
            "SELECT a FROM t WHERE b = %s AND c = %s",
        ),
        ("postgresql", 'SELECT a FROM t WHERE b = "c"', "SELECT a FROM t WHERE b = c"),
        ("postgresql", "SELECT a[1], b #> c, b # d FROM t", "SELECT a[%s], b #> c, b # d FROM t"),
        ("postgresql", 'SELECT lower("a") FROM t', "SELECT lower(a) FROM t"),
        ("postgresql", 'SELECT "f"(1), 1 AS "One", 2::"kind"', 'SELECT f(%s), %s AS "One", %s::kind'),
        ("mysql", 'SELECT a FROM t WHERE b = "it\'s" AND `c` = 1', "SELECT a FROM t WHERE b = %s AND c = %s"),
        ("mysql", "SELECT a FROM t WHERE b = 'it\\'s' # it's", "SELECT a FROM t WHERE b = %s"),
        ("mysql", "SELECT 5--3, 1 -- it's", "SELECT %s--%s, %s"),
        ("mysql", "SELECT /*!40001 SQL_NO_CACHE */ a FROM t", "SELECT SQL_NO_CACHE a FROM t"),
        ("mysql", "SELECT a FROM t LIMIT 10, 25", "SELECT a FROM t LIMIT %s, %s"),
        ("sqlite", 'SELECT a FROM t WHERE "b" = "c"', "SELECT a FROM t WHERE b = %s"),
        ("sqlite", 'SELECT a FROM t WHERE b = "c" AND "c" = 1', "SELECT a FROM t WHERE b = c AND c = %s"),
        ("sqlite", 'SELECT "t"."a" FROM "t" WHERE "t"."a" = "t"."b"', "SELECT t.a FROM t WHERE t.a = t.b"),
        ("sqlite", 'SELECT a FROM t WHERE b IN ("c", "it\'s")', "SELECT a FROM t WHERE b IN (%s, ...)"),
        (
            "sqlite",
            'SELECT a FROM t WHERE b BETWEEN "c" AND "d"',
            "SELECT a FROM t WHERE b BETWEEN %s AND %s",
        ),
        (
            "sqlite",
            'INSERT INTO t ("a", "b") VALUES ("c", "d"), ("e", upper("f")), ("g", "h")',
            "INSERT INTO t (a, b) VALUES (%s, %s), ...",
        ),
        ("sqlite", 'INSERT INTO t ("a") SELECT "b" FROM u, (v) WHERE c = "d"', None),
        ("sqlite", 'CREATE TABLE "t" ("a" int CHECK ("a" > "b"))', "CREATE TABLE t (a int CHECK (a > b))"),
        ("sqlite", "SELECT [a b], [c] FROM [t]", "SELECT [a b], c FROM t"),
        ("oracle", "SELECT a#b FROM t WHERE c = :arg0", "SELECT a#b FROM t WHERE c = %s"),
        ("microsoft", "SELECT [a], @b FROM #t", "SELECT a, @b FROM #t"),
        (
            "",
            "SELECT a[1], ARRAY [b] FROM t WHERE c = [d e]",
            "SELECT a[%s], ARRAY [b] FROM t WHERE c = [d e]",
        ),
        ("", "SELECT 0xFF, 0b11, 0o17, 1_000.5e-3, .5, 1.", "SELECT %s, %s, %s, %s, %s, %s"),
        ("", "SELECT a - 1, t.a -1, (-1), -.5 FROM t", "SELECT a - %s, t.a -%s, (%s), %s FROM t"),
        ("", "SELECT a FROM t WHERE b = -1 AND c LIKE 'x'", "SELECT a FROM t WHERE b = %s AND c LIKE %s"),
        ("", "SELECT a FROM t LIMIT -1 OFFSET 5", "SELECT a FROM t LIMIT -%s OFFSET %s"),
    ],
)
def test_each_database_reads_its_own_dialect(vendor, sql, fingerprint):
    """A double quote, a backtick, a bracket, a backslash and a # mean different things."""
    expected = fingerprint or "INSERT INTO t (a) SELECT b FROM u, (v) WHERE c = %s"
    assert statement_of(sql, vendor).fingerprint == expected


@pytest.mark.parametrize(
    ("vendor", "sql"),
    [
        ("mysql", 'SELECT a FROM t WHERE b = "{}"'),
        ("sqlite", 'SELECT a FROM t WHERE b = "{}"'),
        ("postgresql", "SELECT a FROM t WHERE b = $${}$$"),
        ("", "SELECT a FROM t WHERE b = E'\\'{}'"),
        ("", "SELECT a FROM t WHERE b = 0x{}"),
    ],
)
def test_a_value_in_the_text_is_a_parameter(vendor, sql):
    """Statements that differ in it are one query with other parameters."""
    one, two = sql.format("41"), sql.format("42")

    assert statement_of(one, vendor) == statement_of(two, vendor)
    assert [*with_literals(one, [0], vendor)] != [*with_literals(two, [0], vendor)]


def test_the_offset_of_mysql_is_the_first_number():
    """LIMIT 50, 25 is LIMIT 25 OFFSET 50."""
    assert offset_of("SELECT a FROM t LIMIT 50, 25") == "50"
    assert with_literals("SELECT a FROM t LIMIT 50, 25", [7], "mysql") == [7]


def test_a_comment_of_mysql_hides_no_statement():
    """Bookkeeping is recognised behind each form of comment."""
    assert is_bookkeeping("# why\nCOMMIT")
    assert is_bookkeeping("/* a /* b */ */ COMMIT")

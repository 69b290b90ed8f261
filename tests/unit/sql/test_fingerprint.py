"""Two SQL texts have one fingerprint if and only if they differ in values alone."""

import pytest

from pytest_dbperf.sql.fingerprint import (
    is_bookkeeping,
    offset_of,
    shortened,
    statement_of,
    with_literals,
)


@pytest.mark.parametrize(
    ("sql", "fingerprint"),
    [
        ("SELECT a FROM t WHERE id = 5", "SELECT a FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE id = %s", "SELECT a FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE id = %(id)s", "SELECT a FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE id = $1", "SELECT a FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE x = 1.5e3", "SELECT a FROM t WHERE x = %s"),
        ("SELECT a FROM t WHERE name = 'it''s -- no comment'", "SELECT a FROM t WHERE name = %s"),
        ("SELECT a FROM t WHERE name = E'it\\'s'", "SELECT a FROM t WHERE name = %s"),
        ("SELECT a FROM t WHERE name = $tag$it's$tag$", "SELECT a FROM t WHERE name = %s"),
        ("SELECT  a\n FROM t ; ", "SELECT a FROM t"),
        ("/* web */ SELECT a FROM t -- trailing", "SELECT a FROM t"),
        ('SELECT "t"."a" FROM "t"', "SELECT t.a FROM t"),
        ("SELECT `a` FROM `t`", "SELECT a FROM t"),
        ('SELECT "A b" FROM "t"', 'SELECT "A b" FROM t'),
        ("SELECT col2 FROM t3", "SELECT col2 FROM t3"),
        ("SELECT a FROM t WHERE id IN (1, 2,3)", "SELECT a FROM t WHERE id IN (%s, ...)"),
        ("SELECT a FROM t WHERE id IN (%s)", "SELECT a FROM t WHERE id IN (%s)"),
        ("INSERT INTO t (a, b) VALUES (1, 2), (3, 4)", "INSERT INTO t (a, b) VALUES (%s, %s), ..."),
        ("INSERT INTO t (a) VALUES (f(%s)), (f(%s))", "INSERT INTO t (a) VALUES (f(%s)), ..."),
        ("INSERT INTO t (a) VALUES (%s)", "INSERT INTO t (a) VALUES (%s)"),
        ('SAVEPOINT "s140_x1"', "SAVEPOINT"),
        ('ROLLBACK TO SAVEPOINT "s140_x1"', "ROLLBACK TO SAVEPOINT"),
        ("SELECT a FROM t LIMIT 21", "SELECT a FROM t LIMIT 21"),
        ("SELECT a FROM t LIMIT 25 OFFSET 50", "SELECT a FROM t LIMIT 25 OFFSET %s"),
        ("SELECT a FROM t WHERE data ? %s", "SELECT a FROM t WHERE data ? %s"),
        ("", ""),
    ],
)
def test_a_fingerprint_is_the_sql_without_values_comments_and_space(sql, fingerprint):
    """Values, comments, white space and the length of lists make no difference."""
    assert statement_of(sql).fingerprint == fingerprint


def test_different_columns_are_different_queries():
    """A deferred field is loaded by another query than the whole row."""
    assert statement_of("SELECT a FROM t").fingerprint != statement_of("SELECT b FROM t").fingerprint


def test_quoted_names_of_two_tables_stay_apart():
    """A quoted identifier is a name and not a value."""
    one, two = 'SELECT "shop_author"."id" FROM "shop_author"', 'SELECT "auth_group"."id" FROM "auth_group"'

    assert statement_of(one).fingerprint != statement_of(two).fingerprint


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", "select"),
        ("select 1", "select"),
        ("(SELECT a FROM b) UNION (SELECT c FROM d)", "select"),
        ("INSERT INTO t SELECT 1", "insert"),
        ("UPDATE t SET a = 1", "update"),
        ("DELETE FROM t", "delete"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "select"),
        ("WITH x AS (SELECT 1) UPDATE t SET a = 1", "update"),
        ("WITH RECURSIVE x(id) AS (SELECT 1 UNION ALL SELECT id FROM x) DELETE FROM t", "delete"),
        ("WITH x AS (SELECT 1)", "other"),
        ("EXPLAIN SELECT 1", "other"),
        ("CALL refresh()", "other"),
        ("", "other"),
    ],
)
def test_the_kind_is_what_the_statement_does(sql, kind):
    """The kind of a WITH is that of its main statement."""
    assert statement_of(sql).kind == kind


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ('SELECT "t"."a" FROM "t"', ("t",)),
        ("SELECT 1", ()),
        ("SELECT a FROM public.t", ("t",)),
        ("SELECT a FROM t, u AS v, w x WHERE b", ("t", "u", "w")),
        ("SELECT a FROM t, u WHERE b ORDER BY c, d", ("t", "u")),
        ("SELECT a FROM t INNER JOIN u ON (t.id = u.id) LEFT JOIN LATERAL v ON true", ("t", "u", "v")),
        ("SELECT a FROM (SELECT b FROM t) s JOIN u ON true", ("t", "u")),
        ("SELECT a FROM t JOIN t AS t2 ON true", ("t",)),
        ("SELECT a FROM ONLY t", ("t",)),
        ("SELECT EXTRACT(YEAR FROM t.at), TRIM(BOTH FROM t.b) FROM t", ("t",)),
        ("SELECT a FROM t WHERE b IS DISTINCT FROM c", ("t",)),
        ("SELECT a FROM generate_series(1, 2)", ()),
        ("SELECT a FROM t FOR UPDATE OF t", ("t",)),
        ("SELECT a FROM t FOR NO KEY UPDATE", ("t",)),
        ("INSERT INTO t (a, b) VALUES (1, 2)", ("t",)),
        ("INSERT INTO t(a) SELECT a FROM u", ("t", "u")),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", ("t",)),
        ("UPDATE t SET a = 1 FROM u", ("t", "u")),
        ("DELETE FROM t WHERE id IN (SELECT id FROM u)", ("t", "u")),
        ("WITH x AS (SELECT 1 FROM t) SELECT * FROM x, u", ("t", "u")),
        ("WITH x AS (SELECT 1), y (a) AS (SELECT 2) SELECT * FROM x JOIN y ON true", ()),
        ("SELECT a FROM", ()),
        ("SELECT f(a FROM b", ("b",)),
    ],
)
def test_tables_are_those_that_are_named(sql, tables):
    """Tables are named after FROM, JOIN, INTO and UPDATE; functions, subqueries and WITH names are none."""
    assert statement_of(sql).tables == tables


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN",
        "begin;",
        "COMMIT",
        "ROLLBACK",
        'SAVEPOINT "s1"',
        'RELEASE SAVEPOINT "s1"',
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SHOW server_version",
        "PRAGMA foreign_keys = ON",
        "  /* comment */ BEGIN",
        "-- comment\nCOMMIT",
        "START TRANSACTION",
    ],
)
def test_transaction_and_session_control_is_bookkeeping(sql):
    """What only controls a transaction or a session does not count."""
    assert is_bookkeeping(sql)


@pytest.mark.parametrize("sql", ["SELECT 1", "", "SETTLE", "UPDATE t SET a = 1", "/* BEGIN */ SELECT 1"])
def test_other_statements_are_not_bookkeeping(sql):
    """A statement that works on data counts, whatever else it mentions."""
    assert not is_bookkeeping(sql)


@pytest.mark.parametrize(
    ("sql", "short"),
    [
        (
            'SELECT "users_user"."id", "users_user"."email" FROM "users_user" WHERE "users_user"."id" = 1',
            "SELECT ... FROM users_user WHERE id = %s",
        ),
        ('SELECT COUNT(*) AS "__count" FROM "t"', "SELECT COUNT(*) AS __count FROM t"),
        ('INSERT INTO "t" ("a", "b") VALUES (1, 2)', "INSERT INTO t (...) VALUES (%s, %s)"),
        ("SELECT a FROM t JOIN u ON (t.id = u.id)", "SELECT a FROM t JOIN u ON (t.id = u.id)"),
        ("BEGIN", "BEGIN"),
        (
            'SELECT "t"."id", (SELECT U0."name" FROM "u" U0 ORDER BY U0."id" ASC LIMIT 1) AS "y" FROM "t"',
            "SELECT ... FROM t",
        ),
        (
            'SELECT "t"."id", EXTRACT(YEAR FROM "t"."created" AT TIME ZONE %s) AS "year" FROM "t"',
            "SELECT ... FROM t",
        ),
        ('SELECT "t"."a" AS "sent FROM (us", "t"."b" FROM "t"', "SELECT ... FROM t"),
        ("SELECT a IS DISTINCT FROM b AS differs, c FROM t", "SELECT ... FROM t"),
        ("SELECT pg_advisory_lock(%s), EXTRACT(YEAR FROM now())",) * 2,
    ],
)
def test_a_short_form_leaves_out_what_a_reader_skips(sql, short):
    """Long lists of columns go, and the name of the only table before each column."""
    assert shortened(statement_of(sql)) == short


@pytest.mark.parametrize(
    ("sql", "fingerprint"),
    [
        ("SELECT a FROM b WHERE c = 12 AND d IN (1,2, 3)", "SELECT a FROM b WHERE c = %s AND d IN (%s, ...)"),
        ("SELECT a FROM b LIMIT  5", "SELECT a FROM b LIMIT 5"),
        ("SELECT a FROM b WHERE c LIKE 'x, ' || 'y'", "SELECT a FROM b WHERE c LIKE %s || %s"),
        ("SELECT a FROM b WHERE c = 'it''s'", "SELECT a FROM b WHERE c = %s"),
        ("SELECT a FROM b WHERE c = N'x' AND d = E'y'", "SELECT a FROM b WHERE c = %s AND d = %s"),
        ("SELECT a FROM b WHERE c = E'it\\'s, 5'", "SELECT a FROM b WHERE c = %s"),
        ('SELECT "c = 5" FROM "b 1"', 'SELECT "c = 5" FROM "b 1"'),
        ('SELECT "c5" FROM b2 WHERE c5=5', "SELECT c5 FROM b2 WHERE c5=%s"),
        ("SELECT a FROM b WHERE c = 1.5 OR c = 1e5", "SELECT a FROM b WHERE c = %s OR c = %s"),
        ("SELECT a -- it's, 5\nFROM b WHERE c = 5", "SELECT a FROM b WHERE c = %s"),
        ("SELECT a FROM b WHERE c = %(1)s AND d > $1", "SELECT a FROM b WHERE c = %s AND d > %s"),
        (
            "SELECT a FROM b WHERE c = -1 AND d ->> 'e' = 'f'",
            "SELECT a FROM b WHERE c = %s AND d ->> %s = %s",
        ),
        ("SELECT a FROM b WHERE c = 'unfinished", "SELECT a FROM b WHERE c = %s"),
    ],
)
def test_values_written_into_the_text_are_found_wherever_they_are(sql, fingerprint):
    """The short cut for the obvious ones leads to where the long way does."""
    assert statement_of(sql).fingerprint == fingerprint
    assert statement_of(f"/**/ {sql}").fingerprint == fingerprint


@pytest.mark.parametrize(
    ("sql", "is_batched"),
    [
        ("SELECT a FROM t WHERE id IN (%s, %s)", True),
        ("SELECT a FROM t WHERE id IN (%s, %s) LIMIT 5", True),
        ("SELECT a FROM t WHERE (a, b) IN ((%s, %s), (%s, %s))", True),
        ("SELECT a FROM t WHERE (id = %s OR id = %s)", True),
        ("SELECT a FROM t WHERE id = ANY(%s)", True),
        ("SELECT a FROM t WHERE id IN (%s)", False),
        ("SELECT a FROM t WHERE b = %s AND id IN (%s, %s)", False),
        ("SELECT a FROM t WHERE id = ANY (%s) AND b = %s", False),
        ("UPDATE t SET a = CASE WHEN id = %s THEN %s ELSE %s END WHERE id IN (%s, %s)", True),
        ("UPDATE t SET a = CASE WHEN a IN (%s, %s) THEN %s END WHERE id = %s", False),
        ("UPDATE t SET a = CASE WHEN a IN (%s, %s) THEN %s END", True),
        ("DELETE FROM t WHERE id IN (%s, %s)", True),
        ("SELECT a AS b FROM t WHERE id IN (%s, %s) ORDER BY 1 ASC, 2 DESC", True),
        ("SELECT a FROM t WHERE id IN (%s, %s) GROUP BY 1", True),
        ("SELECT a FROM t WHERE id IN (%s, %s) AND b IN (1, c)", False),
        ("DELETE FROM t WHERE b = %s AND id IN (%s, %s)", False),
        ("INSERT INTO t (a) VALUES (%s), (%s) ON CONFLICT (a) DO UPDATE SET b = %s", True),
        ("INSERT INTO t (a) VALUES (%s)", False),
    ],
)
def test_a_list_is_a_batch_unless_there_are_other_values_beside_it(sql, is_batched):
    """A loop may go over those. Values that an UPDATE sets do not count."""
    assert statement_of(sql).is_batched is is_batched


def number_of_texts(*texts):
    """How many of these texts have values of their own."""
    return len({one for text in texts for one in with_literals(text, [7])})


def test_what_is_written_into_the_text_is_a_value():
    """Placeholders, comments, LIMIT and the OFFSET of a page are not values, the index of one row is."""
    assert number_of_texts("a = 1", "a = 2", "a = 'x'", "a = 2") == 3
    assert number_of_texts("a -- 1\n = 1", "a -- 2\n = 1", "a = $$1$$") == 2
    assert number_of_texts("a = %s LIMIT 1 OFFSET 5", "a = %s LIMIT 1 OFFSET 6", "a = %s LIMIT 1") == 3
    assert number_of_texts("a = %s LIMIT 5 OFFSET 5", "a = %s LIMIT 5 OFFSET 10", "a = %s") == 1
    assert number_of_texts("t1.a2 = $1", "t1.a2 = $2 /* 5 */", "t1.a2 = %(b)s /* it's */") == 1


def test_different_parameters_stay_different_with_literals():
    """Also -1 and -2, whose hashes are equal."""
    assert len(set(with_literals("a = 1", [-1, -2, 0, 1]))) == 4


@pytest.mark.parametrize(("sql", "offset"), [("SELECT 1 LIMIT 5 OFFSET 10", "10"), ("SELECT 1", "")])
def test_an_offset_is_read(sql, offset):
    """It is no part of the fingerprint."""
    assert offset_of(sql) == offset

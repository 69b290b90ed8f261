"""A statement is what it does to rows, wherever that is written."""

import pytest

from pytest_dbperf.sql.fingerprint import statement_of


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("WITH a AS (DELETE FROM t RETURNING id) SELECT * FROM a", ("delete",)),
        ("WITH a AS (SELECT 1), b AS (INSERT INTO t SELECT 1) SELECT * FROM b", ("insert",)),
        (
            "WITH a AS MATERIALIZED (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM a",
            ("insert", "delete"),
        ),
        ("WITH a AS (MERGE INTO t USING u ON 1 WHEN MATCHED THEN DELETE) SELECT 1", ("delete",)),
        (
            "WITH a AS (SELECT (SELECT 1)) MERGE INTO t USING a ON 1 WHEN MATCHED THEN UPDATE SET b = 1",
            ("update",),
        ),
        (
            "MERGE INTO t USING u ON a WHEN MATCHED THEN UPDATE SET a = CASE WHEN b THEN 1 END"
            " WHEN NOT MATCHED THEN INSERT (a) VALUES (1)",
            ("update", "insert"),
        ),
        ("MERGE INTO t USING u ON a WHEN MATCHED THEN DO NOTHING", ("other",)),
        ("TABLE t", ("select",)),
        ("VALUES (1)", ("select",)),
        ("REPLACE INTO t VALUES (1)", ("insert",)),
        ("SELECT 1; DELETE FROM t;", ("delete",)),
        ("(((", ("other",)),
        ("CALL f(); SELECT 1", ("other",)),
    ],
)
def test_the_kinds_are_all_that_it_writes(sql, kinds):
    """A read that deletes is a delete; the main statement comes first."""
    assert statement_of(sql).kinds == kinds
    assert statement_of(sql).kind == kinds[0]


@pytest.mark.parametrize(
    ("sql", "is_of_one"),
    [
        ("INSERT INTO t (a) VALUES (1)", True),
        ("INSERT INTO t (a) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM t)", True),
        ("INSERT INTO t (a) SELECT 1 FROM DUAL", True),
        ("INSERT INTO t DEFAULT VALUES", True),
        ("INSERT INTO t (a) SELECT b + 1 FROM u WHERE c = 1", False),
        ("INSERT INTO t TABLE u", False),
        ("INSERT INTO t (a) SELECT * FROM UNNEST(%s)", False),
        ("WITH a AS (DELETE FROM t WHERE id = 1 RETURNING id) SELECT count(*) FROM a WHERE 1 > 0", True),
        ("WITH a AS (DELETE FROM t WHERE id IN (1, 2) RETURNING id) SELECT count(*) FROM a", False),
        ("WITH a AS (DELETE FROM t WHERE b < 1 RETURNING *) INSERT INTO u SELECT * FROM a", False),
        ("WITH a AS (DELETE FROM t WHERE id = 1 RETURNING *) INSERT INTO u SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) UPDATE t SET b = 1 WHERE id = 1", True),
        ("MERGE INTO t USING (VALUES (1, f(2))) v ON t.id = v.id WHEN MATCHED THEN DELETE", True),
        ("MERGE INTO t USING (SELECT 1 AS id FROM DUAL) v ON t.id = v.id WHEN MATCHED THEN DELETE", True),
        ("MERGE INTO t USING (SELECT id FROM u) v ON t.id = v.id WHEN MATCHED THEN DELETE", False),
        ("MERGE INTO t USING (VALUES (1), (2)) v ON t.id = v.id WHEN MATCHED THEN DELETE", False),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", False),
        ("WITH a AS (DELETE FROM t WHERE id = 1", True),
    ],
)
def test_a_write_of_one_row_has_its_values(sql, is_of_one):
    """A statement that copies what it reads, or that has a list, may write many rows."""
    statement = statement_of(sql)

    assert (statement.is_of_values and not statement.is_batched) is is_of_one


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("MERGE INTO t a USING (VALUES (1)) v(id) ON a.id = v.id WHEN MATCHED THEN UPDATE SET b = 1", ("t",)),
        ("DELETE FROM t USING u b, v WHERE t.id = b.id", ("t", "u", "v")),
        ("DELETE FROM t USING (SELECT id FROM u) b, v WHERE t.id = b.id", ("t", "u", "v")),
        ("SELECT 1 FROM t JOIN u USING (id)", ("t", "u")),
        ("TABLE t", ("t",)),
        ("SELECT a FROM (TABLE t) b, LATERAL f(b.a), u", ("t", "u")),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ("t",)),
        ("WITH RECURSIVE a AS (SELECT 1 FROM b), c AS (SELECT 1 FROM c) SELECT * FROM a, c", ("b",)),
        ("WITH a (x) AS NOT MATERIALIZED (SELECT 1 FROM t) SELECT * FROM a", ("t",)),
        ("SELECT * FROM UNNEST(%s) WITH ORDINALITY AS a(b, c), t", ("t",)),
        ("UPDATE a SET b = 1 FROM t a", ("t",)),
        ("DELETE a FROM t AS a JOIN u ON true", ("t", "u")),
        ("UPDATE OR IGNORE t SET a = 1", ("t",)),
        ("UPDATE TOP (5) t SET a = 1", ("t",)),
        ("INSERT t (a) VALUES (1)", ("t",)),
        ("SELECT a FROM x..t", ("t",)),
        ("SELECT a FROM x.", ()),
        ('SELECT a FROM "od""d", [t]', ('od"d', "t")),
        ("INSERT INTO t (a) VALUES (1) RETURNING a INTO %s", ("t",)),
        ("FETCH 10 FROM a", ()),
        ("COPY t (a) FROM STDIN", ("t",)),
        ("COPY (SELECT a FROM t) TO STDOUT", ("t",)),
        ("CREATE UNIQUE INDEX a ON t (lower(b))", ("t",)),
        ("CREATE TABLE t (a int REFERENCES u (id) ON UPDATE CASCADE)", ("t", "u")),
        ("TRUNCATE t, u", ("t", "u")),
        (")", ()),
        ("WITH RECURSIVE a nonsense AS (SELECT 1 FROM t) SELECT 1", ("t",)),
    ],
)
def test_a_table_is_found_wherever_it_is_named(sql, tables):
    """In MERGE, USING, TABLE, COPY and definitions; aliases and names of WITH are none."""
    assert statement_of(sql, "microsoft" if "[" in sql else "").tables == tables

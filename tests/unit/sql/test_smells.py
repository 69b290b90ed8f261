"""Some mistakes show in the SQL and the parameters of a statement."""

import pytest

from pytest_dbperf.sql.smells import smells_of

WILDCARD = "LIKE with a leading wildcard cannot use a B-tree index"
CHANCE = "LIMIT without ORDER BY returns arbitrary rows"


class Touchy(str):
    """A string whose methods raise an error."""

    __slots__ = ()

    def startswith(self, *_):
        raise AssertionError("a method was called")

    __eq__ = __hash__ = __repr__ = startswith


@pytest.mark.parametrize(
    "sql, parameters",
    [
        ("SELECT a FROM t WHERE a LIKE '%x'", None),
        ("SELECT a FROM t WHERE a LIKE '_x'", None),
        ("SELECT a FROM t WHERE a LIKE E'%x'", None),
        ("SELECT a FROM t WHERE a LIKE '%%x' AND b = %s", (1,)),
        ("SELECT a FROM t WHERE b = %s AND a::text LIKE %s", (1, "%x%")),
        ("SELECT a FROM t WHERE b = %s AND a NOT LIKE %s", (1, "%x%")),
        ("SELECT a FROM t WHERE UPPER(a::text) LIKE UPPER(%s)", ("%X%",)),
        ("SELECT a FROM t WHERE a LIKE (%s)", ("%X%",)),
        ("SELECT a FROM t WHERE a LIKE %(a)s", {"a": "%X%"}),
        ("SELECT a FROM t WHERE a LIKE '%%' || REPLACE(b, %s, %s) || '%%'", ("%", "\\%")),
        ("SELECT a FROM t WHERE a LIKE %s", (Touchy("%x"),)),
        ("UPDATE t SET a = 1 WHERE a LIKE %s", ("%",)),
    ],
)
def test_a_leading_wildcard_is_found(sql, parameters):
    """In the text, in the parameters, and within a function."""
    assert smells_of(sql, parameters) == [WILDCARD]


@pytest.mark.parametrize(
    "sql, parameters",
    [
        ("SELECT a FROM t WHERE a LIKE 'x%'", None),
        ("SELECT a FROM t WHERE a LIKE '\\%x'", None),
        ("SELECT a FROM t WHERE a LIKE %s AND b = %s", ("x%", "%")),
        ("SELECT a FROM t WHERE a LIKE b AND c = %s", ("%",)),
        ("SELECT a FROM t WHERE a LIKE %s", None),
        ("SELECT a FROM t WHERE a LIKE %s", ()),
        ("SELECT a FROM t WHERE a LIKE %s", {"a": "%"}),
        ("SELECT a FROM t WHERE a LIKE %(a)s", ("%",)),
        ("SELECT a FROM t WHERE a LIKE %(a)s", {}),
        ("SELECT a FROM t WHERE a LIKE ANY (%s)", (["%x"],)),
        ("SELECT a FROM t WHERE a LIKE $1", (1,)),
        ("SELECT a FROM t WHERE a LIKE 12", None),
        ("SELECT a FROM t WHERE a = '%x' /* LIKE '%x' */", None),
        ("SELECT a FROM t WHERE a = 'LIKE' -- '%x'", None),
        ("SELECT a FROM t WHERE a LIKE", None),
    ],
)
def test_other_patterns_are_none(sql, parameters):
    """Patterns with a known beginning or an unknown one, and text that only looks like a pattern."""
    assert smells_of(sql, parameters) == []


def test_ilike_is_named_as_it_is_written():
    """ILIKE exists only on PostgreSQL."""
    assert smells_of("SELECT a FROM t WHERE a ilike %s", ("%x",))[0].startswith("ILIKE with a leading")


@pytest.mark.parametrize(
    "sql, parameters, count",
    [
        ("SELECT a FROM t ORDER BY a LIMIT 5 OFFSET 1001", (), 1),
        ("SELECT a FROM t ORDER BY a OFFSET %s", (1001,), 1),
        ("SELECT a FROM t ORDER BY a OFFSET 1000", (), 0),
        ("SELECT a FROM t ORDER BY a OFFSET %s", (True,), 0),
        ("SELECT a FROM t ORDER BY a OFFSET", (), 0),
    ],
)
def test_a_large_offset_is_found(sql, parameters, count):
    """Over 1,000, in the text or in the parameters."""
    assert (
        smells_of(sql, parameters)
        == ["OFFSET 1,001 makes the database read 1,001 rows and discard them"] * count
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t LIMIT 5",
        "SELECT 1 AS b, a FROM t LIMIT 5",
        "SELECT a FROM t WHERE b IN (SELECT b FROM u ORDER BY b) LIMIT 5",
        "SELECT a FROM t WHERE b IN (SELECT b FROM u LIMIT 5)",
        "SELECT a FROM t WHERE b IN (SELECT b FROM u LIMIT 5) ORDER BY a",
        "SELECT (SELECT b FROM u LIMIT 1) FROM t",
        "SELECT SUM(a) FROM (SELECT a FROM t LIMIT 5) s",
        "SELECT COUNT(*) FROM t GROUP BY a LIMIT 5",
        "(SELECT a FROM t) UNION (SELECT a FROM u) LIMIT 5",
        "WITH c AS (SELECT 1) SELECT a FROM c LIMIT 1",
        "SELECT a FROM t) LIMIT 5",
        "SELECT a FROM t LIMIT ALL OFFSET 5",
        "SELECT a FROM t LIMIT 0, 5",
    ],
)
def test_a_limit_without_an_order_is_found(sql):
    """In the query itself and in its subqueries."""
    assert smells_of(sql) == [CHANCE]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t ORDER BY a LIMIT 5",
        "SELECT a FROM t WHERE a = %s LIMIT 21",
        'SELECT 1 AS "a" FROM t WHERE b = %s LIMIT 1',
        'SELECT %s AS "a" FROM t WHERE b = %s LIMIT 1',
        "SELECT 1 FROM t LIMIT 1",
        'SELECT a FROM t WHERE EXISTS(SELECT 1 AS "a" FROM u LIMIT 1)',
        "SELECT COUNT(*) FROM (SELECT a FROM t LIMIT 5) s",
        "SELECT COUNT(*) FROM t LIMIT 1",
        "SELECT a FROM t WHERE a IN (SELECT b FROM u ORDER BY b LIMIT 5)",
        'SELECT a FROM t WHERE "LIMIT" = 1',
        "SELECT a FROM t LIMIT",
        "SELECT a FROM t LIMIT 0",
        "SELECT a FROM t LIMIT 5, 0",
        "WITH c AS (SELECT a FROM t LIMIT 0) SELECT a FROM c ORDER BY a",
        "SELECT a FROM t LIMIT ALL",
        "SELECT a FROM t LIMIT NULL",
        "SELECT a FROM t LIMIT -1",
        "SELECT now() LIMIT 1",
        "",
    ],
)
def test_a_limit_that_leaves_nothing_to_chance_is_none(sql):
    """With an order, in Django's get() and exists(), or where any rows give the same result."""
    assert smells_of(sql) == []


@pytest.mark.parametrize("rows, found", [(0, []), (5, [CHANCE]), (None, [CHANCE]), (False, [CHANCE])])
def test_a_limit_may_be_a_parameter(rows, found):
    """Zero rows have no order; of an unknown number nothing is assumed."""
    assert smells_of("SELECT a FROM t LIMIT %s", (rows,)) == found


@pytest.mark.parametrize(
    "sql, smell",
    [
        ("DELETE FROM t", "DELETE without WHERE deletes all rows"),
        ("UPDATE t SET a = (SELECT b FROM u WHERE c = 1)", "UPDATE without WHERE changes all rows"),
        ("WITH c AS (SELECT 1) UPDATE t SET a = 1", "UPDATE without WHERE changes all rows"),
        ("WITH c AS (DELETE FROM t RETURNING a) SELECT a FROM c", "DELETE without WHERE deletes all rows"),
    ],
)
def test_writing_to_a_whole_table_is_found(sql, smell):
    """Within a query, too."""
    assert smells_of(sql) == [smell]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t WHERE a = 1",
        "UPDATE t SET a = 1 WHERE b = 1",
        "SELECT a FROM t FOR UPDATE",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1",
        "WITH c AS (SELECT 1) INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET b = 1",
        "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE)",
        "WITH",
    ],
)
def test_other_writing_is_none(sql):
    """With a condition, or in another statement."""
    assert smells_of(sql) == []


def test_a_smell_is_told_once_and_several_together():
    """Each smell is one line."""
    sql = "SELECT a FROM t WHERE a LIKE '%x' OR b LIKE '%y' LIMIT 5"

    assert smells_of(sql) == [WILDCARD, CHANCE]

"""The conditions of a query: can it be asked for many values at once, and which columns does it filter by?"""

import pytest

from pytest_dbperf.sql.conditions import asks_by_equality, filtered_columns


@pytest.mark.parametrize(
    "condition",
    [
        "b = %s",
        "(b = %s)",
        "t.b = %s",
        '"t x"."b y" = %s',
        "`t x`.b = %s",
        "b = %s::uuid",
        "b IN (%s)",
        "b = %s LIMIT 21",
        "b = %s ORDER BY c ASC LIMIT 1",
        "b = %s FOR UPDATE",
        "b = %s GROUP BY c",
        "(b = %s AND c = %s)",
        "(b = %s AND (c IS NOT NULL AND NOT d))",
        "(b = %s AND published <= CURRENT_TIMESTAMP)",
        "(b = %s AND c IN (%s, ...))",
        "(b = %s AND c = ANY(%s))",
        '(b = %s AND "AND" IS NULL)',
    ],
)
def test_equal_values_of_columns_can_be_listed(condition):
    """Beside them may stand conditions without a value, and lists."""
    assert asks_by_equality(f"SELECT a, (SELECT c FROM u WHERE d > %s) FROM t WHERE {condition}")


@pytest.mark.parametrize(
    "condition",
    [
        "b > %s",
        "(tree = %s AND lft <= %s AND rght >= %s)",
        "(depth = %s AND path BETWEEN %s AND %s)",
        "(depth = %s AND path LIKE %s)",
        "UPPER(b::text) = UPPER(%s)",
        "EXTRACT(YEAR FROM b) = %s",
        "(data -> %s) = %s",
        "(b = %s OR c = %s)",
        "b = %s OR c = %s",
        "(b = %s AND NOT (c = %s))",
        "b <> %s",
        "b IN (%s, ...)",
        "b IS NULL",
        "b = %s LIMIT 5",
        "b = %s ORDER BY c LIMIT 3",
        "b = %s UNION SELECT a FROM u WHERE b = %s",
        "b = %s GROUP BY c HAVING COUNT(*) > %s",
        "EXISTS(SELECT %s AS a FROM u WHERE u.b = %s)",
        "lft = (rght - %s)",
        "",
    ],
)
def test_a_range_or_an_expression_cannot_be_listed(condition):
    """Nor can OR, NOT, a pattern, the first rows of each value, or a query without any value."""
    assert not asks_by_equality(f"SELECT a FROM t WHERE {condition}")


@pytest.mark.parametrize("sql", ["SELECT a FROM t", "(SELECT a FROM t WHERE b = %s) UNION (SELECT 1)"])
def test_a_query_without_a_condition_of_its_own_cannot_be_listed(sql):
    """There is nothing that IN could take the place of."""
    assert not asks_by_equality(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, path, depth, numchild FROM t WHERE path = %s LIMIT 21",
        "SELECT t.id, t.lft, t.rght, t.tree_id FROM t WHERE (parent_id IS NULL AND t.tree_id = %s)",
    ],
)
def test_the_columns_of_a_tree_cannot_be_listed(sql):
    """The methods of django-treebeard and django-mptt ask for one node. Its other columns are as any."""
    assert not asks_by_equality(sql)
    assert asks_by_equality(sql.replace("path = ", "name = ").replace("t.tree_id = ", "name = "))
    assert asks_by_equality("SELECT id FROM file WHERE path = %s")


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("b = %s LIMIT 21", ("b",)),
        ("(t.b = %s AND u.c LIKE %s AND NOT (t.order IN (%s, ...)))", ("b", "order", "u.c")),
        ("b IS NULL AND c NOT IN (%s) AND d BETWEEN %s AND %s", ("b", "c", "d")),
        ("UPPER(t.b::text) = UPPER(%s)", ("b",)),
        ("EXTRACT(YEAR FROM b) = %s", ("b",)),
        ("(b -> %s) = %s AND c::int >= %s", ("b", "c")),
        ('t."a b" = %s AND `t`.`order` > %s', ("a b", "order")),
        ("public.t.b = %s AND my.lower(%s) = t.c", ("b", "c")),
        ("CASE WHEN b = %s THEN %s END = %s", ("b",)),
        ("t.id IN (SELECT U0.id FROM u U0 WHERE (U0.x = %s)) AND t.b = %s", ("b", "id")),
        ("EXISTS(SELECT %s AS a FROM u WHERE u.x = (t.id))", ()),
        ("b in (select x from u where c = %s) and not d is null", ("b", "d")),
        ("b IN (SELECT x", ("b",)),
        ("active", ()),
    ],
)
def test_the_columns_are_those_of_the_outermost_condition(condition, columns):
    """Columns of another table have its name, and those of a subquery are its own."""
    assert filtered_columns(f"SELECT (SELECT c FROM u WHERE d > %s) FROM t WHERE {condition}", "t") == columns


def test_a_query_of_all_rows_filters_by_no_column():
    """It has no WHERE."""
    assert filtered_columns("SELECT t.a FROM t ORDER BY t.b", "t") == ()

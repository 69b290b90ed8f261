"""What one loop may write differently."""

import pytest

from pytest_dbperf.sql.shapes import shape_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a, b FROM t WHERE id = %s", "SELECT c FROM t WHERE id = %s"),
        ("SELECT a AS b FROM t ORDER BY %s ASC", "SELECT a, b FROM t ORDER BY b ASC"),
        ("SELECT a AS b FROM t ORDER BY %s ASC LIMIT 1", "SELECT a, b FROM t ORDER BY b ASC LIMIT 1"),
        ("SELECT DISTINCT a FROM t WHERE id = %s", "SELECT a FROM t WHERE id = %s"),
        ("SELECT a FROM t ORDER BY id LIMIT 1 OFFSET %s", "SELECT a FROM t ORDER BY id LIMIT 1"),
        ("SELECT a FROM t WHERE id IN (%s, ...)", "SELECT a FROM t WHERE id IN (%s)"),
    ],
)
def test_columns_an_index_and_the_length_of_a_list_may_differ(one, other):
    """Both have one shape."""
    assert shape_of(one) == shape_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE id = %s", "SELECT COUNT(*) FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE id = %s", "SELECT %s AS a FROM t WHERE id = %s"),
        ("SELECT a FROM t WHERE id = %s", "SELECT a FROM u WHERE id = %s"),
        ("SELECT a FROM t WHERE a = %s", "SELECT a FROM t WHERE b = %s"),
        ("SELECT a FROM t LIMIT 5 OFFSET %s", "SELECT a FROM t LIMIT 5"),
        ("SELECT a FROM t", "UPDATE t SET a = %s"),
    ],
)
def test_other_questions_have_other_shapes(one, other):
    """An aggregate, other tables or other conditions do not come from one line of a loop."""
    assert shape_of(one) != shape_of(other)

"""Which values of a statement a loop would go over."""

import pytest

from pytest_dbperf.sql.asked import asked, is_page, is_page_of_values, mark_of, marked, without_mark
from pytest_dbperf.sql.fingerprint import statement_of


@pytest.mark.parametrize(
    ("sql", "parameters", "values", "first"),
    [
        ("b = %s AND id IN (%s, %s) AND c = %s", (1, 2, 3, 4), (1, 4), (2,)),
        ("id = ANY(%s) AND b = %s", ([1, 2], 3), (3,), ([1, 2],)),
        ("id IN (%s, %s)", (1, 2), (1, 2), (1,)),
        ("id IN (%s, %s) AND c = %s", [1, 2, 3], (3,), (1,)),
        ("id IN (%s, %s) AND b IN (%s, %s)", (1, 2, 3, 4), (1, 2, 3, 4), (1,)),
        ("id IN (%s, %s) AND c LIKE '%%s%s'", (1, 2), (1, 2), ()),
        ("b = %s AND id > %s LIMIT 100", (1, 2), (1,), ()),
        ("b = %s AND (b > %s OR id < %s) LIMIT 1", (1, 2, 3), (1, 2, 3), ()),
        ("id > %s AND (a, b) < (%s, %s) LIMIT 100", (1, 2, 3), (1, 2, 3), ()),
        ("c = %s AND (a, b) < (%s, %s) LIMIT 100", (1, 2, 3), (1,), ()),
        ("c = %s AND (a > %s OR (a = %s AND id > %s)) LIMIT 100", (1, 2, 2, 3), (1,), ()),
        (
            '"t"."c" = %s AND ("t"."a" < %s OR ("t"."a" = %s AND "t"."id" < %s)) LIMIT 5',
            (1, 2, 2, 3),
            (1,),
            (),
        ),
        ("`c` = %s AND c IN (%s, %s) AND `id` > %s LIMIT 100", (1, 2, 3, 4), (1,), (2,)),
        ("c <> %s AND id >= (%s) LIMIT 100", (1, 2), (1,), ()),
        ("c @> %s AND d ->> %s AND e -> %s AND f != %s LIMIT 100", (1, 2, 3, 4), (1, 2, 3, 4), ()),
    ],
)
def test_the_members_of_lists_and_the_key_of_a_page_are_left_out_beside_other_values(
    sql, parameters, values, first
):
    """If they cannot be matched to the text, all are kept."""
    assert asked(sql, parameters) == (values, first)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t WHERE id > %s ORDER BY id LIMIT 100", "page"),
        ("SELECT a FROM t WHERE (a, b) < (%s, %s) ORDER BY a, b LIMIT 100", "page"),
        ("SELECT a FROM t WHERE (a > %s OR (a = %s AND b > %s)) ORDER BY a, b LIMIT 100", "page"),
        ("SELECT a FROM t ORDER BY id LIMIT 100 OFFSET 100", "page"),
        ("SELECT a FROM t WHERE b >= %s LIMIT 100", "page"),
        ("SELECT a FROM t WHERE b = %s AND id > %s LIMIT 100", "page of values"),
        ("SELECT a FROM t WHERE b = %s AND (a, b) < (%s, %s) LIMIT 100", "page of values"),
        ("SELECT a FROM t WHERE b = %s LIMIT 100 OFFSET 100", "neither"),
        ("SELECT a FROM t WHERE b = %s LIMIT 100", "neither"),
        ("SELECT a FROM t WHERE id > %s", "neither"),
        ("SELECT a FROM t WHERE id > %s LIMIT 1", "neither"),
        ("SELECT a FROM t WHERE id > %s LIMIT 21", "neither"),
        ("SELECT a FROM t WHERE b = %s AND id > %s LIMIT 1", "neither"),
        ("SELECT a FROM t WHERE id > %s ORDER BY id LIMIT 21", "page"),
        ("SELECT a FROM t WHERE b = %s AND id > %s ORDER BY id ASC LIMIT 21", "page of values"),
        ("SELECT a FROM t WHERE id > %s ORDER BY id LIMIT 1", "neither"),
        ("SELECT a FROM t WHERE b <> %s LIMIT 100", "neither"),
        ("SELECT a FROM t WHERE b -> %s LIMIT 100", "neither"),
    ],
)
def test_the_next_rows_after_some_are_a_page(sql, expected):
    """By OFFSET or by the key of the row before, of all rows or of those that have a value."""
    assert is_page(sql) is (expected == "page")
    assert is_page_of_values(sql) is (expected == "page of values")
    statement = statement_of(sql)
    assert (statement.is_page, statement.is_page_of_values) == (is_page(sql), is_page_of_values(sql))


@pytest.mark.parametrize("own", [7, -7, 2**62, -(2**62)])
def test_a_mark_is_put_into_a_hash_and_taken_out(own):
    """Both halves stay as they were, and the whole fits into 64 bits."""
    first = 0x7123 << 48
    both = marked(own, first | 99)

    assert mark_of(both) == mark_of(first)
    assert without_mark(both) == without_mark(own)
    assert -(2**63) <= both < 2**63

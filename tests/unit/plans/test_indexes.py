"""The condition of a filter, as PostgreSQL writes it, gives the keys of an index."""

import pytest

from pytest_dbperf.plans.indexes import EQUAL, PREFIX, RANGE, Key, candidates
from pytest_dbperf.sql.plan import UnservedFilter


def keys_of(condition):
    """The candidates for a filter of a table `t`."""
    return candidates(UnservedFilter("public", "t", "t", condition))


@pytest.mark.parametrize(
    "condition, key",
    [
        ("(t.a = 1)", Key("a", EQUAL)),
        ("((t.a)::text = 'x'::text)", Key("a", EQUAL)),
        ("((t.a)::text = 'x = (y) AND t.b'::text)", Key("a", EQUAL)),
        ('(t."order" = 1)', Key('"order"', EQUAL)),
        ('(t."kind of order" = 1)', Key('"kind of order"', EQUAL)),
        ("(t.a = ANY ('{1,2}'::integer[]))", Key("a", EQUAL)),
        ("(t.a = u.b)", Key("a", EQUAL)),
        ("(t.a IS NULL)", Key("a", EQUAL)),
        ("(t.a IS NOT NULL)", Key("a", RANGE)),
        ("t.a", Key("a", EQUAL)),
        ("(NOT t.a)", Key("a", EQUAL)),
        ("(t.a >= '2026-01-01 00:00:00+00'::timestamp with time zone)", Key("a", RANGE)),
        ("((t.a)::double precision < '1'::double precision)", Key("a", RANGE)),
        ("((t.a)::text ~~ 'x%'::text)", Key("a", PREFIX)),
        ("(upper((t.a)::text) = 'X'::text)", Key("a", EQUAL, "upper")),
        ("(lower(t.a) ~~ 'x%'::text)", Key("a", PREFIX, "lower")),
    ],
)
def test_one_condition_makes_one_key(condition, key):
    """The key is for one value, a range or the beginning of a text, of a column or a function of it."""
    assert keys_of(condition) == [(key,)]


@pytest.mark.parametrize(
    "condition",
    [
        "(t.a <> 1)",
        "((t.a)::text !~~ 'x%'::text)",
        "((t.a)::text ~~ '%x'::text)",
        "((t.a)::text ~~ E'_x'::text)",
        "(t.a = t.b)",
        "(t.a = t.a)",
        "((t.a = 1) OR (t.b = 2))",
        "((t.a + 1) = 2)",
        "(length((t.a)::text) > 2)",
        "(5 = t.a)",
        "(NOT (t.a = 1))",
        "(t.a @> '{1}'::integer[])",
        "(u.a = 1)",
        "((t.a + 1) IS NULL)",
    ],
)
def test_what_a_b_tree_does_not_serve_makes_none(condition):
    """Nor does a condition that cannot be parsed with certainty."""
    assert keys_of(condition) == []


def test_what_is_equal_comes_first_and_then_one_range():
    """In a B-tree, a second range narrows nothing further."""
    condition = "((t.r > 1) AND (t.s < 2) AND (t.a = 1) AND ((t.b)::text = ' AND '::text) AND (t.r < 5))"
    a, b, r, s = Key("a", EQUAL), Key("b", EQUAL), Key("r", RANGE), Key("s", RANGE)

    assert keys_of(condition) == [(a, b, r), (a,), (b,), (r,), (s,)]


def test_a_range_of_what_is_equal_anyway_is_left_out():
    """`a = 1 AND a IS NOT NULL` is one column."""
    assert keys_of("((t.a IS NOT NULL) AND (t.a = 1))")[0] == (Key("a", EQUAL),)


def test_functions_and_beginnings_have_an_index_of_their_own():
    """They are tried when no plain column serves."""
    condition = "((upper(t.b) = 'X'::text) AND (t.a = 1))"

    assert keys_of(condition) == [(Key("a", EQUAL),), (Key("b", EQUAL, "upper"),)]

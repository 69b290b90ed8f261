"""Growth with the rows is found group by group."""

from pathlib import Path

import pytest

from pytest_dbperf.growth.comparison import growths, shape_of, steepest_step, violation_of
from pytest_dbperf.recording.connections import Why
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.violations.text import explain
from tests.factories import hop, new_connection, query, recording, request, site

VIEW, SERIALIZER = site("view", line=40), site("serialize", line=31)
AUTHOR = "SELECT name FROM author WHERE id = %s"
BOOKS = "SELECT id, title FROM book"


def recordings_of(*events_by_scale, scales=(2, 5)):
    """Recordings of these events, by scale."""
    return [(scale, recording(*events)) for scale, events in zip(scales, events_by_scale, strict=True)]


def growth_of(*events_by_scale, scales=(2, 5), slope=0):
    """The measure, the counts and the slope of each group that grew."""
    grown = growths(recordings_of(*events_by_scale, scales=scales), slope)
    return [(growth.measure, growth.counts, growth.slope) for growth in grown]


def test_a_query_a_row_grows_by_one():
    """A query that runs once for all rows does not grow."""
    few = [query(BOOKS), *[query(AUTHOR)] * 2]
    many = [query(BOOKS), *[query(AUTHOR)] * 5]

    assert growth_of(few, many) == [("queries", (2, 5), 1.0)]


def test_the_same_number_is_no_growth():
    """A large number is no growth."""
    assert growth_of([query()] * 50, [query()] * 50) == []


def test_fewer_for_more_rows_is_no_growth():
    """A cache that fills may cause that."""
    assert growth_of([query()] * 5, [query()] * 2) == []


def test_groups_are_compared_and_not_totals():
    """A group that shrinks does not hide one that grows."""
    few = [*[query(AUTHOR)] * 2, *[query(BOOKS)] * 5]
    many = [*[query(AUTHOR)] * 5, *[query(BOOKS)] * 2]

    assert growth_of(few, many) == [("queries", (2, 5), 1.0)]


def test_a_group_at_one_scale_only_grew_from_zero():
    """Its count at the other scale is zero."""
    assert growth_of([], [query()] * 3) == [("queries", (0, 3), 1.0)]
    assert growth_of([query()] * 3, []) == []


def test_the_request_makes_no_difference():
    """Each scale has requests of its own."""
    few = [query(AUTHOR, path=[VIEW], request=request(1))] * 2
    many = [query(AUTHOR, path=[VIEW], request=request(2))] * 2

    assert growth_of(few, many) == []


@pytest.mark.parametrize("difference", [{"using": "other"}, {"path": [SERIALIZER, VIEW]}, {"sql": BOOKS}])
def test_alias_call_path_and_statement_make_groups(difference):
    """A group at the larger scale is not the one that is only at the smaller scale."""
    same = {"sql": AUTHOR, "path": [VIEW]}
    few, many = [query(**same)], [query(**{**same, **difference})]

    assert growth_of(few, many) == [("queries", (0, 1), pytest.approx(1 / 3))]


def test_a_recursion_is_one_group_at_any_depth():
    """The rows may decide the depth."""
    few = [query(path=[SERIALIZER, VIEW])]
    many = [query(path=[SERIALIZER, SERIALIZER, SERIALIZER, VIEW])]

    assert growth_of(few, many) == []


def test_hops_and_connections_grow_like_queries():
    """Hops are grouped by function, connections by reason, both by call path; the steepest is first."""
    few = [hop(path=[VIEW]), new_connection(path=[VIEW])]
    many = [
        *[hop(path=[VIEW])] * 4,
        *[new_connection(path=[VIEW])] * 7,
        hop("other", path=[VIEW], origin="django"),
        new_connection(path=[VIEW], why=Why.CLOSED),
    ]

    assert growth_of(few, many, slope=0.5) == [
        ("connections", (1, 7), 2.0),
        ("thread hops", (1, 4), 1.0),
    ]


def test_the_slope_allows_so_many_a_row():
    """The exact slope is allowed, and rounding errors do not matter."""
    few, many = [query()] * 2, [query()] * 5

    assert growth_of(few, many, slope=1) == []
    assert growth_of([], [query()] * 3, scales=(0, 10), slope=0.3) == []
    assert growth_of(few, many, slope=0.99) == [("queries", (2, 5), 1.0)]


@pytest.mark.parametrize(
    "scales, counts, slope",
    [
        ((2, 5), (2, 5), 1.0),
        ((2, 5, 10), (3, 3, 3), 0.0),
        ((2, 5, 10), (2, 5, 5), 1.0),
        ((2, 5, 10), (5, 2, 5), 0.6),
        ((100, 200), (1, 2), 0.01),
        ((2, 5), (5, 2), -1.0),
    ],
)
def test_the_steepest_step_counts(scales, counts, slope):
    """Growth ends once a page is full, so an average would hide it."""
    assert steepest_step(scales, counts) == slope


@pytest.mark.parametrize(
    "short, long",
    [
        ("SELECT a FROM t WHERE id IN (%s)", "SELECT a FROM t WHERE id IN (%s, %s, %s)"),
        ("INSERT INTO t (a, b) VALUES (%s, %s)", "INSERT INTO t (a, b) VALUES (%s, %s), (%s, %s), (%s, %s)"),
        (
            "INSERT INTO t (a, b) VALUES (%s, %s) RETURNING id",
            "INSERT INTO t (a, b) SELECT * FROM UNNEST((%s)::varchar(50)[], (%s)::integer[]) RETURNING id",
        ),
        (
            "INSERT INTO t (a, b) VALUES (%s, DEFAULT)",
            "INSERT INTO t (a, b) VALUES (%s, DEFAULT), (%s, DEFAULT)",
        ),
        (
            "UPDATE t SET a = CASE WHEN (t.id = %s) THEN %s ELSE NULL END WHERE t.id IN (%s)",
            "UPDATE t SET a = CASE WHEN (t.id = %s) THEN %s WHEN (t.id = %s) THEN %s ELSE NULL END "
            "WHERE t.id IN (%s, %s)",
        ),
        (
            "SELECT a FROM t WHERE (a = %s AND b = %s)",
            "SELECT a FROM t WHERE ((a = %s AND b = %s) OR (a = %s AND b = %s) OR (a = %s AND b = %s))",
        ),
        (
            "SELECT a FROM t WHERE (a, b) IN ((%s, %s))",
            "SELECT a FROM t WHERE (a, b) IN ((%s, %s), (%s, %s))",
        ),
        ("(SELECT a FROM t)", "(SELECT a FROM t) UNION ALL (SELECT a FROM t)"),
    ],
)
def test_a_statement_for_more_rows_has_the_same_shape(short, long):
    """The length of its lists makes no difference."""
    assert shape_of(statement_of(short).fingerprint) == shape_of(statement_of(long).fingerprint)


@pytest.mark.parametrize(
    "one, other",
    [
        ("SELECT a FROM t", "SELECT b FROM t"),
        ("SELECT a FROM t", "SELECT a FROM u"),
        ("SELECT a FROM t WHERE a = %s", "SELECT a FROM t WHERE b = %s"),
        ("SELECT a FROM t", "SELECT a FROM t LIMIT 21"),
        ("SELECT a FROM t", "SELECT a FROM t UNION SELECT a FROM u"),
        ("INSERT INTO t (a) VALUES (%s)", "INSERT INTO t (a) VALUES (%s) RETURNING id"),
        ("INSERT INTO t (a) VALUES (%s)", "INSERT INTO t (b) VALUES (%s)"),
    ],
)
def test_other_statements_have_other_shapes(one, other):
    """Other columns, tables or conditions make a difference."""
    assert shape_of(statement_of(one).fingerprint) != shape_of(statement_of(other).fingerprint)


def text_of(*events_by_scale, scales=(2, 5), slope=0):
    """The text of the failure."""
    violation = violation_of(recordings_of(*events_by_scale, scales=scales), slope)
    return explain([violation.placed_as("assert_constant")], Path())


def test_nothing_grew():
    """Then there is no violation."""
    assert violation_of(recordings_of([query()], [query()]), 0) is None


def test_the_failure_shows_what_grew_and_by_how_much():
    """The rate and the limit come first, then each group with its counts and call path."""
    page = {"path": [SERIALIZER, VIEW], "request": request()}
    assert text_of(
        [query(BOOKS), *[query(AUTHOR, **page)] * 2],
        [query(BOOKS), *[query(AUTHOR, **page)] * 5],
    ) == [
        "queries grow 1.0 > 0 a row (2 -> 5)   assert_constant   GET /api/campaigns/",
        "",
        "    5x  SELECT name FROM author WHERE id = %s   2 -> 5, 1.0 a row",
        "        campaigns/api.py:31 serialize  <- campaigns/api.py:40 view",
    ]


def test_the_failure_has_all_measures_that_grew():
    """The headline has the steepest group of each measure."""
    lines = text_of(
        [hop(), query(AUTHOR)],
        [*[hop()] * 2, *[query(AUTHOR)] * 4, *[query(BOOKS)] * 6, *[new_connection(using=None)] * 3],
        [*[hop()] * 3, *[query(AUTHOR)] * 7, *[query(BOOKS)] * 9, *[new_connection(using=None)] * 3],
        scales=(2, 5, 8),
        slope=0.25,
    )

    assert lines[0] == (
        "queries grow 2.0 > 0.25 a row (0 -> 6 -> 9), thread hops grow 0.33 > 0.25 a row (1 -> 2 -> 3), "
        "connections grow 1.0 > 0.25 a row (0 -> 3 -> 3)   assert_constant"
    )
    assert [line for line in lines if "x  " in line] == [
        "    9x  SELECT id, title FROM book   0 -> 6 -> 9, 2.0 a row",
        "    7x  SELECT name FROM author WHERE id = %s   1 -> 4 -> 7, 1.0 a row",
        "    3x  psycopg without a Django alias: first use in its thread   0 -> 3 -> 3, 1.0 a row",
        "    3x  sync_to_async(load)   1 -> 2 -> 3, 0.33 a row",
    ]


@pytest.mark.parametrize(
    "counts, slope, shown",
    [((1, 2), 0.333, "0.3333 > 0.333"), ((1, 2), 0.33, "0.333 > 0.33"), ((1, 2), 0, "0.33 > 0")],
)
def test_a_rate_is_not_rounded_down_to_the_limit(counts, slope, shown):
    """`0.33 > 0.33` would make no sense."""
    lines = text_of(*([query()] * count for count in counts), slope=slope)

    assert lines[0].startswith(f"queries grow {shown} a row")


def test_advice_is_about_what_grew():
    """Hops in a row could be one hop, and connections have a reason."""

    def chain(length):
        return [
            hop(number=number, part="orm", follows=number - 1, path=[VIEW]) for number in range(1, length)
        ]

    lines = text_of(
        [*chain(3), new_connection()],
        [*chain(6), *[new_connection(thread=f"t{number}") for number in range(4)]],
    )

    assert lines[-2:] == [
        "  fix   make these calls in one sync_to_async function, 5 -> 1 hops: campaigns/api.py:40 view",
        "  why   4 threads: Django opens a connection for each",
    ]

"""The filters of a partitioned table are those of one table, however many partitions PostgreSQL reads."""

from pathlib import Path

import pytest
from django.db import connection

from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.plans.explain import plans_of
from shop.models import Book

pytestmark = [pytest.mark.usefixtures("postgres"), pytest.mark.django_db]
HOME = Path(__file__).parents[2]

COLUMNS = "(id int, author_id int NOT NULL, title text, sold date, is_new boolean)"
SALES = f"""
CREATE TABLE sale {COLUMNS} PARTITION BY LIST (author_id);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES IN (1);
CREATE TABLE sale_2 PARTITION OF sale FOR VALUES IN (2) PARTITION BY RANGE (sold);
CREATE TABLE sale_2_old PARTITION OF sale_2 FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE sale_2_new PARTITION OF sale_2 FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
CREATE TABLE hashed {COLUMNS} PARTITION BY HASH (author_id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE by_day {COLUMNS} PARTITION BY RANGE (sold, title);
CREATE TABLE by_day_1 PARTITION OF by_day FOR VALUES FROM (MINVALUE, MINVALUE) TO (MAXVALUE, MAXVALUE);
CREATE TABLE by_title {COLUMNS} PARTITION BY LIST (lower(title));
CREATE TABLE by_title_1 PARTITION OF by_title DEFAULT;
CREATE VIEW sales AS SELECT * FROM sale
"""


def run(sql, parameters=None):
    """Run a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.fixture(autouse=True)
def tables(postgres):
    """Partitioned tables of every strategy."""
    undo = set_project_root(HOME)
    run(SALES)
    yield
    undo()


@pytest.fixture
def explained(recorder):
    """Run statements, and return their recording with its plans."""

    def explained(*statements):
        with recorder.record(samples=True) as recording:
            for sql in statements:
                run(sql)
        recording.keep_plans(plans_of(recording, HOME))
        return recording

    return explained


@pytest.fixture
def found(explained):
    """Run a statement, and tell the tables and conditions that had no index."""

    def found(sql):
        return [(each.table, each.shown) for plan in explained(sql).plans for each in plan.unserved]

    return found


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT * FROM sale WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        ("SELECT * FROM sale AS s WHERE s.title = 'x'", [("sale", "title = 'x'::text")]),
        ("SELECT * FROM sale AS sale_1 WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        (
            "SELECT * FROM sale AS Sale_1 WHERE title = 'x' AND id > 0",
            [("sale", "(id > 0) AND (title = 'x'::text)")],
        ),
        ("SELECT * FROM sale AS \"a b\" WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        ("SELECT * FROM public.sale WHERE title = 'sale_1.x'", [("sale", "title = 'sale_1.x'::text")]),
        ("SELECT * FROM sales WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        ("SELECT * FROM sale_2 WHERE title = 'x'", [("sale_2", "title = 'x'::text")]),
        ("SELECT * FROM sale_2_new WHERE title = 'x'", [("sale_2_new", "title = 'x'::text")]),
        ("UPDATE sale SET id = 1 WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        ("DELETE FROM sale WHERE title = 'x'", [("sale", "title = 'x'::text")]),
        (
            "SELECT * FROM sale AS a JOIN sale AS b USING (id) WHERE a.title = 'x' AND b.title = 'y'",
            [("sale", "title = 'x'::text"), ("sale", "title = 'y'::text")],
        ),
        (
            "SELECT * FROM sale WHERE author_id = 1 OR title = 'x'",
            [("sale", "(author_id = 1) OR (title = 'x'::text)")],
        ),
        ("SELECT * FROM sale WHERE author_id <> 1", [("sale", "author_id <> 1")]),
        ("SELECT * FROM sale WHERE sold = '2026-05-01'", [("sale", "sold = '2026-05-01'::date")]),
        ("SELECT * FROM by_day WHERE title = 'x'", [("by_day", "title = 'x'::text")]),
        ("SELECT * FROM by_title WHERE title = 'x'", [("by_title", "title = 'x'::text")]),
        ("SELECT * FROM hashed WHERE author_id = 1", [("hashed", "author_id = 1")]),
        ("SELECT * FROM hashed_0 WHERE author_id = 1", [("hashed_0", "author_id = 1")]),
    ],
)
def test_a_filter_is_told_once_for_the_table_that_the_statement_names(found, sql, expected):
    """Also through a view, for a part of the partitions, and where each partition grows with the table."""
    assert sorted(found(sql)) == sorted(expected)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM sale WHERE author_id = 1",
        "SELECT * FROM sale WHERE author_id IN (1, 2)",
        "SELECT * FROM sale WHERE author_id = 1 OR author_id = 2",
        "SELECT * FROM sale WHERE author_id > 1",
        "SELECT * FROM sale WHERE author_id = 2 AND sold > '2025-05-01'",
        "SELECT * FROM sale WHERE author_id = 1 AND title = 'x'",
        "SELECT * FROM sale WHERE author_id = 3",
        "SELECT * FROM sale AS s WHERE s.author_id = 2",
        "SELECT * FROM sale_2 WHERE sold >= '2026-05-01'",
        "SELECT * FROM by_day WHERE sold = '2026-05-01'",
        "SELECT * FROM by_day WHERE sold BETWEEN '2026-05-01' AND '2026-06-01'",
        "UPDATE sale SET id = 1 WHERE author_id = 1",
        "DELETE FROM sale WHERE author_id = 1",
        "SELECT count(*) FROM sales WHERE author_id = 1",
        "SELECT * FROM sale",
    ],
)
def test_pruning_serves_a_filter_on_the_key_of_the_partitions(found, sql):
    """A second condition filters the rows of the partition, as it filters the rows that an index found."""
    assert found(sql) == []


def test_an_index_of_the_table_serves_and_one_of_a_partition_does_not(found):
    """As long as one partition is read in full, the filter has no index."""
    run("CREATE INDEX ON sale_1 (title)")
    assert found("SELECT * FROM sale WHERE title = 'x'") == [("sale", "title = 'x'::text")]

    run("CREATE INDEX ON sale (title)")
    assert found("SELECT * FROM sale WHERE title = 'x'") == []


def test_the_index_is_proposed_for_the_model_of_the_partitioned_table(explained, monkeypatch):
    """PostgreSQL makes it on each partition."""
    monkeypatch.setattr(Book._meta, "db_table", "sale")

    [plan] = explained("SELECT * FROM sale WHERE title = 'x'").plans

    assert [each.index.text for each in plan.unserved] == ['models.Index(fields=["title"])']


@pytest.mark.parametrize(
    "table, sql, is_allowed",
    [
        ("sale", "SELECT * FROM sale WHERE title = 'x'", True),
        ("sale", "SELECT * FROM sale_2_new WHERE title = 'x'", True),
        ("sale_2", "SELECT * FROM sale_2_new WHERE title = 'x'", True),
        ("sale_2_new", "SELECT * FROM sale_2_new WHERE title = 'x'", True),
        ("sale_2_new", "SELECT * FROM sale WHERE title = 'x'", False),
    ],
)
def test_a_filter_is_allowed_by_the_name_of_its_table_or_of_a_table_above(explained, table, sql, is_allowed):
    """A partition is a part of the table, not the table."""
    recording = explained(sql)

    assert (NoUnindexedFilters(allow=[table]).check(recording) is None) is is_allowed

"""A plan of PostgreSQL shows which filters no index serves."""

import pytest

from pytest_dbperf.sql.plan import (
    UnservedFilter,
    columns_in,
    conditions_on,
    full_reads_as_filters,
    nodes_of,
    unserved_filters,
    without_parentheses,
)

TITLE = "((shop_book.title)::text = 'Notes'::text)"


def scan(kind="Seq Scan", *below, table="shop_book", schema="public", **more):
    """A node that reads a table."""
    names = {key.replace("_", " "): value for key, value in more.items()}
    return {
        "Node Type": kind,
        "Relation Name": table,
        "Schema": schema,
        "Alias": table,
        **names,
        "Plans": [*below],
    }


def above(*below, kind="Limit"):
    """A node that reads other nodes."""
    return {"Node Type": kind, "Plans": [*below]}


def bitmap(**more):
    """The index scan below a bitmap heap scan."""
    names = {key.replace("_", " "): value for key, value in more.items()}
    return {"Node Type": "Bitmap Index Scan", "Index Name": "book_title", **names}


@pytest.mark.parametrize(
    "root",
    [
        scan(Filter=TITLE),
        scan("Index Scan", Filter=TITLE, Index_Name="shop_book_pkey"),
        scan("Index Only Scan", Filter=TITLE, Index_Name="book_title"),
        scan("Bitmap Heap Scan", bitmap(), Filter=TITLE),
        above(scan(Filter=TITLE)),
        above(above(scan("Index Scan", Index_Cond="(id = 1)"), scan(Filter=TITLE), kind="Nested Loop")),
        above(scan(table="shop_author"), {**scan(Filter=TITLE), "Parent Relationship": "InitPlan"}),
        {**scan(Filter=TITLE), "Node Type": "Index Scan", "Plans": [scan()]},
    ],
)
def test_a_filter_without_a_condition_on_an_index_is_found(root):
    """Anywhere in the plan, and for every scan that reads all rows."""
    assert unserved_filters(root) == [UnservedFilter("public", "shop_book", "shop_book", TITLE)]


@pytest.mark.parametrize(
    "root",
    [
        {"Node Type": "Result"},
        scan(),
        scan("Index Scan", Index_Cond="(shop_book.id = 1)", Filter=TITLE),
        scan("Bitmap Heap Scan", bitmap(), Recheck_Cond=TITLE, Filter=TITLE),
        scan("Bitmap Heap Scan", bitmap(Index_Cond="((title)::text ~>=~ 'A'::text)"), Filter=TITLE),
        scan(
            "Bitmap Heap Scan",
            {"Node Type": "BitmapOr", "Plans": [bitmap(Index_Cond="(author_id = 1)")]},
            Filter=TITLE,
        ),
        scan("Foreign Scan", Filter=TITLE),
        scan("Sample Scan", Filter=TITLE),
        {"Node Type": "CTE Scan", "CTE Name": "c", "Alias": "c", "Filter": "(c.title = 'Notes'::text)"},
        {"Node Type": "Subquery Scan", "Alias": "s", "Filter": "(s.title = 'Notes'::text)"},
        {"Node Type": "Function Scan", "Function Name": "f", "Alias": "f", "Filter": "(f.f > 1)"},
        {"Node Type": "ModifyTable", "Relation Name": "shop_book", "Conflict Filter": "true", "Alias": "b"},
        scan(Filter="(random() < '0.5'::double precision)"),
        scan(Filter="EXISTS(SubPlan 1)"),
        scan(table="pg_class", schema="pg_catalog", Filter="(shop_book.relkind = 'r'::char)"),
    ],
)
def test_all_else_is_not_found(root):
    """Not found: served by an index, without a condition, not a table, or not servable by any index."""
    assert unserved_filters(root) == []


NAME = "((shop_author.name)::text = 'Ada'::text)"
FOR_EACH_BOOK = "(shop_author.id = shop_book.author_id)"


def join(outer, inner, kind="Inner"):
    """A loop over the rows of the outer side."""
    return {
        "Node Type": "Nested Loop",
        "Join Type": kind,
        "Plans": [
            {**outer, "Parent Relationship": "Outer"},
            above({**inner, "Parent Relationship": "Outer"}, kind="Memoize")
            | {"Parent Relationship": "Inner"},
        ],
    }


def author(condition=FOR_EACH_BOOK, unserved=NAME):
    """A table that is searched by index, and filtered."""
    return scan("Bitmap Heap Scan", bitmap(Index_Cond=condition), table="shop_author", Filter=unserved)


@pytest.mark.parametrize(
    "root",
    [
        join(scan(), author()),
        join(scan(), author(), "Semi"),
        join(above(scan()) | {"Parent Relationship": "Outer"}, author()),
        join(join(scan(), scan(table="x", Index_Cond="(x.id = shop_book.x_id)")), author()),
        join(scan(), join(scan(table="x", Index_Cond="(x.id = shop_book.x_id)"), author())),
    ],
)
def test_what_is_looked_up_for_each_row_of_a_table_that_is_read_in_full_is_found(root):
    """PostgreSQL begins with this table when the sizes of the two differ."""
    assert [each.condition for each in unserved_filters(root)] == [NAME]


@pytest.mark.parametrize(
    "root",
    [
        join(scan("Index Scan", Index_Cond="(shop_book.id = 1)"), author()),
        join(scan(), author(), "Left"),
        join(scan(), author("(shop_author.id = 1)")),
        join(scan(), author(unserved="((shop_author.name)::text = (shop_book.title)::text)")),
        join(scan(), scan("Bitmap Heap Scan", bitmap(), table="shop_author", Recheck_Cond=NAME, Filter=NAME)),
        join(scan(table="pg_class", schema="pg_catalog"), author()),
        join({"Node Type": "Result", "Plans": [{**scan(), "Parent Relationship": "InitPlan"}]}, author()),
        join(scan(), {**above({**author(), "Parent Relationship": "SubPlan"}), "Node Type": "Result"}),
    ],
)
def test_what_is_looked_up_for_rows_that_were_looked_up_is_not_found(root):
    """Nor is a filter that cannot reduce the other table, has its own index, or compares two tables."""
    assert unserved_filters(root) == []


def test_the_same_filter_is_found_once():
    """A statement may read its table twice."""
    assert len(unserved_filters(above(scan(Filter=TITLE), scan(Filter=TITLE)))) == 1


def test_subplans_are_walked():
    """At any depth."""
    assert [node["Node Type"] for node in nodes_of(above(above(scan())))] == ["Limit", "Limit", "Seq Scan"]


@pytest.mark.parametrize(
    "condition, alias, shown",
    [
        (TITLE, "shop_book", "(title)::text = 'Notes'::text"),
        ("((b.a = 1) AND (b.b = 2))", "b", "(a = 1) AND (b = 2)"),
        ("(b.a = 'b.a = (')", "b", "a = 'b.a = ('"),
        ('("user"."order" = 1)', "user", '"order" = 1'),
        ("(a.x = ab.x)", "b", "a.x = ab.x"),
        ("b.is_active", "b", "is_active"),
    ],
)
def test_a_condition_is_shown_without_the_name_of_its_table(condition, alias, shown):
    """Text in a value that looks like the table name stays."""
    assert UnservedFilter("public", "t", alias, condition).shown == shown


@pytest.mark.parametrize(
    "condition, columns",
    [
        (TITLE, ["title"]),
        ("((shop_book.a = 1) AND (shop_book.b = shop_book.a))", ["a", "b"]),
        ("(shop_book.\"order\" = 'shop_book.x'::text)", ['"order"']),
        ("(my_shop_book.a = other.b)", []),
    ],
)
def test_columns_are_those_of_the_table(condition, columns):
    """Columns of other tables and words in values are left out."""
    assert columns_in(condition, "shop_book") == columns


AUTHOR = "(shop_book.author_id = 1)"
BY_TITLE, BY_AUTHOR = bitmap(Index_Cond=TITLE), bitmap(Index_Name="book_author", Index_Cond=AUTHOR)


@pytest.mark.parametrize(
    "root, expected",
    [
        (scan("Bitmap Heap Scan", BY_TITLE, Recheck_Cond=TITLE), [TITLE]),
        (scan("Bitmap Heap Scan", BY_AUTHOR, Recheck_Cond=AUTHOR, Filter=TITLE), []),
        (scan("Index Scan", Index_Name="book_title", Index_Cond=TITLE), [TITLE]),
        (scan("Index Scan", Index_Name="book_title", Index_Cond=f"{AUTHOR} AND {TITLE}"), []),
        (scan("Index Scan", Index_Name="other", Index_Cond=TITLE), []),
        (scan("Index Scan", Index_Name="book_title"), []),
        (
            scan("Bitmap Heap Scan", above(BY_TITLE, BY_AUTHOR, kind="BitmapOr"), Recheck_Cond="(either)"),
            ["(shop_book.title = either)"],
        ),
        (scan("Bitmap Heap Scan", above(BY_TITLE, BY_AUTHOR, kind="BitmapAnd"), Recheck_Cond="(both)"), []),
        (scan("Bitmap Heap Scan", bitmap(Index_Name="partial"), Recheck_Cond=TITLE), []),
    ],
)
def test_an_index_that_is_not_asked_for_its_first_column_serves_nothing(root, expected):
    """PostgreSQL reads it in full. Below an AND one useful index is enough; below an OR it takes both."""
    either = "(shop_book.title = either)"
    root = {key: either if value == "(either)" else value for key, value in root.items()}

    read = full_reads_as_filters(root, {"book_title": "author_id", "partial": ""})

    assert [each.condition for each in unserved_filters(read)] == expected


def test_the_conditions_of_an_index_are_put_together():
    """A plan may search an index more than once."""
    root = above(
        bitmap(Index_Cond="(a = 1)"), bitmap(Index_Cond="(b = 1)"), bitmap(), scan(Index_Cond="(c = 1)")
    )

    assert conditions_on(root, "book_title") == "(a = 1) (b = 1)"


@pytest.mark.parametrize(
    "text, rest",
    [
        ("((a))", "a"),
        ("(a) AND (b)", "(a) AND (b)"),
        ("(a = ')')", "a = ')'"),
        ('("(" = 1)', '"(" = 1'),
        ("(a", "(a"),
    ],
)
def test_parentheses_around_all_of_it_are_taken_off(text, rest):
    """Parentheses in values and names do not count."""
    assert without_parentheses(text) == rest

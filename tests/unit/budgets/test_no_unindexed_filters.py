"""The budget counts filters without an index in the plans of a recording."""

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_dbperf.budgets.budget import WrongArguments, make, wants_plans, written
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.plan import MissingIndex, Plan, UnservedFilter
from pytest_dbperf.violations.text import MOST_LINES, explain
from tests.factories import query, recording, sample, site

BOOKS = "SELECT a, b, c, d, e, f, g, h, i, j FROM shop_book WHERE title = %s"
TITLE = UnservedFilter("public", "shop_book", "shop_book", "((shop_book.title)::text = 'x'::text)")
INDEX = MissingIndex("models.Index()", "shop/models.py Book", "class Meta: indexes = [", "]")
API = site("list_books", "/srv/app/shop/api.py", 31)
VIEW = site("view", "/srv/app/shop/views.py", 7)


def judged(*events, plans, budget=None):
    """The violation of a recording with plans, and the recording."""
    window = recording(*events)
    window.keep_plans(plans)
    return (budget or NoUnindexedFilters()).check(window), window


def plan(sql=BOOKS, *unserved, using="default"):
    """A filter without an index, as it is in a plan."""
    return Plan(using, statement_of(sql), {"Node Type": "Seq Scan"}, unserved or (TITLE,))


def test_a_filter_without_an_index_is_told_with_its_statement_and_its_line():
    """The advice is the index that is proven to serve it."""
    fixed = replace(TITLE, index=INDEX)
    violation, _ = judged(query(BOOKS, path=(API, VIEW)), plans=[plan(BOOKS, fixed)])

    assert explain([violation.placed_as("no_unindexed_filters at test_it.py:3")], Path("/srv/app")) == [
        "unindexed filters 1 > 0 (+1)   no_unindexed_filters at test_it.py:3",
        "",
        "    1x  shop_book: (title)::text = 'x'::text   SELECT ... FROM shop_book WHERE title = %s",
        "        shop/api.py:31 list_books  <- shop/views.py:7 view",
        "",
        "  fix   class Meta: indexes = [models.Index()]   in shop/models.py Book",
    ]


def test_a_filter_counts_once_a_statement():
    """However often the statement ran, and from how many lines; the most frequent comes first."""
    rare = "SELECT a FROM shop_book WHERE title = %s ORDER BY a"
    violation, _ = judged(
        query(rare, path=(VIEW,)),
        query(BOOKS, path=(VIEW,)),
        *[query(BOOKS, path=(API,))] * 2,
        plans=[plan(rare), plan()],
    )

    assert violation.headline == "unindexed filters 2 > 0 (+2)"
    assert [(each.count, each.call_path) for each in violation.evidence] == [(3, (VIEW,)), (1, (VIEW,))]


def test_plans_without_a_finding_break_nothing():
    """The same statement on another database counts as another one."""
    served = Plan("default", statement_of(BOOKS), {})

    assert judged(query(BOOKS, path=(API,)), plans=[served])[0] is None
    assert judged(query(BOOKS, using="other"), plans=[plan()])[0] is None
    assert judged(query(BOOKS), plans=[])[0] is None


@pytest.mark.parametrize(
    "allow",
    ["shop_book", "shop_*", "SELECT * FROM shop_book WHERE*", "shop/api.py", "shop/api.py:31", "list_books"],
)
def test_tables_statements_and_lines_can_be_allowed(allow):
    """A pattern may be any of these, and counts as used."""
    budget = NoUnindexedFilters(allow=[allow])
    violation, window = judged(query(BOOKS, path=(API,)), plans=[plan()], budget=budget)

    assert violation is None
    assert budget.allowances_used(window) == {allow}


@pytest.mark.parametrize("allow", ["shop_author", "title", "shop/views.py", "SELECT"])
def test_nothing_else_is_allowed(allow):
    """To allow a joined table does not allow the filtered one."""
    joined = "SELECT shop_book.a FROM shop_book INNER JOIN shop_author ON x = y WHERE shop_book.title = %s"
    violation, _ = judged(
        query(joined, path=(API, VIEW)),
        plans=[plan(joined)],
        budget=NoUnindexedFilters(allow=[allow]),
    )

    assert violation.measured == 1


def test_a_line_that_is_allowed_allows_no_other():
    """The same statement from another line still counts."""
    violation, _ = judged(
        query(BOOKS, path=(API,)),
        query(BOOKS, path=(VIEW,)),
        plans=[plan()],
        budget=NoUnindexedFilters(allow=["shop/api.py"]),
    )

    assert [(each.count, each.call_path) for each in violation.evidence] == [(1, (VIEW,))]


def test_the_text_stays_short():
    """Long statements are cut, and so are long lists of them and of what to change."""
    sqls = [f"SELECT a FROM {'b' * 90} WHERE c{number}_ = %s" for number in "abcdefghijklm"]
    unserved = [
        UnservedFilter("public", "t", "t", f"(t.{number} = 1)", replace(INDEX, model=f"model {number}"))
        for number in range(9)
    ]
    violation, _ = judged(*map(query, sqls), plans=[plan(sql, *unserved) for sql in sqls])

    lines = explain([violation], Path())
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) < 160
    assert sum(line.startswith("  fix   ") for line in lines) == 5


def test_the_indexes_of_a_model_are_one_line():
    """Two `class Meta` in a model would be a mistake. An index that serves two filters is written once."""
    other = replace(INDEX, text='models.Index(fields=["b"])')
    another = replace(INDEX, model="shop/models.py Author", before="Meta.indexes: add ", after="")
    unserved = [
        replace(TITLE, condition=f"(shop_book.a = {number})", index=index)
        for number, index in enumerate((INDEX, other, INDEX, another, None))
    ]
    violation, _ = judged(query(BOOKS), plans=[plan(BOOKS, *unserved)])

    assert [(hint.label, hint.text) for hint in violation.advice] == [
        (
            "fix",
            'class Meta: indexes = [models.Index(), models.Index(fields=["b"])]   in shop/models.py Book',
        ),
        ("fix", "Meta.indexes: add models.Index()   in shop/models.py Author"),
    ]


def test_the_reason_why_no_index_is_proposed_follows_the_fixes():
    """Once, even for several filters."""
    unserved = [replace(TITLE, condition=f"(t.a = {number})", why_no_index="why") for number in (1, 2)]
    fixed = replace(TITLE, index=INDEX)
    violation, _ = judged(query(BOOKS), plans=[plan(BOOKS, *unserved, fixed)])

    assert [(hint.label, hint.text) for hint in violation.advice][1:] == [("why", "why")]


def test_a_smell_is_a_warning_and_breaks_nothing():
    """Each warning names the smell and its line, once per line."""
    like, whole = "SELECT a FROM t WHERE a LIKE %s", "DELETE FROM t"
    events = [
        query(like, path=(API,)),
        sample(like, ("%x",)),
        query(whole, path=(VIEW, API)),
        query(whole, path=(VIEW,)),
        query("SELECT a FROM t WHERE a = 1"),
    ]
    violation, window = judged(*events, plans=[])

    assert violation is None
    assert [(warning.text, warning.call_path) for warning in NoUnindexedFilters().warnings(window)] == [
        ("LIKE with a leading wildcard cannot use a B-tree index: " + like, (API,)),
        ("DELETE without WHERE deletes all rows: DELETE FROM t", (VIEW, API)),
    ]


@pytest.mark.parametrize("file", ["test_api.py", "api_test.py", "tests.py", "conftest.py", "tests/clean.py"])
def test_a_test_may_delete_all_rows_itself(file):
    """To clean up. Updating all rows is still warned of, and so is a view that deletes all rows."""
    own = site("clean_up", f"shop/{file}", 3)
    update, delete = "UPDATE t SET a = 1", "DELETE FROM t"
    window = recording(query(delete, path=(own, API)), query(update, path=(own,)))

    assert [each.text for each in NoUnindexedFilters().warnings(window)] == [
        "UPDATE without WHERE changes all rows: UPDATE t SET a = %s"
    ]
    assert len(NoUnindexedFilters().warnings(recording(query(delete, path=(API, own))))) == 1
    assert len(NoUnindexedFilters().warnings(recording(query(delete)))) == 1


def test_smells_can_be_allowed():
    """By a table, a statement or a line, as filters are; the pattern then counts as used."""
    budget = NoUnindexedFilters(allow=["t"])
    window = recording(query("DELETE FROM t", path=(API,)))

    assert budget.warnings(window) == []
    assert budget.allowances_used(window) == {"t"}


def test_it_wants_plans_unless_it_is_lifted():
    """For other budgets no statement is explained."""
    assert wants_plans(NoUnindexedFilters())
    assert not wants_plans(NoUnindexedFilters(allow=["*"]))
    assert not wants_plans(QueryBudget(3))


def test_it_is_written_and_refused_as_other_budgets_are():
    """A single string would be a list of letters."""
    assert written(NoUnindexedFilters(allow=["t"], reason="few rows")) == "no_unindexed_filters(allow=['t'])"
    with pytest.raises(WrongArguments, match=r'must be a list of names, such as \["django_content_type"\]'):
        make(NoUnindexedFilters, (), {"allow": "shop_book"})

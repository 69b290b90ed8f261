"""What budgets find is told by cause over the whole suite, whether it fails tests or not."""

import json

import jsonschema
import pytest

from tests.plugin.conftest import line_of
from tests.plugin.test_reports import SCHEMA

# Thirty tests pass through one view, which loads the author of each book.
THIRTY = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.parametrize("number", range(30))
def test_books(client, books, number):
    assert client.get("/books/").status_code == 200
"""


def findings_of(suite, *args):
    """Run the suite, and return the findings of each test; the report follows its schema."""
    suite.run("--dbperf-report=json:run.json", *args)
    run = json.loads((suite.path / "run.json").read_text())
    jsonschema.validate(run, json.loads(SCHEMA.read_text()))
    return {test["id"]: test["findings"] for test in run["tests"]}


def causes(findings_of_tests):
    """The causes, each with the number of tests."""
    found = [
        (finding["budget"], finding["subject"], finding["function"])
        for findings in findings_of_tests.values()
        for finding in findings
    ]
    return {cause: found.count(cause) for cause in found}


def test_an_n_plus_one_is_one_finding_however_many_tests_meet_it(suite):
    """If it is swapped for another one, that is another finding."""
    suite.ini("dbperf_no_n_plus_one = true")
    suite.tests(THIRTY)
    view = suite.path / "shop" / "views.py"
    source = view.read_text()
    assert "name_of_author(book) for" in source

    found = findings_of(suite, "--dbperf=report")
    by_relation = causes(found)
    view.write_text(
        source.replace("name_of_author(book) for", "book.author.books.count() for").replace(
            'order_by("id")', 'order_by("id").select_related("author")'
        )
    )
    swapped = causes(findings_of(suite, "--dbperf=report"))

    assert by_relation == {("no_n_plus_one", "Book.author", "shop/views.py name_of_author"): 30}
    assert swapped == {("no_n_plus_one", "Author.books", "shop/views.py titles_and_names"): 30}
    [finding] = found["test_it.py::test_books[0]"]
    assert finding == {
        "budget": "no_n_plus_one",
        "subject": "Book.author",
        "function": "shop/views.py name_of_author",
        "count": 3,
        "in_tests": False,
        "is_accepted": False,
        "limit_is_hard": False,
        "lines": [
            "shop/views.py:16 name_of_author",
            "shop/views.py:11 titles_and_names",
            f"test_it.py:{line_of(suite, 'client.get')} test_books",
        ],
        "what": "SELECT ... FROM shop_author WHERE id = %s LIMIT 21",
        "fix": 'shop/views.py:11  .select_related("author")   4 -> 1 queries, within budget',
        "reason": "",
        "routes": ["GET books/"],
    }


MANY = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.parametrize("number", range(3))
@pytest.mark.no_write_loops
def test_books(client, books, number):
    client.get("/books/")
    for name in "abc":
        Author.objects.create(name=name)

@pytest.mark.query_budget(1)
def test_over(client, books, no_repeated_queries):
    client.get("/books/")
    with no_repeated_queries():
        for _ in range(4):
            Author.objects.count()

def test_of_nothing():
    pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_report_mode_tells_each_cause_once(suite, workers):
    """By cause over all tests, with pytest-xdist as without; the budgets without causes are told by test."""
    suite.ini("dbperf_no_n_plus_one = true")
    suite.tests(MANY)

    lines = suite.run("--dbperf=report", *workers).outlines

    start = lines.index("1 finding, in 4 tests")
    loop, count = line_of(suite, 'for name in "abc"') + 1, line_of(suite, "Author.objects.count")
    assert lines[start : start + 18] == [
        "1 finding, in 4 tests",
        "  tests  routes  budget, subject, function",
        "      4       1  no_n_plus_one  Book.author  shop/views.py name_of_author",
        "                 3x  SELECT ... FROM shop_author WHERE id = %s LIMIT 21",
        "                 shop/views.py:16 name_of_author  <- shop/views.py:11 titles_and_names",
        '                 fix  shop/views.py:11  .select_related("author")   7 -> 4 queries, within budget',
        "",
        "2 findings in the tests' own code, in 4 tests",
        "  tests  budget, subject, function",
        "      3  no_write_loops  insert shop_author  test_it.py test_books",
        f"         {lines[start + 10].strip()}",  # PostgreSQL returns the key, and SQLite does so since 3.35.
        f"         test_it.py:{loop} test_books",
        "         fix  bulk_create(objects) (skips save() and signals); for a many-to-many relation, "
        "add(*objects)",
        "      1  no_repeated_queries  shop_author  test_it.py test_over",
        "         4x  SELECT COUNT(*) AS __count FROM shop_author",
        f"         test_it.py:{count} test_over",
        "         fix  run the query once and keep the result: a variable, cached_property or lru_cache",
        "",
    ]
    assert [line for line in lines if "over limit" in line] == [
        "over limit: test_it.py::test_over",
        "dbperf: 5 tests, 29 queries, 4 over limit",
    ]
    assert lines[lines.index("over limit: test_it.py::test_over") + 1].startswith("queries 8 > 1 (+7)")


def test_enforced_budgets_are_told_by_the_failures_alone(suite):
    """Their summary is short."""
    suite.ini("dbperf_no_n_plus_one = true")
    suite.tests(MANY)

    suite.run().stdout.no_fnmatch_line("* finding*, in * test*")


def test_a_test_keeps_its_findings_whether_it_fails_or_not(suite):
    """A limit that was written for one test is a hard one. Each finding is there once for all examples."""
    suite.ini("dbperf_no_n_plus_one = true")
    suite.tests(
        MANY
        + """
from hypothesis import given, settings, strategies as st

@db
@settings(max_examples=5, deadline=None)
@given(st.integers(1, 2))
@pytest.mark.no_repeated_queries
def test_examples(number):
    for _ in range(5 * number):
        Author.objects.filter(name="Ada").exists()

@db
def test_caught(no_write_loops):
    with pytest.raises(AssertionError), no_write_loops():
        for name in "abc":
            Author.objects.create(name=name)
"""
    )

    reported, enforced = findings_of(suite, "--dbperf=report"), findings_of(suite)

    assert enforced["test_it.py::test_caught"] == []
    assert {test: found for test, found in enforced.items() if "_books" in test} == {
        test: found for test, found in reported.items() if "_books" in test
    }
    assert {(one["budget"], one["limit_is_hard"]) for found in reported.values() for one in found} == {
        ("no_n_plus_one", False),
        ("no_write_loops", True),
        ("no_repeated_queries", True),
    }
    [of_examples] = reported["test_it.py::test_examples"]
    assert (of_examples["subject"], of_examples["count"]) == ("shop_author.name", 10)

"""What budgets find is told by cause over the whole suite, whether it fails tests or not."""

import json

from tests.plugin.conftest import line_of

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
    """Run the suite, and return the findings of each test."""
    suite.run("--dbperf-report=json:run.json", *args)
    run = json.loads((suite.path / "run.json").read_text())
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

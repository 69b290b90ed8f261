"""A failed assertNumQueries shows what ran in its block. Without a failure, nothing is different."""

import django
import pytest

from tests.plugin.conftest import line_of

BOOKS = """
from django.db import transaction
from pytest_django.asserts import assertNumQueries

@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")
"""


def sections(result):
    """What each failure has gained: the name of the assertion, and the lines."""
    found = []
    lines = iter(result.outlines)
    for line in lines:
        if "dbperf: what ran" in line:
            name = line.strip("- ").removeprefix("dbperf: what ran in the block of ")
            section = []
            for following in lines:
                if following.startswith(("___", "===", "dbperf: ")):
                    break
                section.append(following)
            found.append((name, section))
    return found


@pytest.mark.parametrize("args", [(), ("-n", "1")])
def test_a_failure_keeps_its_text_and_gains_groups_lines_and_fixes(suite, args):
    """Nothing has to be configured, and no marker is needed."""
    result = suite.run_tests(
        BOOKS
        + """
def test_exactly(client, books, django_assert_num_queries):
    Author.objects.count()
    with django_assert_num_queries(2, info="the list"):
        client.get("/books/")
    Author.objects.count()

def test_at_most(client, books, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        client.get("/books/")

def test_function(books, client):
    assertNumQueries(2, client.get, "/books/")
""",
        *args,
    )

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E * Failed: Expected to perform 2 queries but 4 were done",
            "E * the list (add -v option to show queries)",
            "--* dbperf: what ran in the block of django_assert_num_queries --*",
            "E * Failed: Expected to perform 2 queries or less but 4 were done *",
            "--* dbperf: what ran in the block of django_assert_max_num_queries --*",
            "E * AssertionError: 4 != 2 : 4 queries executed, 2 expected",
            "E * Captured queries were:",
            "--* dbperf: what ran in the block of assertNumQueries --*",
        ]
    )
    fetch_mode = "  or    shop/views.py:11  .fetch_mode(models.FETCH_PEERS)   4 -> 2 queries"
    gained = sections(result)
    assert [name for name, _ in gained] == [
        "django_assert_num_queries",
        "django_assert_max_num_queries",
        "assertNumQueries",
    ]
    get = line_of(suite, "client.get")
    assert gained[0][1] == [
        "4 queries   GET /books/",
        "",
        "    3x  SELECT ... FROM shop_author WHERE id = %s LIMIT 21   N+1: Book.author of 3 rows",
        "        shop/views.py:16 name_of_author  <- shop/views.py:11 titles_and_names",
        "    1x  SELECT ... FROM shop_book ORDER BY id ASC",
        f"        shop/views.py:11 titles_and_names  <- test_it.py:{get} test_exactly",
        "",
        '  fix   shop/views.py:11  .select_related("author")   4 -> 1 queries',
        *([fetch_mode] if django.VERSION >= (6, 1) else []),
    ]
    assert all(lines[0] == "4 queries   GET /books/" for _, lines in gained)


def test_each_form_shows_its_own_block(suite):
    """In a setUp, in subtests, nested, for one alias, and with fewer queries than expected."""
    result = suite.run_tests(
        BOOKS
        + """
class TestSetUp(TestCase):
    def setUp(self):
        with self.assertNumQueries(3):
            queries(2)

    def test_it(self):
        queries(1)

class TestSubtests(TestCase):
    def test_it(self):
        for number in (0, 2):
            with self.subTest(number=number), self.assertNumQueries(1), transaction.atomic():
                queries(number)

def test_nested(db, django_assert_num_queries):
    with django_assert_num_queries(3):
        queries(2)
        with django_assert_num_queries(2):
            queries(1)

@pytest.mark.django_db(databases=["default", "other"])
def test_alias(django_assert_num_queries):
    with django_assert_num_queries(2, using="other"):
        queries(1, using="other")
        queries(3)

@pytest.mark.django_db(databases=["default", "other"])
def test_connection(django_assert_num_queries):
    with django_assert_num_queries(0, connection=connections["other"]):
        queries(1, using="other")

def test_fewer(client, books, django_assert_num_queries):
    with django_assert_num_queries(5):
        client.get("/books/")
"""
    )

    gained = [lines for _, lines in sections(result)]
    counted = [(lines[0], [line for line in lines if line.startswith("  note")]) for lines in gained]
    assert sorted(counted) == [
        ("1 query", []),
        ("1 query", []),
        ("2 queries", []),
        ("2 queries", []),
        *([("4 queries", [])] if pytest.version_tuple >= (9,) else []),  # Before, only the first subtest.
        (
            "4 queries",
            ["  note  django_assert_num_queries counted 1: it does not see queries on default"],
        ),
        ("4 queries   GET /books/", []),
    ]
    assert "  fix " not in "\n".join(map(str, gained))
    of_nested = line_of(suite, "            queries(1)")
    result.stdout.fnmatch_lines_random(
        [
            f"        test_it.py:18 queries  <- test_it.py:{line_of(suite, 'queries(2)')} TestSetUp.setUp",
            "    1x  SAVEPOINT   transaction or session control, no query for budgets",
            "    1x  RELEASE SAVEPOINT   transaction or session control, no query for budgets",
            f"        test_it.py:18 queries  <- test_it.py:{of_nested} test_nested",
        ]
    )


def test_queries_of_other_threads_are_shown_and_named(suite):
    """The assertion looks at one connection, so it has counted fewer."""
    result = suite.run_tests(
        """
@committed
def test_thread(django_assert_num_queries):
    with django_assert_num_queries(3):
        queries(1)
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()), name="worker")
        thread.start()
        thread.join()

@committed
async def test_async(monkeypatch, django_assert_num_queries):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    try:
        with django_assert_num_queries(1):
            await Author.objects.acount()
    finally:
        connection.close()
"""
    )

    result.assert_outcomes(failed=2)
    note = "  note  django_assert_num_queries counted "
    result.stdout.fnmatch_lines_random(
        [
            f"{note}1: it does not see queries in thread worker",
            f"{note}0: it does not see queries in thread *",
            f"        test_it.py:{line_of(suite, 'acount')} test_async",
        ]
    )


OTHER_FAILURES = (
    BOOKS
    + """
import re
import unittest

@pytest.mark.xfail(strict=True)
def test_expected_to_fail(db):
    assertNumQueries(2, queries, 1)

def test_raises(db, django_assert_num_queries):
    text = "Expected to perform 2 queries but 1 was done (add -v option to show queries)"
    with pytest.raises(pytest.fail.Exception, match=f"^{re.escape(text)}$"), django_assert_num_queries(2):
        queries(1)

def test_raises_assertion_error(db):
    with pytest.raises(AssertionError, match=r"(?s)^1 != 0 : .*FROM .shop_author.$"):
        assertNumQueries(0, queries, 1)

class TestIt(TestCase):
    @unittest.expectedFailure
    def test_expected_to_fail(self):
        with self.assertNumQueries(2):
            queries(1)

def test_error_in_the_block(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        queries(1)
        raise ValueError

def test_own_failure_in_the_block(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        pytest.fail("mine")
"""
)


@pytest.mark.parametrize("args", [(), ("--dbperf=off",)])
def test_other_failures_gain_nothing(suite, args):
    """Whether the assertion was expected to fail, or something else failed in its block."""
    result = suite.run_tests(OTHER_FAILURES, "-rxX", *args)

    result.assert_outcomes(passed=2, failed=2, xfailed=2)
    assert sections(result) == []


def test_with_off_a_failure_gains_nothing(suite):
    """Also where a fixture of ours makes the probes listen."""
    result = suite.run_tests(
        """
def test_it(db, dbperf, django_assert_num_queries):
    with django_assert_num_queries(2):
        queries(1)
""",
        "--dbperf=off",
    )

    result.assert_outcomes(failed=1)
    assert sections(result) == []


def test_a_block_that_is_never_left_ends_with_its_test(suite):
    """Otherwise all tests after it would be recorded for it."""
    result = suite.run_tests(
        """
from pytest_dbperf.probes.listening import RECORDER

def test_enters(db, django_assert_num_queries):
    global block
    block = django_assert_num_queries(2)
    block.__enter__()
    assert len(RECORDER.open_recordings) == 2

def test_after_it(db):
    assert len(RECORDER.open_recordings) == 1
    with pytest.raises(pytest.fail.Exception):
        block.__exit__(None, None, None)
"""
    )

    result.assert_outcomes(passed=2)

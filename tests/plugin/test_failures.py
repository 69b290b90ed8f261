"""A broken budget fails its test as a failed assertion would, and teaches."""

import re
from xml.etree import ElementTree as ET

import django
import pytest

from tests.plugin.conftest import failure_of, line_of


def test_a_budget_passes_at_its_limit_and_fails_above_it(suite):
    """The boundary is where it is said to be, and the summary has the numbers."""
    result = suite.run_tests(
        """
@db
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.query_budget(2)
def test_queries(number):
    queries(number)

@committed
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.max_new_connections(1)
def test_connections(number):
    for _ in range(number):
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()))
        thread.start()
        thread.join()

@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.no_sync_to_async
async def test_hops(number):
    for _ in range(number):
        await sync_to_async(len)("abc")
"""
    )

    result.assert_outcomes(passed=5, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED test_it.py::test_queries[[]3[]] - queries 3 > 2 (+1)   query_budget(2) at test_it.py:*",
            "FAILED test_it.py::test_connections[[]2[]] - new connections 2 > 1 (+1)   max_new_conn*",
            "FAILED test_it.py::test_hops[[]1[]] - sync_to_async hops 1 > 0 (+1)   no_sync_to_async*",
        ]
    )


def test_a_failure_shows_numbers_groups_and_your_lines(suite):
    """The whole text, as a reader sees it."""
    result = suite.run_tests(
        """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.query_budget(3)
def test_books(client, books):
    client.get("/books/")
"""
    )

    marker, get = line_of(suite, "query_budget(3)"), line_of(suite, "client.get")
    fetch_mode = "  or    shop/views.py:11  .fetch_mode(models.FETCH_PEERS)   4 -> 2 queries, within budget"
    assert failure_of(result, "test_books") == [
        f"queries 4 > 3 (+1)   query_budget(3) at test_it.py:{marker}   GET /books/",
        "",
        "    3x  SELECT ... FROM shop_author WHERE id = %s LIMIT 21   N+1: Book.author of 3 rows",
        "        shop/views.py:16 name_of_author  <- shop/views.py:11 titles_and_names",
        "    1x  SELECT ... FROM shop_book ORDER BY id ASC",
        f"        shop/views.py:11 titles_and_names  <- test_it.py:{get} test_books",
        "",
        '  fix   shop/views.py:11  .select_related("author")   4 -> 1 queries, within budget',
        *([fetch_mode] if django.VERSION >= (6, 1) else []),
        "",
        "shop/views.py:16: BudgetExceeded",
    ]


def test_a_failure_across_a_thread_hop_shows_your_line(suite):
    """The query ran on asgiref's thread, and the failure names the line that awaited it."""
    result = suite.run_tests(
        """
@committed
@pytest.mark.query_budget(0)
@pytest.mark.no_sync_to_async
async def test_count(async_client):
    await async_client.get("/count/")
"""
    )

    test, marker = line_of(suite, "async_client.get"), line_of(suite, "@committed")
    # How often Django itself hops around a view depends on its version.
    lines = [re.sub(r"note  \d+ other", "note  N other", line) for line in failure_of(result, "test_count")]
    assert lines == [
        "queries 2 > 0 (+2), sync_to_async hops 1 > 0 (+1)",
        "",
        f"queries 2 > 0 (+2)   query_budget(0) at test_it.py:{marker}   GET /count/",
        "    1x  SELECT COUNT(*) AS __count FROM shop_author",
        f"        shop/views.py:21 count_both_ways  <- test_it.py:{test} test_count",
        "    1x  SELECT COUNT(*) AS __count FROM shop_author",
        f"        shop/views.py:22 count_both_ways  <- test_it.py:{test} test_count",
        "",
        f"sync_to_async hops 1 > 0 (+1)   no_sync_to_async at test_it.py:{marker}",
        "    1x  sync_to_async(QuerySet.count)   1 query in it",
        f"        shop/views.py:21 count_both_ways  <- test_it.py:{test} test_count",
        "  why   a hop costs about 0.1 ms, more if others wait for the thread; aget() and acount() hop too",
        "  note  acount() is shorter than sync_to_async(QuerySet.count), but it hops too: no faster",
        '  or    allow it: no_sync_to_async(allow=["count"])',
        "  note  N other hops are not counted: made by Django or a library, or allowed",
        "",
        "shop/views.py:21: BudgetExceeded",
    ]


MANY_QUERIES = """
@db
@pytest.mark.query_budget(0)
def test_many():
    for number in range(30):
        list(Author.objects.raw(f"SELECT id, name AS name_{number} FROM shop_author"))
"""


def test_a_long_failure_fits_a_screen(suite):
    """Twenty lines, of which the last says where to go."""
    lines = failure_of(suite.run_tests(MANY_QUERIES), "test_many")

    assert len(lines) <= 20
    assert lines[-3].endswith(" more (-v lists all)")


def test_a_long_failure_is_shown_whole_on_request(suite):
    """With -v nothing is left out."""
    lines = failure_of(suite.run_tests(MANY_QUERIES, "-v"), "test_many")

    assert sum("SELECT" in line for line in lines) == 30


OVER = """
@db
@pytest.mark.query_budget(0)
def test_over():
    queries(1)
"""


@pytest.mark.parametrize("style", ["short", "line", "no"])
def test_every_traceback_style_has_the_numbers(suite, style):
    """The text is the same for all of them, and the summary has it where there is none."""
    result = suite.run_tests(OVER, f"--tb={style}")

    result.stdout.fnmatch_lines(["*queries 1 > 0 (+1)*query_budget(0) at test_it.py:*"])


def test_an_expected_failure_is_expected(suite):
    """A strict xfail knows a budget from a success."""
    result = suite.run_tests(
        """
@pytest.mark.xfail(strict=True)
@db
@pytest.mark.query_budget(0)
def test_over():
    queries(1)

@pytest.mark.xfail(strict=True, raises=AssertionError)
@db
@pytest.mark.query_budget(0)
def test_over_by_type():
    queries(1)

@pytest.mark.xfail(strict=True)
@db
@pytest.mark.query_budget(1)
def test_within():
    queries(1)
"""
    )

    result.assert_outcomes(xfailed=2, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*", "dbperf: 3 tests, 3 queries, 0 over limit"])


def test_a_broken_budget_can_be_caught(suite):
    """It is an exception like any other."""
    result = suite.run_tests(
        """
from pytest_dbperf import BudgetExceeded

@db
def test_caught(query_budget):
    with pytest.raises(BudgetExceeded, match="queries 2 > 1") as caught, query_budget(1):
        queries(2)
    assert caught.value.violations[0].measured == 2
"""
    )

    result.assert_outcomes(passed=1)


def test_a_real_failure_is_not_masked(suite):
    """Neither by a marker nor by a block, nor are a skip and an xfail."""
    result = suite.run_tests(
        """
pytestmark = [db, pytest.mark.query_budget(0)]

def test_marked():
    queries(1)
    assert "real" == "failure"

def test_block(query_budget):
    with query_budget(0):
        queries(1)
        assert "real" == "failure"

def test_skipped():
    queries(1)
    pytest.skip("not here")

def test_xfailed():
    queries(1)
    pytest.xfail("not yet")
"""
    )

    result.assert_outcomes(failed=2, skipped=1, xfailed=1)
    assert "queries 1 > 0" not in result.stdout.str()


def test_the_first_failure_stops_and_can_be_run_again(suite):
    """-x and --lf know a broken budget for a failed test."""
    suite.tests("@db\ndef test_before(): pass" + OVER + "@db\ndef test_after(): pass")

    suite.run("-x").assert_outcomes(passed=1, failed=1)
    suite.run("--lf").assert_outcomes(failed=1)


def test_the_debugger_is_entered(suite):
    """--pdb stops at a broken budget as at any failure."""
    suite.tests(OVER)
    result = suite.debug("p 40 + 2", "continue")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1)*", "*entering PDB*", "(Pdb) 42"])


def test_junit_has_the_numbers_as_its_message(suite):
    """A CI shows the first line."""
    suite.run_tests(OVER, "--junit-xml=junit.xml")

    failure = ET.parse(suite.path / "junit.xml").find(".//testcase[@name='test_over']/failure")
    assert failure.attrib["message"].startswith("queries 1 > 0 (+1)   query_budget(0) at test_it.py:")
    assert "SELECT COUNT(*) AS __count FROM shop_author" in failure.text


def test_a_rerun_is_measured_anew(suite):
    """What the first attempt did is not billed to the second."""
    result = suite.run_tests(
        """
attempts = []

@db
@pytest.mark.flaky(reruns=2)
@pytest.mark.query_budget(1)
def test_warms_up():
    attempts.append(1)
    queries(3 - len(attempts))
"""
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["dbperf: 1 test, 1 query, 0 over limit"])


def test_fixtures_and_teardown_do_not_count(suite):
    """Only the body of a test has a budget."""
    result = suite.run_tests(
        """
@pytest.fixture
def busy(db):
    queries(5)
    yield
    queries(5)

@pytest.mark.query_budget(1)
def test_body(busy):
    queries(1)
"""
    )

    result.assert_outcomes(passed=1)


def test_the_location_is_the_call_site_of_the_heaviest_group(suite):
    """A CI annotates the line to mend, in your view."""
    suite.file(
        "conftest.py",
        """
def pytest_runtest_logreport(report):
    if report.failed:
        crash = report.longrepr.reprcrash
        print(f"CRASH {crash.path}:{crash.lineno}: {crash.message}")
""",
    )
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(0)
def test_books(client):
    client.get("/books/")
""",
        "-s",
    )

    result.stdout.fnmatch_lines(["*CRASH shop/views.py:11: queries 1 > 0 (+1)*"])


def test_without_a_call_site_the_location_is_the_test(suite):
    """A test that queried too little has no line that did it."""
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(9, at_least=1)
def test_idle():
    pass
"""
    )

    assert failure_of(result, "test_idle") == [
        f"queries 0 < 1   query_budget(9, at_least=1) at test_it.py:{line_of(suite, '@db')}",
        "",
        f"test_it.py:{line_of(suite, '@db')}: BudgetExceeded",
    ]


def test_a_suite_run_from_above_shows_paths_to_click(suite, monkeypatch):
    """Locations are relative to where pytest was called, as pytest's own are."""
    suite.tests(OVER)
    monkeypatch.chdir(suite.path.parent)
    result = suite.pytester.runpytest_subprocess(
        "-c", str(suite.path / "pytest.ini"), "--rootdir", str(suite.path), str(suite.path)
    )

    result.stdout.fnmatch_lines([f"{suite.path.name}/test_it.py:*: BudgetExceeded"])

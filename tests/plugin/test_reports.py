"""What a run did can be read: in one line, in a table, as JSON; with xdist as without it."""

import json
import time
from pathlib import Path

import jsonschema
import pytest

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "dbperf-run-1.schema.json"

TESTS = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.query_budget(3)
def test_books(client, books):
    client.get("/books/")

@committed
@pytest.mark.no_sync_to_async
async def test_count(async_client):
    await async_client.get("/count/")

@committed
def test_threads():
    for _ in range(2):
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()))
        thread.start()
        thread.join()

class TestDjango(TestCase):
    @classmethod
    def setUpTestData(cls):
        queries(9)

    def setUp(self):
        queries(2)

    def tearDown(self):
        queries(1)

    def test_method(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

@db
@pytest.mark.xfail
def test_xfailed():
    assert queries(1)

@pytest.mark.skip
def test_skipped():
    pass

@pytest.fixture
def broken():
    raise ZeroDivisionError

def test_error(broken):
    pass
"""


def run_of(suite, *args):
    """Run the project's tests and read the run, checked against its published schema."""
    suite.run(*args, "--dbperf-report=json:run.json")
    run = json.loads((suite.path / "run.json").read_text())
    jsonschema.validate(run, json.loads(SCHEMA.read_text()))
    return run


def without_time(value):
    """The run without what differs from one second to the next."""
    if isinstance(value, dict):
        return {key: without_time(each) for key, each in value.items() if not key.endswith("ms")}
    return [without_time(each) for each in value] if isinstance(value, list) else value


def test_a_run_is_kept_as_json(suite):
    """It follows the published schema, and its numbers are those of the tests."""
    suite.tests(TESTS)
    run = run_of(suite)

    assert (run["complete"], run["exit_code"]) == (True, 1)
    tests = {test["id"].split("::", 1)[1]: test for test in run["tests"]}
    assert {name: test["outcome"] for name, test in tests.items()} == {
        "TestDjango::test_method": "passed",
        "test_books": "failed",
        "test_count": "failed",
        "test_error": "error",
        "test_skipped": "skipped",
        "test_threads": "passed",
        "test_xfailed": "xfailed",
    }
    books = tests["test_books"]
    assert books["queries"] == 4
    assert without_time(books["requests"]) == [
        {
            "request": "GET /books/",
            "queries": 4,
            "hops": {},
            "hops_in_view": 0,
            "view": "books/",
            "status": 200,
        }
    ]
    assert books["by_alias"] == {"default": {"queries": 4, "new_connections": 0}}
    assert books["phases"]["setup"]["queries"] == 6
    assert [(group["count"], group["distinct"], group["tables"]) for group in books["groups"]] == [
        (3, 3, ["shop_author"]),
        (1, 1, ["shop_book"]),
    ]
    assert books["groups"][0]["call_path"][:2] == [
        "shop/views.py:16 name_of_author",
        "shop/views.py:11 titles_and_names",
    ]
    assert [violation["location"] for violation in books["violations"]] == ["shop/views.py:16"]
    assert tests["test_count"]["hops"]["project"] == 1
    assert tests["test_count"]["new_connections"] == 0
    threads = tests["test_threads"]
    assert (threads["new_connections"], threads["closed_connections"]) == (2, 2)
    method = tests["TestDjango::test_method"]
    assert (method["queries"], method["phases"]) == (1, {"setup": {"queries": 2}, "teardown": {"queries": 1}})
    assert run["totals"]["queries"] == sum(test["queries"] for test in tests.values()) == 10


def test_a_distributed_run_reads_as_any_other(suite):
    """With -n 2 the numbers are the same, and so is their order."""
    suite.tests(TESTS)

    assert without_time(run_of(suite, "-n", "2")) == without_time(run_of(suite))


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_run_is_kept_for_prometheus(suite, args):
    """Its last samples are the totals, and it is named after the directory that it ran in."""
    suite.tests(TESTS)
    suite.run(*args, "--dbperf-report=openmetrics:run.om", "--dbperf-report=json:run.json")

    totals = json.loads((suite.path / "run.json").read_text())["totals"]
    *lines, end = (suite.path / "run.om").read_text().splitlines()
    last = {name: int(value) for name, value, _ in (line.split() for line in lines if "_total" in line)}
    job = f'job="{suite.path.name}-tests"'
    assert end == "# EOF"
    assert last[f'django_db_execute_total{{{job},alias="default"}}'] == totals["queries"]
    assert last[f'django_db_new_connections_total{{{job},alias="default"}}'] == totals["new_connections"]
    assert last[f'dbperf_tests_total{{{job},outcome="passed"}}'] == 2
    seconds = [float(line.split()[-1]) for line in lines if "dbperf_tests_total" in line]
    assert min(seconds) < max(seconds) <= time.time() + 1


def test_a_worker_that_crashes_makes_the_run_incomplete(suite):
    """Its results are lost, and the report says that it is incomplete."""
    suite.tests("import os\ndef test_crash(): os._exit(1)\ndef test_fine(): pass")
    run = run_of(suite, "-n", "1")

    assert run["complete"] is False
    assert [(test["id"], test["outcome"]) for test in run["tests"]] == [
        ("test_it.py::test_crash", "crashed"),
        ("test_it.py::test_fine", "passed"),
    ]


@pytest.mark.parametrize(
    ("source", "args", "complete"),
    [
        ("def test_a(): pass", (), True),
        ("def test_a(): assert 0\ndef test_b(): assert 0", (), True),
        ("def test_a(): assert 0\ndef test_b(): pass", ("-x",), False),
        ("def test_a(): pass\nraise ImportError", ("--continue-on-collection-errors",), False),
        ("def test_a(): raise KeyboardInterrupt", (), False),
        ("", (), True),
    ],
)
def test_a_run_that_was_cut_short_is_incomplete(suite, source, args, complete):
    """By -x, by an error in a module, by the keyboard."""
    suite.tests("def test_in_another_module(): pass" if source else "", name="test_other.py")
    suite.tests(source)

    assert run_of(suite, *args)["complete"] is complete


def test_all_is_well_in_one_line(suite):
    """One line is enough if nothing is wrong."""
    result = suite.run_tests("@db\ndef test_a(): queries(2)\n")

    assert [line for line in result.outlines if "dbperf" in line][
        -1
    ] == "dbperf: 1 test, 2 queries, 0 over limit"
    result.stdout.no_fnmatch_line("*call site*")


def test_the_table_is_shown_on_request(suite):
    """Tests and call sites with most queries."""
    result = suite.run_tests(
        "@db\ndef test_a(): queries(2)\n@db\ndef test_b(): queries(3)\n",
        "--dbperf-report=term",
        "--dbperf-top=1",
    )

    result.stdout.fnmatch_lines(
        [
            "=* dbperf =*",
            "2 tests, 5 queries (and 0 in setup), 0 new connections, 0 hops, * s in the database",
            "      3            -     - * test_it.py::test_b",
            "queries  tests  call site",
            "      5      2  test_it.py:* queries",
            "dbperf: 2 tests, 5 queries, 0 over limit",
        ]
    )
    result.stdout.no_fnmatch_line("*test_it.py::test_a")


def test_the_table_is_shown_when_a_budget_is_broken(suite):
    """There is something to look at."""
    result = suite.run_tests("@db\n@pytest.mark.query_budget(0)\ndef test_a(): queries(2)\n")

    result.stdout.fnmatch_lines(
        ["      2 *test_it.py::test_a  OVER LIMIT", "dbperf: 1 test, 2 queries, 1 over limit"]
    )


@pytest.mark.parametrize("args", [("-qq",), ("--collect-only",), ("-k", "nothing")])
def test_where_nothing_is_to_be_said_nothing_is_said(suite, args):
    """Quiet is quiet, and no test is no line."""
    result = suite.run_tests("def test_a(): pass", *args)

    result.stdout.no_fnmatch_line("dbperf: *")


def test_an_incomplete_run_says_so_at_the_end(suite):
    """The last line is the one that is read."""
    result = suite.run_tests("def test_a(): assert 0\ndef test_b(): pass", "-x")

    result.stdout.fnmatch_lines(["dbperf: 1 test, 0 queries, 0 over limit, INCOMPLETE: results are missing"])


def test_fixtures_of_a_wider_scope_are_billed_to_no_test(suite):
    """The test that happens to come first does not pay for all, nor does the last."""
    suite.tests(
        """
@pytest.fixture(scope="module")
def shared(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        queries(7)
        yield
        queries(7)

@pytest.fixture
def own(db):
    queries(2)
    yield
    queries(1)

@pytest.mark.query_budget(1)
def test_first(shared, own):
    queries(1)

@db
@pytest.mark.query_budget(1)
def test_dynamic(request):
    request.getfixturevalue("shared")
    queries(1)
"""
    )

    tests = run_of(suite)["tests"]

    assert [(test["queries"], test["phases"]) for test in tests] == [
        (1, {"setup": {"queries": 0}, "teardown": {"queries": 0}}),
        (1, {"setup": {"queries": 2}, "teardown": {"queries": 1}}),
    ]


def test_a_wider_fixture_that_fails_is_an_error_as_ever(suite):
    """The plugin gets out of the way."""
    result = suite.run_tests(
        """
@pytest.fixture(scope="session")
def broken():
    raise ZeroDivisionError

def test_it(broken):
    pass

def test_other():
    pass
"""
    )

    result.assert_outcomes(errors=1, passed=1)


OVER = """
@db
@pytest.mark.query_budget(0)
def test_over():
    queries(1)
"""


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_report_that_cannot_be_written_destroys_no_run(suite, args):
    """The failures are shown, the other reports are written, and the last line says what is missing."""
    result = suite.run_tests(
        OVER, *args, "--dbperf-report=json:/dev/full", "--dbperf-report=json:run.json", "--dbperf-report=term"
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["*queries 1 > 0 (+1)*", "dbperf: 1 test, *", "FAILED test_it.py::test_over*", "*1 failed*"]
    )
    assert result.outlines[-1] == (
        "dbperf: --dbperf-report=json:/dev/full was not written: No space left on device"
    )
    assert json.loads((suite.path / "run.json").read_text())["exit_code"] == 1


def test_a_wrong_path_of_a_report_is_refused_before_the_tests(suite):
    """All of them at once; with the plugin off none is written."""
    (suite.path / "folder").mkdir()
    paths = ("--dbperf-report=json:folder", "--dbperf-report=json:pytest.ini/run.json")
    result = suite.run_tests(OVER, *paths)

    assert (result.ret, result.outlines) == (pytest.ExitCode.USAGE_ERROR, [])
    result.stderr.fnmatch_lines(
        [
            "ERROR: --dbperf-report=json:folder cannot be written: it is a folder",
            "ERROR: --dbperf-report=json:pytest.ini/run.json cannot be written: Not a directory",
        ]
    )
    assert suite.run(*paths, "--dbperf=off").ret == pytest.ExitCode.OK


def test_an_interrupted_run_stays_one(suite):
    """Its exit code says more than that of a report."""
    result = suite.run_tests("def test_a(): raise KeyboardInterrupt", "--dbperf-report=json:/dev/full")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert result.outlines[-1].startswith("dbperf: --dbperf-report=json:/dev/full was not written")

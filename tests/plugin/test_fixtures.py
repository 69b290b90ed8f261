"""A test can look at its own numbers, and limit a part of itself."""

import pytest

from tests.plugin.conftest import line_of


def test_the_live_recording_has_what_the_test_did_so_far(suite):
    """Queries, connections, hops and requests, with a pause and narrower windows."""
    result = suite.run_tests(
        """
@pytest.fixture
def prepared(dbperf, db):
    queries(5)
    assert len(dbperf.queries) == 0

def test_queries(dbperf, prepared, client):
    queries(1)
    assert len(dbperf.queries) == 1
    with dbperf.pause():
        queries(5)
    with dbperf.record() as part:
        queries(2)
        client.get("/books/")
    queries(1)
    assert len(part.queries) == 3
    assert len(dbperf.queries) == 5
    assert [str(request) for request in dbperf.requests] == ["GET /books/"]
    assert dbperf.queries[0].sql.startswith("SELECT COUNT")
    assert dbperf.bookkeeping == []

@committed
async def test_hops_and_connections(dbperf):
    await sync_to_async(queries)(1)
    await asyncio.to_thread(lambda: (queries(1), connections.close_all()))
    async with dbperf.record() as part:
        await Author.objects.acount()
    assert [hop.origin for hop in dbperf.hops] == ["project", "project", "django"]
    assert len(dbperf.new_connections) == 1
    assert len(part.hops) == 1
"""
    )

    result.assert_outcomes(passed=2)


def test_a_budget_can_hold_for_a_part(suite):
    """As a context manager of both kinds, nested, and with what it recorded."""
    result = suite.run_tests(
        """
@db
def test_sync(query_budget, max_new_connections, no_sync_to_async):
    queries(5)
    with query_budget(2) as recording, max_new_connections(0), no_sync_to_async():
        queries(1)
        with query_budget(1):
            queries(1)
    assert len(recording.queries) == 2

@committed
async def test_async(query_budget, no_sync_to_async):
    async with query_budget(1, at_least=1), no_sync_to_async(allow=["queries"]):
        await sync_to_async(queries)(1)

@db
def test_over(query_budget):
    with query_budget(1):  # over
        queries(2)

@committed
async def test_async_over(query_budget):
    async with query_budget(0):
        await Author.objects.acount()

@db
@pytest.mark.query_budget(0)  # marked
def test_lifted_for_a_part(query_budget):
    with query_budget(None):
        queries(1)
"""
    )

    result.assert_outcomes(passed=2, failed=3)
    over, over_async, marked = (line_of(suite, text) for text in ("# over", "query_budget(0):", "# marked"))
    result.stdout.fnmatch_lines_random(
        [
            f"queries 2 > 1 (+1)   query_budget(1) at test_it.py:{over}",
            f"queries 1 > 0 (+1)   query_budget(0) at test_it.py:{over_async}",
            f"queries 1 > 0 (+1)   query_budget(0) at test_it.py:{marked - 1}",
        ]
    )


def test_a_budget_that_is_never_entered_is_an_error(suite):
    """It would pass whatever happens; one that is passed on, or that a fixture offers, is no mistake."""
    result = suite.run_tests(
        """
@db
def test_forgotten(query_budget):
    query_budget(0)  # forgotten
    queries(1)

@committed
async def test_forgotten_by_a_coroutine(query_budget):
    query_budget(0)
    await Author.objects.acount()

@db
@pytest.mark.query_budget(0)
def test_over_as_well(query_budget):
    query_budget(0)
    queries(1)

@db
def test_failed_anyway(query_budget):
    query_budget(0)
    assert "real" == "failure"

def spend(window):
    with window:
        queries(1)

@db
def test_passed_on(query_budget):
    window = query_budget(1)
    spend(window)
    spend(window)

@pytest.fixture
def one(db, query_budget):
    return query_budget(1)

def test_offered(one):
    pass

def test_taken(one):
    spend(one)
"""
    )

    result.assert_outcomes(passed=3, failed=4)
    forgotten = f"query_budget(0) at test_it.py:{line_of(suite, '# forgotten')} was never entered"
    result.stdout.fnmatch_lines_random(
        [
            f"{forgotten}, so it checked nothing. Write `with query_budget(0):`, or `async with`, *",
            "FAILED test_it.py::test_forgotten_by_a_coroutine - query_budget(0) at * was never entered*",
            "FAILED test_it.py::test_over_as_well - queries 1 > 0*",
            "FAILED test_it.py::test_failed_anyway - *real*",
        ]
    )


def test_a_recording_can_be_made_without_the_fixture(suite):
    """`from pytest_dbperf import record` is for any code, and shares the plugin's recorder."""
    result = suite.run_tests(
        """
from pytest_dbperf import record

@db
@pytest.mark.query_budget(3)
def test_record(dbperf):
    queries(1)
    with record() as recording:
        queries(2)
    assert len(recording.queries) == 2
    assert len(dbperf.queries) == 3

@committed
async def test_tasks_are_told_apart():
    async def job(number):
        with record(task=True) as recording:
            for _ in range(number):
                await Author.objects.acount()
        return len(recording.queries)

    assert await asyncio.gather(job(1), job(2), job(3)) == [1, 2, 3]
"""
    )

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("env", "args"),
    [
        ({}, ()),
        ({}, ("-p", "dbperf")),
        ({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, ("-p", "dbperf", "-p", "django", "-p", "asyncio")),
        ({}, ("--disable-plugin-autoload", "-p", "dbperf", "-p", "django", "-p", "asyncio")),
    ],
    ids=["autoload", "autoload and -p", "variable", "option"],
)
def test_the_plugin_is_loaded_by_its_name(suite, monkeypatch, env, args):
    """`pytest -p dbperf` works with autoload and without it."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    result = suite.run_tests(
        "@db\n@pytest.mark.query_budget(0)\ndef test_it(): queries(1)\n", "--strict-markers", *args
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1)*", "dbperf: 1 test, 1 query, 1 over limit"])


@pytest.mark.parametrize(("mode", "over"), [("enforce", 0), ("report", 1)])
def test_what_a_test_has_caught_is_not_over_its_limit(suite, mode, over):
    """A test of a budget passes when the budget is broken; where nothing is raised, nothing was caught."""
    result = suite.run_tests(
        """
@db
def test_it(query_budget):
    try:
        with query_budget(0):
            queries(1)
    except AssertionError:
        pass
""",
        f"--dbperf={mode}",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"dbperf: 1 test, 1 query, {over} over limit"])


def test_the_plugin_can_be_left_out(suite):
    """`-p no:dbperf` takes the markers with it."""
    result = suite.run_tests("@pytest.mark.filterwarnings('ignore')\ndef test_it(): pass", "-p", "no:dbperf")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*dbperf: *")


def test_the_plugin_may_be_named_by_a_conftest(suite):
    """Late is better than never: the probes are installed when the plugin is configured."""
    suite.file("conftest.py", "pytest_plugins = ['pytest_dbperf.plugin']\n")
    result = suite.run_tests(
        "@db\n@pytest.mark.query_budget(0)\ndef test_it(): queries(1)\n", "-p", "no:dbperf"
    )

    result.assert_outcomes(failed=1)

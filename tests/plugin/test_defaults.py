"""--dbperf-suggest tells what each default of the suite would cost, and the settings to begin with."""

import pytest

TESTS = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.parametrize("number", [1, 2])
def test_list(client, books, number):
    client.get("/books/")

@pytest.mark.query_budget(60)
def test_import(db):
    queries(60)

class TestCases(TestCase):
    def test_method(self):
        queries(2)

    @unittest.expectedFailure
    def test_expected_to_fail(self):
        queries(500)
        assert 0

@committed
async def test_async(async_client):
    await sync_to_async(len)("abc")
    await Author.objects.acount()

def test_pure():
    pass
"""
SETTINGS = [
    "dbperf_query_budget = 4",
    "dbperf_query_budget_per_request = 4",
    "dbperf_no_n_plus_one = true",
    "dbperf_no_repeated_queries = true",
    "dbperf_no_write_loops = true",
    "dbperf_max_new_connections = 0",
    "dbperf_no_connection_leaks = true",
    "dbperf_no_sync_to_async = true",
    "dbperf_max_thread_hops = 2",
    "dbperf_no_blocking_calls = true",
    "dbperf_no_unindexed_filters = true",
]
HYPOTHESIS = """
from hypothesis import given, settings, strategies as st

@db
@settings(max_examples=5)
@given(st.integers())
def test_examples(number):
    queries(7)

def test_other(db):
    queries(1)
"""


def costs(result):
    """The lines about what defaults cost, and the settings to begin with."""
    lines = result.outlines
    start = lines.index("dbperf: what each default would cost")
    middle = lines.index("dbperf: the ini file could begin with")
    end = next(number for number in range(middle + 1, len(lines)) if not lines[number].startswith("dbperf_"))
    return [line.strip() for line in lines[start + 1 : middle - 1]], lines[middle + 1 : end]


@pytest.mark.parametrize("how", [(), ("-n", "2"), ("--dbperf=report",)], ids=["alone", "xdist", "report"])
def test_each_default_tells_what_it_would_cost(suite, how, postgres):
    """The same with xdist, and where budgets fail nothing."""
    result = suite.run_tests(TESTS, "--dbperf-suggest", *how)

    result.assert_outcomes(passed=6, xfailed=1)
    assert costs(result) == (
        [
            "query_budget 4: 0 tests over it",
            "query_budget_per_request 4: 0 routes over it",
            "no_n_plus_one: 1 finding, 2 tests",
            "no_repeated_queries: no findings; in the tests' own code 1 finding, 1 test",
            "no_write_loops: no findings",
            "max_new_connections 0: 0 tests over it",
            "max_open_connections 0: 0 tests over it",
            "no_connection_leaks: no findings",
            "no_sync_to_async: no findings; in the tests' own code 1 finding, 1 test",
            "max_thread_hops 2: 0 tests over it",
            "no_blocking_calls: no findings",
            "no_unindexed_filters: no findings",
        ],
        SETTINGS,
    )


def test_the_settings_can_be_pasted_and_are_then_not_told_again(suite, postgres):
    """Of those that are set, only what is over them fails, as it was told."""
    suite.ini(*SETTINGS)
    result = suite.run_tests(TESTS, "--dbperf-suggest")

    result.assert_outcomes(passed=2, failed=4, xfailed=1)
    assert costs(result) == (["max_open_connections 0: 0 tests over it"], ["dbperf_max_open_connections = 0"])


def test_a_test_with_examples_does_not_count(suite):
    """A budget looks at each example by itself."""
    told, _ = costs(suite.run_tests(HYPOTHESIS, "--dbperf-suggest"))

    assert told[0] == "query_budget 1: 0 tests over it"


def test_markers_for_some_tests_are_written_without_checking_defaults(suite):
    """Checking everything takes time, and only --dbperf-suggest asks for it."""
    result = suite.run_tests(TESTS, "--dbperf-write=test_it.py")

    assert not any("would cost" in line for line in result.outlines)

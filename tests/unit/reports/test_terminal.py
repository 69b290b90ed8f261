"""A run is shown in one line, and on request in tables."""

import pytest

from pytest_dbperf.reports import terminal
from pytest_dbperf.results.model import GroupResult, Measurements, RequestResult, TestResult
from pytest_dbperf.results.of_budgets import FindingResult, ViolationResult
from tests.factories import run_of, violation_result


def group(site_text, count=1):
    """Return a group of queries of this call site."""
    path = [site_text] if site_text else []
    return GroupResult(count, 1, "SELECT 1", "select", [], "default", path, None, 0.1)


def table_of(*tests, top=10):
    """Return the lines of the table."""
    return list(terminal.table(run_of(*tests), top))


def test_one_line_sums_up_a_run():
    """It has the number of tests, of queries and of tests over their limits."""
    assert terminal.last_line(run_of(TestResult("a", "passed", Measurements(queries=1)))) == (
        "dbperf: 1 test, 1 query, 0 over limit"
    )


def test_an_incomplete_run_says_so():
    """Its numbers are too low, since results are missing."""
    assert (
        terminal.last_line(run_of(complete=False))
        == "dbperf: 0 tests, 0 queries, 0 over limit, INCOMPLETE: results are missing"
    )


def test_the_table_begins_with_the_totals():
    """The first line sums up all tests."""
    test = TestResult("a", "passed", Measurements(queries=2, db_ms=1500.0), {"setup": {"queries": 5}})

    assert (
        table_of(test)[0]
        == "1 test, 2 queries (and 5 in setup), 0 new connections, 0 hops, 1.5 s in the database"
    )


def test_the_table_shows_the_reuse_of_connections_if_it_is_known():
    """Without requests and checkouts there is none."""
    reusing = TestResult("a", "passed", Measurements(checkouts=10, new_connections=2, reuse=0.8))
    neither = TestResult("b", "passed", Measurements(new_connections=5))

    assert "7 new connections, 80% reuse, 0 hops" in table_of(reusing, neither)[0]
    assert "5 new connections, 0 hops" in table_of(neither)[0]


def test_the_table_counts_checkouts_if_there_are_any():
    """It says how many checkouts had to wait, and how long."""
    pooled = TestResult(
        "a", "passed", Measurements(checkouts=40, pool_waits=12, pool_wait_ms=1500, reuse=1.0)
    )

    assert table_of(pooled)[1] == "40 checkouts from pools, 12 of them waited, 1.5 s in total"
    assert not any("checkout" in line for line in table_of(TestResult("a", "passed")))


def test_the_table_has_the_tests_with_most_queries():
    """The test with most queries comes first."""
    few = TestResult("few", "passed", Measurements(queries=1))
    many = TestResult(
        "many", "failed", Measurements(queries=9, hops={"django": 2}), violations=[violation_result()]
    )

    assert table_of(few, many)[3:] == [
        "      9            -     2      0.0  many  OVER LIMIT",
        "      1            -     -      0.0  few",
    ]


@pytest.mark.parametrize(("top", "rows"), [(1, 1), (2, 2), (0, 3)])
def test_the_number_of_rows_can_be_chosen(top, rows):
    """Zero shows all rows."""
    tests = [TestResult(str(number), "passed") for number in range(3)]

    assert len(table_of(*tests, top=top)) == 3 + rows


def test_the_table_has_the_call_sites_with_most_queries():
    """A call site has the queries of all tests."""
    one = TestResult("a", "passed", Measurements(groups=[group("views.py:7 view", 3), group(None, 1)]))
    two = TestResult("b", "passed", Measurements(groups=[group("views.py:7 view", 2)]))

    assert table_of(one, two)[-3:] == [
        "queries  tests  call site",
        "      5      2  views.py:7 view",
        "      1      1  (no frame of your code)",
    ]


def test_a_table_of_nothing_is_its_totals():
    """Without tests there are no rows."""
    assert len(table_of()) == 1


def test_a_request_is_shown_at_its_worst_and_its_middlewares_once():
    """Middlewares that an earlier row has listed are only counted."""
    first = RequestResult("GET /one/", 1, {"orm": 1, "middleware:A": 2, "middleware:B": 1}, 1)
    second = RequestResult("GET /two/", 1, {"middleware:A": 2, "middleware:B": 1})
    requests = [first, RequestResult("GET /one/", 1, {"orm": 1}, 1), second, RequestResult("GET /no/", 1)]
    requests.append(RequestResult("GET /three/", 1, {"project": 2}, 2))

    lines = table_of(TestResult("a", "passed", Measurements(requests=requests)))

    start = lines.index("   hops  in view  request")
    assert lines[start + 1 : start + 8] == [
        "      4        1  GET /one/",
        "                  orm 1, middlewares 3 (A 2, B 1)",
        "      3        0  GET /two/",
        "                  middlewares 3",
        "      2        2  GET /three/",
        "                  project 2",
    ]


@pytest.mark.parametrize(("top", "shown"), [(1, ["many"]), (2, ["many", "few"]), (0, ["many", "few"])])
def test_what_a_failure_would_say_is_told_for_the_tests_with_most_queries(top, shown):
    """Each text names its test; tests within their limits have none."""
    broken = ViolationResult("query_budget", 2, 1, "queries 2 > 1 (+1)", None, ["", "    2x  SELECT 1"])
    tests = [
        TestResult("few", "passed", Measurements(queries=1), violations=[broken]),
        TestResult("many", "passed", Measurements(queries=9), violations=[broken]),
        TestResult("none", "passed", Measurements(queries=99)),
    ]

    assert [*terminal.explanations(run_of(*tests), top)] == [
        line
        for name in shown
        for line in ("", f"over limit: {name}", "queries 2 > 1 (+1)", "", "    2x  SELECT 1")
    ]


def test_what_is_listed_as_a_finding_is_not_explained_again():
    """A test that broke other budgets as well is explained for those, and one that did not takes no place."""
    found = FindingResult(
        "no_n_plus_one", "Book.author", "f", 2, in_tests=False, is_accepted=False, limit_is_hard=False
    )
    loops = ViolationResult("no_n_plus_one", 2, 0, "N+1 queries 2 > 0", None)
    tests = [
        TestResult("loop", "passed", Measurements(queries=9), violations=[loops], findings=[found]),
        TestResult("both", "passed", violations=[loops, violation_result()], findings=[found]),
    ]

    assert [*terminal.explanations(run_of(*tests), 1)] == ["", "over limit: both", "queries 2 > 1 (+1)"]

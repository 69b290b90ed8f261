"""The results of a run are collected from the reports of its phases, and written for readers and tools."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.reports import terminal
from pytest_dbperf.reports.files import FILES
from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.measuring import measure, violation_result_of
from pytest_dbperf.results.model import (
    AliasResult,
    GroupResult,
    Measurements,
    RequestResult,
    Run,
    TestResult,
    ViolationResult,
)
from pytest_dbperf.results.phase_numbers import PhaseNumbers
from tests.factories import (
    blocking_call,
    closed_connection,
    driver_query,
    hop,
    new_connection,
    query,
    recording,
    request,
    response,
    site,
)

ROOT = Path("/srv/app")
VIEW = site("view", "/srv/app/views.py", 7)


def run(*tests, complete=True, exit_code=0):
    """Return a run of these tests."""
    return Run(complete=complete, exit_code=exit_code, versions={"django": "6.1.3"}, tests=tests)


def violation(message="queries 2 > 1 (+1)"):
    """Return the result of a broken budget."""
    return ViolationResult("query_budget", 2, 1, message, "views.py:7")


def measured(*events, with_groups=True, **state):
    """Return the measurements of these events."""
    return measure(recording(*events, **state), ROOT, with_groups=with_groups)


def test_a_recording_is_summarised_in_numbers():
    """Each kind of event has its number."""
    result = measured(
        query("BEGIN", seconds=0.001),
        query(seconds=0.0015),
        new_connection(open_now=2),
        closed_connection(open_now=1),
        hop(),
        hop(origin="django"),
        blocking_call(),
        open_connections=1,
    )

    assert (result.queries, result.bookkeeping, result.new_connections, result.closed_connections) == (
        1,
        1,
        1,
        1,
    )
    assert (result.peak_connections, result.checkouts, result.db_ms) == (2, 0, 2.5)
    assert result.hops == {"django": 1, "project": 1}
    assert result.blocking_calls == 1


def test_each_request_has_its_queries():
    """A test may make many requests; one without queries is listed, too."""
    first, second = request(1), request(2, path="/empty/")

    result = measured(first, query(request=first), query(request=first), second, query())

    assert [(each.request, each.queries) for each in result.requests] == [
        ("GET /api/campaigns/", 2),
        ("GET /empty/", 0),
    ]


def test_each_request_has_its_response():
    """A request that did not end within the recording has none."""
    result = measured(request(1), request(2), response(2), response(3))

    assert [(each.view, each.status, each.ms) for each in result.requests] == [
        ("", None, None),
        ("api/campaigns/", 200, 12.3),
    ]


def test_each_database_has_its_numbers():
    """Transaction control does not count, and a statement of the driver may have no alias."""
    result = measured(
        query(),
        query("BEGIN"),
        query(using="replica"),
        new_connection(using="other"),
        driver_query(),
        driver_queries=True,
    )

    assert result.by_alias == {
        "default": AliasResult(1, 0),
        "other": AliasResult(0, 1),
        "replica": AliasResult(1, 0),
    }


def test_groups_say_what_ran_from_where():
    """A group is made of plain values."""
    result = measured(query("SELECT a FROM t WHERE id = 1", path=[VIEW], request=request(), seconds=0.001))

    assert result.groups == [
        GroupResult(
            count=1,
            distinct=1,
            fingerprint="SELECT a FROM t WHERE id = %s",
            kind="select",
            tables=["t"],
            using="default",
            call_path=["views.py:7 view"],
            request="GET /api/campaigns/",
            ms=1.0,
        )
    ]


def test_a_statement_of_the_driver_need_not_have_an_alias():
    """It may run on a connection that is not Django's."""
    result = measured(query(), driver_query(), driver_queries=True)

    assert [group.using for group in result.groups] == ["default", None]


def test_groups_are_made_on_request_only():
    """Without groups no statement is read."""
    assert measured(query(), with_groups=False).groups == []


def test_a_violation_is_kept_with_its_first_line_and_location():
    """The rest of its text is shown in the failure only."""
    broken = QueryBudget(0).check(recording(query(path=[VIEW]))).given_as("query_budget(0) at a.py:1")

    assert violation_result_of(broken, ROOT) == ViolationResult(
        "query_budget", 1, 0, "queries 1 > 0 (+1)   query_budget(0) at a.py:1", "views.py:7"
    )


def numbers(body=None, **around):
    """The numbers of a phase as its report carries them: the queries of the body, and those around it."""
    call = None if body is None else Measurements(queries=body)
    return json.loads(json.dumps(PhaseNumbers(queries=around, call=call).to_dict()))


def test_the_phases_of_a_test_come_together():
    """Setup, call and teardown arrive one after the other."""
    so_far = RunInProgress()
    so_far.add("a", "setup", "passed", numbers(setup=2))
    so_far.add("a", "call", "passed", numbers(3, setup=1, teardown=1))
    so_far.add("a", "teardown", "passed", numbers(teardown=4))

    (result,) = so_far.run(0).tests

    assert (result.outcome, result.call.queries) == ("passed", 3)
    assert result.phases == {"setup": {"queries": 3}, "teardown": {"queries": 5}}


def test_a_test_that_runs_again_replaces_its_result():
    """Only its last attempt is kept."""
    so_far = RunInProgress()
    for outcome, queries in (("rerun", 9), ("passed", 1)):
        so_far.add("a", "setup", "passed", numbers(setup=queries))
        so_far.add("a", "call", outcome, numbers(queries))

    (result,) = so_far.run(0).tests

    assert (result.outcome, result.call.queries, result.phases["setup"]["queries"]) == ("passed", 1, 1)


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ([("setup", "failed")], "error"),
        ([("setup", "skipped")], "skipped"),
        ([("setup", "passed"), ("call", "failed"), ("teardown", "passed")], "failed"),
        ([("setup", "passed"), ("call", "passed"), ("teardown", "failed")], "error"),
        ([("setup", "passed"), ("call", "xfailed"), ("teardown", "passed")], "xfailed"),
        ([("setup", "passed")], "crashed"),
    ],
)
def test_the_outcome_is_that_of_the_phase_that_decides(phases, outcome):
    """A failure in the setup or the teardown is an error, as in pytest."""
    so_far = RunInProgress()
    for phase, of_phase in phases:
        so_far.add("a", phase, of_phase, numbers())

    assert so_far.run(0).tests[0].outcome == outcome


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        (SimpleNamespace(outcome="passed"), "passed"),
        (SimpleNamespace(outcome="skipped", skipped=True, wasxfail=""), "xfailed"),
        (SimpleNamespace(outcome="passed", skipped=False, wasxfail=""), "xpassed"),
    ],
)
def test_expected_failures_have_outcomes_of_their_own(report, outcome):
    """A reader of the run need not know pytest's `wasxfail`."""
    assert outcome_of(report) == outcome


def test_tests_are_in_the_order_of_their_ids():
    """With xdist, too, they are in this order."""
    so_far = RunInProgress()
    for nodeid in ("b", "a"):
        so_far.add(nodeid, "setup", "passed", numbers())

    assert [test.id for test in so_far.run(0).tests] == ["a", "b"]


def test_a_run_knows_when_it_ran():
    """A test ends with its last phase; the run starts with the first test of any worker."""
    so_far = RunInProgress(project="shop")
    so_far.add("b", "setup", "passed", numbers(), (101.0, 102.0))
    so_far.add("a", "setup", "passed", numbers(), (100.0, 103.0))
    so_far.add("b", "teardown", "passed", numbers(), (104.0, 105.0))

    run = so_far.run(0)

    assert (run.project, run.started) == ("shop", 100.0)
    assert [(test.id, test.ended) for test in run.tests] == [("a", 103.0), ("b", 105.0)]


def test_a_run_knows_what_it_ran_with():
    """The numbers can change with Django's version."""
    assert {"django", "pytest", "pytest-dbperf"} <= set(RunInProgress().run(0).versions)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    """psycopg is not required."""
    monkeypatch.setattr("pytest_dbperf.results.collecting._PACKAGES", ("no-such-package",))

    assert RunInProgress().run(0).versions == {}


def test_totals_are_those_of_the_call_phases():
    """Budgets limit the call phase, so totals are about it, too."""
    one = TestResult("a", "passed", Measurements(queries=2, hops={"project": 1, "django": 2}, db_ms=1.5))
    two = TestResult(
        "b",
        "passed",
        Measurements(blocking_calls=2, queries=3, new_connections=1, checkouts=1, bookkeeping=4, db_ms=1),
    )

    assert run(one, two).totals == {
        "tests": 2,
        "queries": 5,
        "bookkeeping": 4,
        "new_connections": 1,
        "leaked_connections": 0,
        "checkouts": 1,
        "hops": 3,
        "blocking_calls": 2,
        "db_ms": 2.5,
    }


def test_the_reuse_of_a_run_is_that_of_its_requests_and_checkouts():
    """Tests with neither are left out."""
    served = [RequestResult("GET /", 1)] * 10
    by_requests = TestResult("a", "passed", Measurements(requests=served, new_connections=1, reuse=0.9))
    by_pool = TestResult("b", "passed", Measurements(checkouts=10, new_connections=3, reuse=0.7))
    neither = TestResult("c", "passed", Measurements(new_connections=5))

    assert run(by_requests, by_pool, neither).reuse == 0.8
    assert run(neither).reuse is None
    assert "reuse" not in table_of(neither)[0]
    assert "9 new connections, 80% reuse, 0 hops" in table_of(by_requests, by_pool, neither)[0]


def test_an_expected_failure_is_not_over_the_limit():
    """The last line counts only the tests that need a change."""
    tests = [
        TestResult(name, outcome, violations=[violation()])
        for name, outcome in (("a", "failed"), ("b", "xfailed"))
    ]

    assert [test.id for test in run(*tests).over_limit] == ["a"]


def test_the_json_has_one_test_a_line():
    """The file is JSON, and `diff` can compare two of them."""
    text = FILES["json"](run(TestResult("a", "passed"), TestResult("b", "failed", violations=[violation()])))

    assert [line[:11] for line in text.splitlines() if '"id"' in line] == ['  {"id": "a', '  {"id": "b']
    assert json.loads(text)["tests"][1]["violations"][0]["location"] == "views.py:7"
    assert json.loads(text)["schema"] == "dbperf-run/1"


def test_an_empty_run_is_json_too():
    """The file is valid even if no test was collected."""
    assert json.loads(FILES["json"](run()))["tests"] == []


def test_one_line_sums_up_a_run():
    """It has the number of tests, of queries and of tests over their limits."""
    assert terminal.last_line(run(TestResult("a", "passed", Measurements(queries=1)))) == (
        "dbperf: 1 test, 1 query, 0 over limit"
    )


def test_an_incomplete_run_says_so():
    """Its numbers are too low, since tests are missing."""
    assert (
        terminal.last_line(run(complete=False))
        == "dbperf: 0 tests, 0 queries, 0 over limit, INCOMPLETE: tests are missing"
    )


def group(site_text, count=1):
    """Return a group of queries of this call site."""
    path = [site_text] if site_text else []
    return GroupResult(count, 1, "SELECT 1", "select", [], "default", path, None, 0.1)


def table_of(*tests, top=10):
    """Return the lines of the table."""
    return list(terminal.table(run(*tests), top))


def test_the_table_begins_with_the_totals():
    """The first line sums up all tests."""
    test = TestResult("a", "passed", Measurements(queries=2, db_ms=1500.0), {"setup": {"queries": 5}})

    assert (
        table_of(test)[0]
        == "1 test, 2 queries (and 5 in setup), 0 new connections, 0 hops, 1.5 s in the database"
    )


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
    many = TestResult("many", "failed", Measurements(queries=9, hops={"django": 2}), violations=[violation()])

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

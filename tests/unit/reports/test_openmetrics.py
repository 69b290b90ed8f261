"""A run becomes counters over time, with the metric names of production."""

from pytest_dbperf.reports.files import FILES
from pytest_dbperf.results.model import AliasResult, Measurements, RequestResult, Run, TestResult
from pytest_dbperf.results.of_budgets import ViolationResult

START = 1_700_000_000.0


def written(*tests):
    """Return the report of these tests."""
    run = Run(complete=True, exit_code=0, versions={}, tests=tests, project="shop", started=START)
    return FILES["openmetrics"](run)


def test_counters_grow_from_nothing_to_the_totals():
    """There is a sample every 15 seconds, and one at the end."""
    text = written(
        TestResult("a", "passed", Measurements(by_alias={"default": AliasResult(3, 1)}), ended=START + 16),
        TestResult("b", "failed", Measurements(by_alias={"default": AliasResult(4, 0)}), ended=START + 32),
        TestResult("c", "passed", Measurements(by_alias={"other": AliasResult(1, 0)}), ended=START + 32.5),
    )

    assert (
        text
        == """\
# TYPE django_db_execute counter
# HELP django_db_execute Queries in test bodies, without transaction control.
django_db_execute_total{job="shop-tests",alias="default"} 0 1700000000.000
django_db_execute_total{job="shop-tests",alias="default"} 0 1700000015.000
django_db_execute_total{job="shop-tests",alias="default"} 3 1700000030.000
django_db_execute_total{job="shop-tests",alias="default"} 7 1700000032.500
django_db_execute_total{job="shop-tests",alias="other"} 0 1700000000.000
django_db_execute_total{job="shop-tests",alias="other"} 0 1700000015.000
django_db_execute_total{job="shop-tests",alias="other"} 0 1700000030.000
django_db_execute_total{job="shop-tests",alias="other"} 1 1700000032.500
# TYPE django_db_new_connections counter
# HELP django_db_new_connections Physical connections that were opened in test bodies.
django_db_new_connections_total{job="shop-tests",alias="default"} 0 1700000000.000
django_db_new_connections_total{job="shop-tests",alias="default"} 0 1700000015.000
django_db_new_connections_total{job="shop-tests",alias="default"} 1 1700000030.000
django_db_new_connections_total{job="shop-tests",alias="default"} 1 1700000032.500
django_db_new_connections_total{job="shop-tests",alias="other"} 0 1700000000.000
django_db_new_connections_total{job="shop-tests",alias="other"} 0 1700000015.000
django_db_new_connections_total{job="shop-tests",alias="other"} 0 1700000030.000
django_db_new_connections_total{job="shop-tests",alias="other"} 0 1700000032.500
# TYPE dbperf_tests counter
# HELP dbperf_tests Tests that have ended.
dbperf_tests_total{job="shop-tests",outcome="failed"} 0 1700000000.000
dbperf_tests_total{job="shop-tests",outcome="failed"} 0 1700000015.000
dbperf_tests_total{job="shop-tests",outcome="failed"} 0 1700000030.000
dbperf_tests_total{job="shop-tests",outcome="failed"} 1 1700000032.500
dbperf_tests_total{job="shop-tests",outcome="passed"} 0 1700000000.000
dbperf_tests_total{job="shop-tests",outcome="passed"} 0 1700000015.000
dbperf_tests_total{job="shop-tests",outcome="passed"} 1 1700000030.000
dbperf_tests_total{job="shop-tests",outcome="passed"} 2 1700000032.500
# EOF
"""
    )


def test_latencies_are_a_histogram():
    """A request that did not end has none; one that was cancelled, or had no view, has one."""
    requests = [
        RequestResult("GET /books/1/", 1, view="books/<int:id>/", status=200, ms=3.0),
        RequestResult("GET /books/2/", 1, view="books/<int:id>/", status=200, ms=20_000.5),
        RequestResult("GET /books/3/", 1),
        RequestResult("GET /slow/", 1, view="slow/", ms=1.0),
        RequestResult("POST /nothing/", 1, status=404, ms=1.0),
    ]
    text = written(TestResult("a", "passed", Measurements(requests=requests), ended=START + 1))

    at_end = [line for line in text.splitlines() if line.endswith(" 1700000001.000")]
    name = "django_http_requests_latency_seconds"
    books = 'job="shop-tests",view="/books/<int:id>/",method="GET",status="200"'
    of_books = [line.removesuffix(" 1700000001.000") for line in at_end if books in line]
    fast = ("0.001", "0.0025")
    slow = ("0.005", "0.0075", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75")
    slower = ("1.0", "2.5", "5.0", "7.5", "10.0")
    assert of_books == [
        *(f'{name}_bucket{{{books},le="{limit}"}} 0' for limit in fast),
        *(f'{name}_bucket{{{books},le="{limit}"}} 1' for limit in (*slow, *slower)),
        f'{name}_bucket{{{books},le="+Inf"}} 2',
        f"{name}_count{{{books}}} 2",
        f"{name}_sum{{{books}}} 20.003500",
    ]
    assert [line.split("{")[1].split("}")[0] for line in at_end if line.startswith(f"{name}_count")] == [
        books,
        'job="shop-tests",view="/slow/",method="GET",status="cancelled"',
        'job="shop-tests",view="unknown",method="POST",status="404"',
    ]


def test_hops_and_broken_budgets_are_counted():
    """Their names begin with `dbperf_`."""
    broken = ViolationResult("query_budget", 2, 1, "queries 2 > 1 (+1)", None)
    text = written(
        TestResult(
            "a", "failed", Measurements(hops={"project": 2}), violations=[broken, broken], ended=START + 1
        )
    )

    assert 'dbperf_hops_total{job="shop-tests",origin="project"} 2 1700000001.000' in text
    assert 'dbperf_violations_total{job="shop-tests",budget="query_budget"} 2 1700000001.000' in text


def test_labels_are_escaped():
    """A route can be a regular expression."""
    request = RequestResult("GET /", 1, view='^(?P<a>"\\d+")\n$', status=200, ms=1.0)
    text = written(TestResult("a", "passed", Measurements(requests=[request]), ended=START + 1))

    assert r'view="/^(?P<a>\"\\d+\")\n$"' in text


def test_no_two_samples_have_one_time():
    """A test can end in the millisecond in which it began, or exactly at a sample."""
    at_once = written(TestResult("a", "passed", ended=START))
    on_time = written(TestResult("a", "passed", ended=START + 15))

    assert [line.split()[1:] for line in at_once.splitlines() if line.startswith("dbperf_tests")] == [
        ["0", "1700000000.000"],
        ["1", "1700000000.001"],
    ]
    assert [line.split()[1:] for line in on_time.splitlines() if line.startswith("dbperf_tests")] == [
        ["0", "1700000000.000"],
        ["1", "1700000015.000"],
        ["1", "1700000015.001"],
    ]


def test_a_run_without_tests_has_nothing_to_tell():
    """The file is still written, and valid."""
    assert written() == "# EOF\n"

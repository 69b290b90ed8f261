"""What each default of a suite would cost, by the numbers of a run."""

import pytest

from pytest_dbperf.reports import suggestions as report
from pytest_dbperf.results.model import Measurements, RequestResult, TestResult
from pytest_dbperf.results.of_budgets import BudgetResult
from pytest_dbperf.results.of_defaults import Cause, DefaultResult
from pytest_dbperf.suggestions.defaults import costs_of, limits_for
from pytest_dbperf.suggestions.files import SuggestionOptions, SuggestionSummary

IN_VIEW = Cause("Book.author", "shop/views.py titles", in_tests=False)
IN_OTHER_VIEW = Cause("Book.tags", "shop/views.py titles", in_tests=False)
IN_FACTORY = Cause("insert shop_book", "tests/factories.py make", in_tests=True)


def result(
    *defaults, number=0, outcome="passed", queries=0, requests=(), hops=0, new_connections=0, budgets=()
):
    """A test and what defaults would find in it."""
    call = Measurements(
        queries=queries,
        requests=requests,
        hops={"project": hops} if hops else {},
        new_connections=new_connections,
    )
    return TestResult(f"test_it.py::test[{number}]", outcome, call, defaults=defaults, budgets=budgets)


def with_queries(*numbers, **fields):
    """A test for each of these numbers of queries."""
    return [
        result(DefaultResult("query_budget", measured=number), number=index, queries=number, **fields)
        for index, number in enumerate(numbers)
    ]


def marker(name, arguments=""):
    """A marker of a test."""
    return BudgetResult(name, 9, 1, arguments, f"{name}(9) at test_it.py:1", "on the function")


def told(tests, set_already=()):
    """The lines about costs, and the settings to begin with."""
    summary = SuggestionSummary(
        SuggestionOptions(for_all=True, patterns=(), is_dry_run=True),
        is_complete=True,
        has_passed_tests=True,
        functions=(),
        changes=(),
        not_written=(),
        unmatched=(),
        costs=costs_of(tests, set_already),
    )
    lines = list(report.lines(summary))[1:]
    if not lines:
        return [], []
    assert lines[:2] == ["", "dbperf: what each default would cost"]
    end = lines.index("dbperf: the ini file could begin with")
    return [line.strip() for line in lines[2 : end - 1]], lines[end + 1 :]


@pytest.mark.parametrize(
    ("numbers", "limits"),
    [
        ([0], [0]),
        ([3], [3]),
        ([26], [30]),
        ([1, 1, 1, 26, 26], [30]),
        ([3, 12_000], [3]),
        (list(range(1, 101)), [95, 100]),
        ([*range(1, 101), 5_000, 5_100], [100]),
        ([10] * 990 + [134] * 10, [10]),
        ([10] * 970 + [134] * 30, [10, 150]),
        ([4] * 9_400 + [35] * 500 + [81] * 90 + [1_234] * 10, [35, 85]),
        ([1] * 99 + [10], [1, 10]),
        ([2] * 99 + [50], [2]),
    ],
)
def test_limits_are_round_and_keep_most_numbers(numbers, limits):
    """About 95, 99 and 99.9 percent. A number far above all others is of a test that needs its own limit."""
    assert limits_for(numbers) == limits


def test_a_limit_tells_how_many_tests_are_over_it():
    """Those that ran no query keep any limit. The limit to begin with keeps 99 percent."""
    tests = with_queries(*[0] * 100, *[4] * 92, *[12] * 5, 29, 49, 60)

    assert told(tests) == (
        ["query_budget 15: 3 tests over it; 50: 1; 60: 0"],
        ["dbperf_query_budget = 50"],
    )


def test_only_tests_that_passed_and_have_no_marker_of_their_own_count():
    """A default is for the others."""
    tests = [
        *with_queries(2),
        *with_queries(200, outcome="failed"),
        *with_queries(300, budgets=[marker("query_budget")]),
        *with_queries(3, budgets=[marker("query_budget", "per_request=True")]),
        *with_queries(4, budgets=[marker("max_thread_hops")]),
    ]

    assert told(tests) == (["query_budget 4: 0 tests over it"], ["dbperf_query_budget = 4"])


def test_what_is_set_already_is_not_told():
    """For the test and for each request there is a setting of its own."""
    request = RequestResult("GET /books/", 7, view="books/")
    tests = with_queries(7, requests=[request])

    assert told(tests)[1] == ["dbperf_query_budget = 7", "dbperf_query_budget_per_request = 7"]
    assert told(tests, ["query_budget"])[1] == ["dbperf_query_budget_per_request = 7"]
    assert told(tests, ["query_budget_per_request"])[1] == ["dbperf_query_budget = 7"]
    assert told(tests, ["query_budget_per_request", "query_budget"]) == ([], [])


def test_requests_count_by_route_at_their_worst():
    """That is how a baseline accepts them. Those of a test with a marker for each request do not count."""
    requests = [
        RequestResult("GET /books/1/", 3, view="books/<pk>/"),
        RequestResult("GET /books/2/", 7, hops={"orm": 2, "project": 1}, view="books/<pk>/"),
        RequestResult("GET /about/", 0, view="about/"),
        RequestResult("POST /books/", 2, view="books/"),
    ]
    defaults = [DefaultResult("query_budget", measured=0), DefaultResult("max_thread_hops", measured=0)]
    marked = result(
        *defaults,
        requests=[RequestResult("GET /", 900)],
        budgets=[marker("query_budget", "per_request=True")],
    )

    assert told([result(*defaults, requests=requests, hops=3), marked])[0] == [
        "query_budget_per_request 7: 0 routes over it",
        "max_thread_hops_per_request 3: 0 routes over it",
    ]


def test_no_connections_is_a_limit():
    """Of tests that use a database; the others prove nothing."""
    connections = DefaultResult("max_new_connections", measured=0)
    some = DefaultResult("max_new_connections", measured=1)

    assert told([result(connections)]) == ([], [])
    assert told([result(connections, queries=1)] * 99 + [result(some, new_connections=1)])[0] == [
        "max_new_connections 0: 1 test over it; 1: 0"
    ]


def test_findings_count_once_for_all_tests():
    """What the tests' own code does is told apart."""
    tests = [
        result(DefaultResult("no_n_plus_one", causes=[IN_VIEW, IN_OTHER_VIEW])),
        result(DefaultResult("no_n_plus_one", causes=[IN_VIEW, IN_FACTORY])),
        result(DefaultResult("no_n_plus_one")),
    ]

    assert told(tests) == (
        ["no_n_plus_one: 2 findings, 2 tests; in the tests' own code 1 finding, 1 test"],
        ["dbperf_no_n_plus_one = true"],
    )
    assert told(tests[2:])[0] == ["no_n_plus_one: no findings"]


def test_a_budget_of_another_plugin_may_have_no_findings_to_tell():
    """Then it is the tests that break it that count."""
    broken = DefaultResult("no_surprises", is_broken=True)

    assert told([result(broken)] * 3)[0] == ["no_surprises: 3 tests over it"]
    assert told([result(DefaultResult("no_surprises"))])[0] == ["no_surprises: no findings"]
    assert told([result(broken, budgets=[marker("no_surprises")])]) == ([], [])


@pytest.mark.parametrize(("hops", "is_told"), [(0, False), (1, True)])
def test_limits_on_hops_are_for_suites_that_hop(hops, is_told):
    """Elsewhere they would say nothing."""
    names = ["no_sync_to_async", "no_blocking_calls"]
    tests = [result(*map(DefaultResult, names), hops=hops)]

    assert told(tests)[0] == [f"{name}: no findings" for name in names if is_told]


def test_a_default_that_another_one_covers_is_not_to_begin_with():
    """A connection that was not opened is not open."""
    both = [DefaultResult(name, measured=0) for name in ("max_new_connections", "max_open_connections")]

    costs, start = told([result(*both, queries=1)])
    assert len(costs) == 2
    assert start == ["dbperf_max_new_connections = 0"]
    assert told([result(both[1], queries=1)])[1] == ["dbperf_max_open_connections = 0"]

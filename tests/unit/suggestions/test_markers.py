"""A run suggests markers that its numbers prove, and none that exists already."""

import pytest

from pytest_dbperf.reports import suggestions as report
from pytest_dbperf.results.model import Measurements, RequestResult, SourceResult, TestResult
from pytest_dbperf.results.of_budgets import BudgetResult, ViolationResult
from pytest_dbperf.suggestions.files import FileChange, SuggestionOptions, SuggestionSummary
from pytest_dbperf.suggestions.markers import NotWritten, Suggestion, describe_test, select, suggestions_for

FILE = "tests/test_api.py"


def source(name="test_it", *, path=FILE, line=18, obstacle="", is_async=False, has_database=True):
    """Where a test is written."""
    return SourceResult(path, line, name, "digest", obstacle, is_async, has_database)


def held(limit, measured=None, *, budget="query_budget", arguments="", nearness="on the function"):
    """A budget of a test."""
    text = f"{budget}({limit}) at {FILE}:18"
    is_per_request = "per_request=True" in arguments
    return BudgetResult(budget, limit, measured, arguments, text, nearness, is_per_request)


def result(
    *budgets,
    name="test_it",
    parameter="",
    outcome="passed",
    violations=(),
    queries=0,
    connections=0,
    hops=None,
    requests=1,
    **written,
):
    """The result of a test."""
    where = source(name, **written)
    ident = f"{where.path}::{name.replace('.', '::')}{f'[{parameter}]' if parameter else ''}"
    served = [RequestResult("GET /", 1)] * requests
    call = Measurements(queries=queries, new_connections=connections, hops=hops or {}, requests=served)
    return TestResult(ident, outcome, call, violations=violations, source=where, budgets=budgets)


def suggested(*tests):
    """The suggested markers, as they are written."""
    return [str(one) for function in suggestions_for(tests) for one in function.suggestions]


@pytest.mark.parametrize(
    ("test", "markers"),
    [
        (result(queries=7), ["query_budget(7)", "max_new_connections(0)"]),
        (result(queries=2, connections=3), ["query_budget(2)", "max_new_connections(3)"]),
        # The test may use the database and does not: a limit of 0 keeps it so.
        (result(), ["query_budget(0)", "max_new_connections(0)"]),
        # pytest-django lets this test make no query.
        (result(has_database=False), []),
        (result(has_database=False, is_async=True), []),
        # This test made one all the same.
        (result(has_database=False, queries=1), ["query_budget(1)", "max_new_connections(0)"]),
        (
            result(is_async=True),
            ["query_budget(0)", "max_new_connections(0)", "no_sync_to_async"],
        ),
        (
            result(is_async=True, queries=1, hops={"django": 2}),
            ["query_budget(1)", "max_new_connections(0)", "max_thread_hops(2)", "no_sync_to_async"],
        ),
        (
            result(queries=1, hops={"django": 2, "project": 1}),
            ["query_budget(1)", "max_new_connections(0)", "max_thread_hops(3)"],
        ),
        (result(has_database=False, hops={"project": 1}), ["max_thread_hops(1)"]),
    ],
)
def test_a_test_without_markers_gets_what_holds_and_is_of_use(test, markers):
    """Its numbers become the limits; a test without a database needs none."""
    assert suggested(test) == markers


NOTHING_ELSE = (held(0, 0, budget="max_new_connections"),)


@pytest.mark.parametrize(
    ("budgets", "markers"),
    [
        ([held(10, 7)], ["query_budget(7)"]),
        ([held(7, 7)], []),
        ([held(10, 7, nearness="farther")], ["query_budget(7)"]),
        ([held(7, 7, nearness="farther")], []),
        # The nearest marker replaces the others as a whole, so its other arguments are kept.
        ([held(10, 7, arguments="tables={'a': 2}")], ["query_budget(7, tables={'a': 2})"]),
        # This marker limits one alias, and measured that alias.
        ([held(10, 4, arguments="using='default'")], ["query_budget(4, using='default')"]),
        # A marker lifts the budget on purpose.
        ([held(None)], []),
        # Two markers limit two aliases.
        ([held(9, 7, arguments="using='default'"), held(9, 0, arguments="using='other'")], []),
        # A parameter's own marker is nearer than one on the function.
        ([held(10, 7, nearness="nearer")], []),
        ([held(7, 7), held(5, 2, budget="max_open_connections")], ["max_open_connections(2)"]),
        (
            [held(7, 7), held(9, 3, budget="max_thread_hops", arguments="per_request=True")],
            ["max_thread_hops(3, per_request=True)"],
        ),
    ],
)
def test_what_is_as_tight_already_is_not_said_again(budgets, markers):
    """A marker that is too loose is suggested with the lower number."""
    assert suggested(result(*NOTHING_ELSE, *budgets, queries=7)) == markers


OF_REQUESTS = "per_request=True"


def test_a_limit_of_requests_is_tightened_beside_that_of_the_test():
    """They are two markers of one name, and each has its own number."""
    budgets = [held(10, 7), held(9, 3, arguments=OF_REQUESTS)]

    assert suggested(result(*NOTHING_ELSE, *budgets, queries=7)) == [
        "query_budget(7)",
        "query_budget(3, per_request=True)",
    ]
    (function,) = suggestions_for([result(*NOTHING_ELSE, *budgets, queries=7)])
    assert [one.is_per_request for one in function.suggestions] == [False, True]


def test_a_limit_of_requests_does_not_stop_a_new_one_for_the_test():
    """The suite may have a default for requests alone."""
    of_suite = held(3, 3, arguments=OF_REQUESTS, nearness="farther")

    assert suggested(result(*NOTHING_ELSE, of_suite, queries=7)) == ["query_budget(7)"]


def test_a_test_without_requests_teaches_nothing_about_them():
    """Its number of 0 would be a limit for the requests to come."""
    of_suite = held(26, 0, arguments=OF_REQUESTS, nearness="farther")

    assert suggested(result(*NOTHING_ELSE, of_suite, queries=7, requests=0)) == ["query_budget(7)"]
    assert suggested(
        result(*NOTHING_ELSE, held(7, 7), of_suite, parameter="a", requests=0),
        result(*NOTHING_ELSE, held(7, 7), held(26, 9, arguments=OF_REQUESTS, nearness="farther")),
    ) == ["query_budget(9, per_request=True)"]


def test_a_promise_that_is_there_is_not_made_again():
    """Whatever it allows."""
    promised = held(None, budget="no_sync_to_async")

    assert "no_sync_to_async" not in suggested(result(promised, is_async=True))


def test_a_tighter_number_says_what_it_stands_for():
    """It shows the marker that it replaces, and where that is."""
    (function,) = suggestions_for([result(*NOTHING_ELSE, held(10, 7), queries=7)])

    assert function.suggestions == [
        Suggestion("query_budget", 7, instead_of=f"query_budget(10) at {FILE}:18", is_on_function=True)
    ]


def test_parameters_share_a_marker_with_the_most_of_them():
    """The marker has to hold for each parameter."""
    tests = [result(parameter=str(number), queries=number) for number in (1, 5, 3)]

    assert suggested(*tests) == ["query_budget(5)", "max_new_connections(0)"]


def test_hops_of_some_parameters_are_limited_for_all():
    """A parameter without a hop is within any limit."""
    tests = [result(parameter="a", has_database=False), result(parameter="b", hops={"project": 2})]

    assert suggested(*tests)[-1] == "max_thread_hops(2)"


def test_a_parameter_with_a_marker_of_its_own_does_not_count():
    """A marker on the function does not apply to it."""
    own = result(held(20, 20, nearness="nearer"), parameter="b", queries=20)

    assert suggested(result(parameter="a", queries=1), own)[0] == "query_budget(1)"


@pytest.mark.parametrize(
    ("budgets", "others"),
    [
        # Of two classes that inherit a function, one is tighter than what the other one needs.
        ([held(9, 7, nearness="farther")], [held(5, 5, nearness="farther")]),
        ([held(9, 7, nearness="farther")], []),
        ([held(9, 7, nearness="farther")], [held(9, 7, arguments="at_least=1", nearness="farther")]),
    ],
)
def test_tests_of_one_function_that_differ_in_their_budgets_are_not_written(budgets, others):
    """No single marker would be right for all of them."""
    one, two = (
        result(*NOTHING_ELSE, *held_by, name="TestBase.test_it", queries=5) for held_by in (budgets, others)
    )

    assert suggested(one, two) == []


@pytest.mark.parametrize("outcome", ["failed", "error", "crashed"])
def test_a_failed_test_teaches_nothing_also_of_its_function(outcome):
    """No number is known that would hold for it."""
    assert suggested(result(queries=3), result(parameter="a", outcome=outcome)) == []


@pytest.mark.parametrize("outcome", ["skipped", "xfailed", "xpassed"])
def test_a_test_that_was_not_to_pass_is_left_out(outcome):
    """The other tests of the function decide; without any, nothing is suggested."""
    other = result(parameter="a", outcome=outcome, queries=99)

    assert suggested(result(queries=3), other)[0] == "query_budget(3)"
    assert suggested(other) == []


def test_a_broken_budget_teaches_nothing():
    """In report mode the test passes all the same."""
    broken = ViolationResult("query_budget", 2, 1, "queries 2 > 1 (+1)", None)

    assert suggested(result(held(1, 2), queries=2, violations=[broken])) == []


def test_what_was_not_measured_or_is_no_function_has_no_markers():
    """A doctest cannot be decorated."""
    assert suggested(TestResult("a.py::test_it", "passed")) == []
    assert suggested(result(name="", queries=1)) == []


def test_suggestions_are_in_the_order_of_the_files():
    """Pasting them takes one walk through each file."""
    tests = [
        result(name="test_c", path="b.py", line=1),
        result(name="test_b", path="a.py", line=100),
        result(name="test_a", path="a.py", line=20),
    ]

    found = [describe_test(one.source) for one in suggestions_for(tests)]
    assert found == ["a.py:20 test_a", "a.py:100 test_b", "b.py:1 test_c"]


API = result(name="test_list")
OF_CLASS = result(name="TestApi.test_get", parameter="1")
OTHER = result(name="test_get1", path="tests/test_other.py")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("tests/test_api.py::test_list", ["test_list"]),
        ("tests/test_api.py", ["TestApi.test_get", "test_list"]),
        ("tests", ["TestApi.test_get", "test_list", "test_get1"]),
        ("tests/", ["TestApi.test_get", "test_list", "test_get1"]),
        ("tests/test_api.py::TestApi", ["TestApi.test_get"]),
        ("tests/test_api.py::TestApi::test_get", ["TestApi.test_get"]),
        ("tests/test_api.py::TestApi::test_get[1]", ["TestApi.test_get"]),
        ("*::test_*", ["TestApi.test_get", "test_list", "test_get1"]),
        ("*other*", ["test_get1"]),
        ("test_list", []),
        ("tests/test_api.py::test", []),
    ],
)
def test_tests_are_chosen_as_on_the_command_line_or_by_a_pattern(pattern, names):
    """A pattern may be a file, a folder, a class, a function or one parameter."""
    selection = select([API, OF_CLASS, OTHER], [pattern])

    assert [one.source.name for one in selection.functions] == names
    assert selection.unmatched == ([] if names else [pattern])


def test_brackets_of_an_id_are_no_pattern():
    """To fnmatch, `test_get[1]` would match `test_get1`."""
    tests = [result(name="test_get", parameter="1"), result(name="test_get1")]

    (one,) = select(tests, [f"{FILE}::test_get[1]"]).functions
    assert one.source.name == "test_get"


@pytest.mark.parametrize(
    ("test", "not_written"),
    [
        (result(outcome="failed"), (f"{FILE}:18 test_it", f"{FILE}::test_it did not pass (failed)")),
        (result(outcome="skipped"), (f"{FILE}:18 test_it", "none of its tests passed (skipped)")),
        (
            result(violations=[ViolationResult("query_budget", 2, 1, "", None)]),
            (f"{FILE}:18 test_it", f"{FILE}::test_it is over its limit"),
        ),
        (result(obstacle="TestB inherits it", line=0), (f"{FILE} test_it", "TestB inherits it")),
        (
            result(name="", parameter="doc", obstacle="a DoctestItem has no decorators"),
            (f"{FILE}::[doc]", "a DoctestItem has no decorators"),
        ),
        (TestResult("a.py::test_it", "passed"), ("a.py::test_it", "it was not measured")),
    ],
)
def test_a_chosen_test_that_gets_no_marker_is_named_with_the_reason(test, not_written):
    """Each selected test without a marker is named."""
    assert select([test], ["*"]).not_written == [NotWritten(*not_written)]


def test_a_function_that_a_test_elsewhere_inherits_is_not_written_for_all():
    """The class in the other file would get the marker too."""
    here, there = result(name="Base.test_it"), result(name="Base.test_it", obstacle="TestB inherits it")

    assert [left.reason for left in select([here, there], ["*"]).not_written] == ["TestB inherits it"]


def shown(*, patterns=(), is_dry_run=True, is_complete=True, **parts):
    """The lines of the report on suggestions."""
    nothing = {"has_passed_tests": True, "functions": [], "changes": [], "not_written": [], "unmatched": []}
    options = SuggestionOptions(for_all=not patterns, patterns=patterns, is_dry_run=is_dry_run)
    return list(report.lines(SuggestionSummary(options, is_complete, **{**nothing, **parts})))


def test_rows_can_be_pasted():
    """The test is named once, and the marker to replace is a comment."""
    tests = [
        result(name="TestApi.test_a_rather_long_name", queries=1),
        result(held(9, 2), name="test_b", line=30, queries=2),
    ]

    assert shown(functions=suggestions_for(tests)) == [
        "tests/test_api.py:18 TestApi::test_a_rather_long_name  @pytest.mark.query_budget(1)",
        f"{'':53}  @pytest.mark.max_new_connections(0)",
        f"{'tests/test_api.py:30 test_b':<53}  @pytest.mark.query_budget(2)"
        "  # instead of query_budget(9) at tests/test_api.py:18",
        f"{'':53}  @pytest.mark.max_new_connections(0)",
    ]


def test_nothing_to_suggest_is_said():
    """An empty section would leave the reader guessing."""
    assert shown() == ["dbperf: nothing to suggest: no marker would be new or tighter"]
    assert shown(has_passed_tests=False) == ["dbperf: nothing to suggest: none of the selected tests passed"]


CHANGE = FileChange("a.py", b"x\n", b"y\n", 2)


@pytest.mark.parametrize(
    ("state", "lines"),
    [
        (
            {"changes": [CHANGE]},
            [
                "--- a/a.py",
                "+++ b/a.py",
                "@@ -1 +1 @@",
                "-x",
                "+y",
                "dbperf: 2 markers in 1 file not written: this is a dry run, --dbperf-dry-run=no writes them",
            ],
        ),
        ({"changes": [CHANGE], "is_dry_run": False}, ["dbperf: 2 markers written in 1 file: a.py"]),
        ({}, ["dbperf: nothing to write"]),
        (
            {"is_complete": False},
            ["dbperf: nothing written: the run is incomplete, results are missing"],
        ),
        (
            {"not_written": [NotWritten("a.py:1 test_it", "it is so")], "unmatched": ["b.py"]},
            [
                "dbperf: nothing written for a.py:1 test_it: it is so",
                "dbperf: --dbperf-write=b.py matches no test that ran",
                "dbperf: nothing to write",
            ],
        ),
    ],
)
def test_what_became_of_the_files_is_said(state, lines):
    """It tells what was written, what would be, what was not, and why."""
    assert shown(patterns=["a.py"], **state)[1:] == lines

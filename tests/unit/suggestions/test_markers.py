"""The numbers of a run become markers: few, proven, and none that is there already."""

import pytest

from pytest_dbperf.reports import suggestions as report
from pytest_dbperf.results.model import BudgetResult, Measurements, SourceResult, TestResult, ViolationResult
from pytest_dbperf.suggestions.files import Change, Outcome, Wanted
from pytest_dbperf.suggestions.markers import LeftAlone, Marker, chosen, name_of, suggestions_of

FILE = "tests/test_api.py"


def source(name="test_it", *, path=FILE, line=18, obstacle="", is_async=False, has_database=True):
    """Where a test is written."""
    return SourceResult(path, line, name, "digest", obstacle, is_async, has_database)


def held(limit, measured=None, *, budget="query_budget", arguments="", nearness="on the function"):
    """A budget that a test has."""
    text = f"{budget}({limit}) at {FILE}:18"
    return BudgetResult(budget, limit, measured, arguments, text, nearness)


def result(
    *budgets,
    name="test_it",
    parameter="",
    outcome="passed",
    violations=(),
    queries=0,
    connections=0,
    hops=None,
    **written,
):
    """What a test did."""
    where = source(name, **written)
    ident = f"{where.path}::{name.replace('.', '::')}{f'[{parameter}]' if parameter else ''}"
    call = Measurements(queries=queries, new_connections=connections, hops=hops or {})
    return TestResult(ident, outcome, call, violations=violations, source=where, budgets=budgets)


def suggested(*tests):
    """The markers for the one function of these tests, as they are written."""
    found = suggestions_of(tests)
    return [str(marker) for suggestion in found for marker in suggestion.markers]


@pytest.mark.parametrize(
    ("test", "markers"),
    [
        (result(queries=7), ["query_budget(7)", "max_new_connections(0)"]),
        (result(queries=2, connections=3), ["query_budget(2)", "max_new_connections(3)"]),
        # It may query, and does not: that can be held.
        (result(), ["query_budget(0)", "max_new_connections(0)"]),
        # pytest-django forbids it to query.
        (result(has_database=False), []),
        (result(has_database=False, is_async=True), []),
        # Whatever let it.
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
    """Its numbers prove it, and a pure test has nothing to hold."""
    assert suggested(test) == markers


NOTHING_ELSE = (held(0, 0, budget="max_new_connections"),)


@pytest.mark.parametrize(
    ("budgets", "markers"),
    [
        ([held(10, 7)], ["query_budget(7)"]),
        ([held(7, 7)], []),
        ([held(10, 7, nearness="farther")], ["query_budget(7)"]),
        ([held(7, 7, nearness="farther")], []),
        # The nearest wins as a whole: what else it limits must not get lost.
        ([held(10, 7, arguments="tables={'a': 2}")], ["query_budget(7, tables={'a': 2})"]),
        # It is about one alias, whose number it has.
        ([held(10, 4, arguments="using='default'")], ["query_budget(4, using='default')"]),
        # Lifted: somebody has decided.
        ([held(None)], []),
        # Each is about something else.
        ([held(9, 7, arguments="using='default'"), held(9, 0, arguments="using='other'")], []),
        # A parameter's own is nearer than anything on the function.
        ([held(10, 7, nearness="nearer")], []),
        ([held(7, 7), held(5, 2, budget="max_open_connections")], ["max_open_connections(2)"]),
        (
            [held(7, 7), held(9, 3, budget="max_thread_hops", arguments="per_request=True")],
            ["max_thread_hops(3, per_request=True)"],
        ),
    ],
)
def test_what_is_as_tight_already_is_not_said_again(budgets, markers):
    """And what is looser is said with the tighter number."""
    assert suggested(result(*NOTHING_ELSE, *budgets, queries=7)) == markers


def test_a_promise_that_is_there_is_not_made_again():
    """Also if it allows something."""
    promised = held(None, budget="no_sync_to_async")

    assert "no_sync_to_async" not in suggested(result(promised, is_async=True))


def test_a_tighter_number_says_what_it_stands_for():
    """The reader sees how loose it was, and where."""
    (suggestion,) = suggestions_of([result(*NOTHING_ELSE, held(10, 7), queries=7)])

    assert suggestion.markers == [
        Marker("query_budget", 7, instead_of=f"query_budget(10) at {FILE}:18", is_on_function=True)
    ]


def test_parameters_share_a_marker_with_the_most_of_them():
    """It holds for each."""
    tests = [result(parameter=str(number), queries=number) for number in (1, 5, 3)]

    assert suggested(*tests) == ["query_budget(5)", "max_new_connections(0)"]


def test_hops_of_some_parameters_are_limited_for_all():
    """One that does not hop is within any limit."""
    tests = [result(parameter="a", has_database=False), result(parameter="b", hops={"project": 2})]

    assert suggested(*tests)[-1] == "max_thread_hops(2)"


def test_a_parameter_with_a_marker_of_its_own_does_not_count():
    """The marker of the function would say nothing to it."""
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
def test_tests_of_one_function_that_differ_in_their_budgets_are_left_alone(budgets, others):
    """No marker would be right for all."""
    one, two = (
        result(*NOTHING_ELSE, *held_by, name="TestBase.test_it", queries=5) for held_by in (budgets, others)
    )

    assert suggested(one, two) == []


@pytest.mark.parametrize("outcome", ["failed", "error", "crashed"])
def test_a_failed_test_teaches_nothing_also_of_its_function(outcome):
    """What would hold for it is not known."""
    assert suggested(result(queries=3), result(parameter="a", outcome=outcome)) == []


@pytest.mark.parametrize("outcome", ["skipped", "xfailed", "xpassed"])
def test_a_test_that_was_not_to_pass_is_left_out(outcome):
    """The others speak for their function, and if there is none, nobody does."""
    other = result(parameter="a", outcome=outcome, queries=99)

    assert suggested(result(queries=3), other)[0] == "query_budget(3)"
    assert suggested(other) == []


def test_a_broken_budget_teaches_nothing():
    """In report mode a test passes with it."""
    broken = ViolationResult("query_budget", 2, 1, "queries 2 > 1 (+1)", None)

    assert suggested(result(held(1, 2), queries=2, violations=[broken])) == []


def test_what_was_not_measured_or_is_no_function_has_no_markers():
    """A doctest cannot be decorated."""
    assert suggested(TestResult("a.py::test_it", "passed")) == []
    assert suggested(result(name="", queries=1)) == []


def test_suggestions_are_in_the_order_of_the_files():
    """Whoever pastes them goes through a file once."""
    tests = [
        result(name="test_c", path="b.py", line=1),
        result(name="test_b", path="a.py", line=100),
        result(name="test_a", path="a.py", line=20),
    ]

    found = [name_of(one.source) for one in suggestions_of(tests)]
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
    """A file, a folder, a class, a function, one parameter of it."""
    choice = chosen([API, OF_CLASS, OTHER], [pattern])

    assert [one.source.name for one in choice.suggestions] == names
    assert choice.unmatched == ([] if names else [pattern])


def test_brackets_of_an_id_are_no_pattern():
    """`test_get[1]` as a pattern is `test_get1`."""
    tests = [result(name="test_get", parameter="1"), result(name="test_get1")]

    (one,) = chosen(tests, [f"{FILE}::test_get[1]"]).suggestions
    assert one.source.name == "test_get"


@pytest.mark.parametrize(
    ("test", "left_alone"),
    [
        (result(outcome="failed"), (f"{FILE}:18 test_it", f"{FILE}::test_it did not pass (failed)")),
        (result(outcome="skipped"), (f"{FILE}:18 test_it", "no test of it passed (skipped)")),
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
def test_a_chosen_test_that_gets_no_marker_is_named_with_the_reason(test, left_alone):
    """Nothing is left out in silence."""
    assert chosen([test], ["*"]).left_alone == [LeftAlone(*left_alone)]


def test_a_function_that_a_test_elsewhere_inherits_is_left_alone_for_all():
    """Whoever reads one file does not see the other."""
    here, there = result(name="Base.test_it"), result(name="Base.test_it", obstacle="TestB inherits it")

    assert [left.reason for left in chosen([here, there], ["*"]).left_alone] == ["TestB inherits it"]


def outcome(*, patterns=(), is_dry_run=True, is_complete=True, **parts):
    """What became of suggestions, as it is shown."""
    nothing = {"has_learned": True, "suggestions": [], "changes": [], "left_alone": [], "unmatched": []}
    wanted = Wanted(for_all=not patterns, patterns=patterns, is_dry_run=is_dry_run)
    return list(report.lines(Outcome(wanted, is_complete, **{**nothing, **parts})))


def test_rows_can_be_pasted():
    """The place is said once, and what is looser is a comment."""
    tests = [
        result(name="TestApi.test_a_rather_long_name", queries=1),
        result(held(9, 2), name="test_b", line=30, queries=2),
    ]

    assert outcome(suggestions=suggestions_of(tests)) == [
        "tests/test_api.py:18 TestApi::test_a_rather_long_name  @pytest.mark.query_budget(1)",
        f"{'':53}  @pytest.mark.max_new_connections(0)",
        f"{'tests/test_api.py:30 test_b':<53}  @pytest.mark.query_budget(2)"
        "  # instead of query_budget(9) at tests/test_api.py:18",
        f"{'':53}  @pytest.mark.max_new_connections(0)",
    ]


def test_nothing_to_suggest_is_said():
    """An empty section would be no answer."""
    assert outcome() == ["dbperf: no marker to suggest that would be new or tighter"]
    assert outcome(has_learned=False) == [
        "dbperf: no marker to suggest: of the tests that were asked for, none has passed"
    ]


CHANGE = Change("a.py", b"x\n", b"y\n", 2)


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
                "dbperf: 2 markers in 1 file not written: a dry run, --dbperf-dry-run=no writes them",
            ],
        ),
        ({"changes": [CHANGE], "is_dry_run": False}, ["dbperf: 2 markers written in 1 file: a.py"]),
        ({}, ["dbperf: nothing to write"]),
        (
            {"is_complete": False},
            ["dbperf: nothing written, as the run is incomplete: tests are missing"],
        ),
        (
            {"left_alone": [LeftAlone("a.py:1 test_it", "it is so")], "unmatched": ["b.py"]},
            [
                "dbperf: left alone a.py:1 test_it: it is so",
                "dbperf: --dbperf-write=b.py matches no test that ran",
                "dbperf: nothing to write",
            ],
        ),
    ],
)
def test_what_became_of_the_files_is_said(state, lines):
    """What was written, what would be, and what not, and why."""
    assert outcome(patterns=["a.py"], **state)[1:] == lines

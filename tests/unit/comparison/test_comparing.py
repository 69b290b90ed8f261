"""Two runs are compared by cause, route, test and statement, never by line or time."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbperf.comparison.comparing import compare
from pytest_dbperf.comparison.verdict import MovedCause, NumberChange, Place
from tests.factories import violation_result
from tests.unit.comparison.runs import AUTHOR, VIEW, finding, group, hops, request, result, run

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "dbperf-comparison-1.schema.json"
MOVED = tuple(line.replace(":1", ":7") for line in VIEW)


def test_a_new_query_of_each_row_is_told_with_its_line():
    """The statement, how much more often, in which tests, and the line that does it now."""
    verdict = compare(run(result("a", group(1))), run(result("a", group(25))))

    (change,) = verdict.groups
    assert (change.what, change.using) == (
        "SELECT ... FROM shop_author WHERE shop_author.id = %s LIMIT 21",
        "default",
    )
    assert (change.smallest, change.largest, change.change) == (24, 24, "worse")
    assert (change.tests, change.places) == (["a"], [Place(VIEW[0], 1)])
    assert verdict.tests == [NumberChange("a", "queries", 1, 25)]
    assert verdict.compared == 1
    assert verdict.has_changes


def test_equal_changes_of_many_tests_are_one():
    """A cache that is filled now explains all of them; the functions are listed, most tests first."""
    path = {name: (f"shop/{name}.py:3 {name}",) for name in "xyz"}
    types = "SELECT django_content_type.id FROM django_content_type"
    of_test = {"a": "x", "b": "x", "c": "y", "d": "z"}
    base = run(*(result(test, group(2, types, path[name])) for test, name in of_test.items()))
    head = run(*(result(test, group(1, types, path[name])) for test, name in of_test.items()))

    (change,) = compare(base, head).groups

    assert (change.smallest, change.largest, change.change) == (-1, -1, "better")
    assert change.tests == ["a", "b", "c", "d"]
    assert change.places == [Place("shop/x.py:3 x", 2), Place("shop/y.py:3 y", 1), Place("shop/z.py:3 z", 1)]


def test_a_statement_that_none_of_the_tests_ran_before_is_new():
    """And one that none of them runs now is gone."""
    without, with_it = run(result("a"), result("b")), run(result("a", group(1)), result("b", group(3)))

    (new,), (gone,) = compare(without, with_it).groups, compare(with_it, without).groups

    assert (new.change, new.smallest, new.largest) == ("new", 1, 3)
    assert (gone.change, gone.smallest, gone.largest) == ("gone", -1, -3)


def test_lines_that_only_moved_are_no_change():
    """Other code was written above them."""
    base = run(result("a", group(2), hops(), finding()))
    head = run(result("a", group(2, path=MOVED), hops(path=MOVED), finding(path=MOVED)))

    assert not compare(base, head).has_changes


def test_a_new_column_of_a_model_is_no_change():
    """All statements of the model name it."""
    insert = "INSERT INTO shop_author (name) VALUES (%s) RETURNING shop_author.id"
    base = run(result("a", group(), group(1, insert)))
    head = run(
        result(
            "a",
            group(1, AUTHOR.replace("shop_author.name", "shop_author.name, shop_author.born")),
            group(1, insert.replace("(name) VALUES (%s)", "(name, born) VALUES (%s, %s)")),
        )
    )

    assert not compare(base, head).has_changes


def test_a_statement_that_another_function_runs_is_no_change():
    """Its number is the same."""
    base = run(result("a", group(2)))
    head = run(result("a", group(2, path=("shop/api.py:1 show",))))

    assert not compare(base, head).has_changes


def test_only_the_function_that_runs_it_more_often_is_named():
    """The other one did so before."""
    other = ("shop/api.py:1 show",)
    base = run(result("a", group(2), group(2, path=other)))
    head = run(result("a", group(2, path=MOVED), group(3, path=other)))

    (change,) = compare(base, head).groups

    assert change.places == [Place(other[0], 1)]


def test_a_statement_without_a_line_is_compared_as_well():
    """Django ran it by itself, or a driver without an alias did."""
    verdict = compare(run(result("a")), run(result("a", group(1, path=(), using=None))))

    (change,) = verdict.groups
    assert (change.using, change.places) == ("", [Place("(no line of your code)", 1)])


def test_code_of_the_tests_is_named_if_there_is_no_other():
    """The loop of a test, or its factories."""
    own = ("tests/factories.py:3 make", "tests/test_a.py:9 test_a")
    (change,) = compare(run(result("a")), run(result("a", group(1, path=own)))).groups

    assert change.places == [Place(own[0], 1)]


def test_hops_and_connections_are_compared():
    """A hop has the function that crossed."""
    verdict = compare(run(result("a", hops(1))), run(result("a", hops(3), connections=2)))

    assert [change.what for change in verdict.groups] == ["hop sync_to_async load"]
    assert verdict.tests == [NumberChange("a", "connections", 0, 2), NumberChange("a", "hops", 1, 3)]


def test_a_route_is_as_bad_as_its_worst_request():
    """Whichever test made it. A route that no test reached before is new."""
    base = run(result("a", request(3), request(5)), result("b", request(2, text="GET /x/?q=1", view="")))
    head = run(result("a", request(4), request(9, made=2)), result("b", request(1, text="POST /books/")))

    changes = {(each.key, each.name): (each.base, each.head) for each in compare(base, head).routes}

    assert changes == {
        ("GET books/", "queries"): (5, 9),
        ("GET books/", "hops"): (0, 2),
        ("GET /x/?q=1", "queries"): (2, None),
        ("POST books/", "queries"): (None, 1),
    }


def test_a_cause_of_many_tests_is_one_finding():
    """One N+1 in place of another: one is new, and one is gone."""
    base = run(result("a", finding()), result("b", finding()))
    head = run(result("a", finding(subject="Book.tags")), result("b", finding(subject="Book.tags", count=4)))

    verdict = compare(base, head)

    assert [(each.subject, each.change, each.base, each.head, each.tests) for each in verdict.causes] == [
        ("Book.tags", "new", None, 7, ["a", "b"]),
        ("Book.author", "gone", 6, None, ["a", "b"]),
    ]
    assert verdict.causes[0].line == VIEW[0]


def test_a_cause_that_happens_more_often_is_worse():
    """In the same tests, or in more of them."""
    base = run(result("a", finding(3)), result("b"))
    head = run(result("a", finding(3)), result("b", finding(2, path=())))

    (worse,), (better,) = compare(base, head).causes, compare(head, base).causes

    assert (worse.change, worse.base, worse.head, worse.tests) == ("worse", 3, 5, ["b"])
    assert (better.change, better.tests) == ("better", ["b"])


def test_a_cause_without_lines_is_named_by_its_function():
    """The function is what identifies it."""
    (cause,) = compare(run(result("a")), run(result("a", finding(path=())))).causes

    assert cause.line == "shop/views.py name_of_author"


def test_a_cause_that_moved_to_another_function_is_not_new():
    """It has the same effect in the same tests."""
    base, head = run(result("a", finding())), run(result("a", finding(function="shop/api.py show")))

    verdict = compare(base, head)

    assert verdict.causes == []
    assert verdict.moved == [
        MovedCause("no_n_plus_one", "Book.author", "shop/views.py name_of_author", "shop/api.py show")
    ]


def test_a_cause_moved_to_one_of_two_functions_is_new():
    """Which of them it was cannot be known."""
    base = run(result("a", finding()))
    head = run(result("a", finding(function="shop/api.py one"), finding(function="shop/api.py two")))

    verdict = compare(base, head)

    assert verdict.moved == []
    assert [each.change for each in verdict.causes] == ["new", "new", "gone"]


def test_a_cause_is_accepted_if_the_baseline_accepts_it_in_all_tests():
    """A hard limit of one test is not lifted by it."""
    accepted, strict = finding(is_accepted=True), finding(is_accepted=False)

    (first,) = compare(
        run(result("a"), result("b")), run(result("a", accepted), result("b", accepted))
    ).causes
    (second,) = compare(run(result("a"), result("b")), run(result("a", accepted), result("b", strict))).causes

    assert (first.is_accepted, second.is_accepted) == (True, False)


def test_only_tests_of_both_runs_are_compared():
    """What else there is, is counted."""
    base = run(result("gone", group(9)), result("skipped"), result("error", group(9)), result("a"))
    head = run(
        result("new", group(8)),
        result("skipped", outcome="skipped"),
        result("error", outcome="error"),
        result("a"),
    )

    verdict = compare(base, head)

    assert (verdict.compared, verdict.has_changes) == (1, False)
    assert (verdict.only_in_base, verdict.only_in_head) == (["gone"], ["new"])
    assert sorted(verdict.not_passed) == ["error", "skipped"]


def test_a_test_that_broke_a_budget_ran_to_its_end():
    """Its numbers are all there, so a new finding is told although the test failed by it."""
    head = run(result("a", group(25), outcome="failed", violations=[violation_result()]))

    assert compare(run(result("a", group(1))), head).tests == [NumberChange("a", "queries", 1, 25)]
    assert compare(run(result("a")), run(result("a", outcome="failed"))).compared == 0


def test_a_test_in_a_file_that_moved_is_compared():
    """The old file is gone, the new one was not there."""
    base = run(result("a/test_x.py::test_a", group(1)), result("a/test_y.py::test_a"))
    head = run(result("b/test_x.py::test_a", group(2)), result("a/test_y.py::test_a"))

    verdict = compare(base, head)

    assert verdict.renamed == {"a/test_x.py::test_a": "b/test_x.py::test_a"}
    assert verdict.tests == [NumberChange("b/test_x.py::test_a", "queries", 1, 2)]
    assert (verdict.only_in_base, verdict.only_in_head) == ([], [])


def test_a_test_with_another_name_is_known_by_what_it_did():
    """Its own lines have the new name, those of the project are the same."""
    base = run(result("t.py::test_a", group(3, path=(*VIEW[:2], "t.py:9 test_a")), finding()))
    head = run(result("t.py::test_b", group(3, path=(*VIEW[:2], "t.py:9 test_b")), finding()))

    verdict = compare(base, head)

    assert verdict.renamed == {"t.py::test_a": "t.py::test_b"}
    assert (verdict.compared, verdict.has_changes) == (1, False)


def test_two_tests_that_did_the_same_are_not_matched():
    """Nor are two that did nothing."""
    base = run(result("t.py::a", group()), result("t.py::b", group()), result("t.py::c"))
    head = run(result("t.py::d", group()), result("t.py::e"))

    assert compare(base, head).renamed == {}


def test_an_incomplete_run_proves_nothing():
    """Neither does a comparison of nothing."""
    fine, cut = run(result("a")), run(result("a"), complete=False)

    assert compare(fine, fine).obstacles == []
    assert compare(cut, fine).obstacles == ["the base is incomplete: results are missing in it"]
    assert compare(fine, cut).obstacles == ["this run is incomplete: results are missing"]
    assert compare(fine, run()).obstacles == ["no test passed in both runs"]


def test_times_are_never_compared():
    """They differ from run to run."""
    base = run(result("a", group()))
    slow = replace(base.tests[0].call, db_ms=99, groups=[replace(group(), ms=99)])

    assert not compare(base, run(replace(base.tests[0], call=slow))).has_changes


def test_a_verdict_is_json():
    """Each change has its name, and the document follows its published schema."""
    base = run(result("a", hops(2), finding(subject="Book.x")), commit="4f", dirty=False)
    did = (finding(), finding(function="shop/api.py f", subject="Book.x"), group(), request())
    verdict = compare(base, run(result("a", *did), result("b")))

    document = json.loads(json.dumps(verdict.to_json()))

    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["moved"]

    assert document["schema"] == "dbperf-comparison/1"
    assert document["base"] == {"commit": "4f", "dirty": False, "versions": {}}
    parts = ("causes", "groups", "routes", "tests")
    assert [each["change"] for part in parts for each in document[part]] == [
        *("new", "new", "gone", "new", "worse", "better"),
    ]


FUNCTIONS = st.sampled_from(["shop/a.py:1 f", "shop/a.py:2 g", "tests/test_a.py:3 h"])
GROUPS = st.builds(
    group,
    st.integers(1, 3),
    st.sampled_from([AUTHOR, "SELECT 1", "DELETE FROM shop_book"]),
    st.lists(FUNCTIONS, max_size=2),
)
HOPS = st.builds(hops, st.integers(1, 3), st.sampled_from(["load", "save"]))
REQUESTS = st.builds(request, st.integers(0, 3), view=st.sampled_from(["books/", ""]), made=st.integers(0, 2))
FINDINGS = st.builds(
    finding,
    st.integers(1, 3),
    st.sampled_from(["Book.author", "Book.tags"]),
    st.sampled_from(["shop/a.py f", "shop/a.py g"]),
)
RESULTS = st.builds(
    lambda name, did, outcome, connections: result(name, *did, outcome=outcome, connections=connections),
    st.sampled_from([f"{file}::{name}" for file in ("a.py", "b.py") for name in ("test_1", "test_2")]),
    st.lists(st.one_of(GROUPS, HOPS, REQUESTS, FINDINGS), max_size=4),
    st.sampled_from(["passed", "passed", "failed", "skipped"]),
    st.integers(0, 2),
)
RUNS = st.lists(RESULTS, max_size=4, unique_by=lambda test: test.id).map(
    lambda tests: run(*sorted(tests, key=lambda test: test.id))
)

OPPOSITE = {"new": "gone", "gone": "new", "worse": "better", "better": "worse"}


@given(RUNS)
def test_a_run_is_no_different_from_itself(same):
    """And all tests that passed are compared."""
    verdict = compare(same, same)

    assert not verdict.has_changes
    assert verdict.compared == sum(test.outcome == "passed" for test in same.tests)
    assert (verdict.only_in_base, verdict.only_in_head, verdict.renamed) == ([], [], {})


@given(RUNS, RUNS)
def test_the_other_way_round_all_changes_are_opposite(base, head):
    """New is gone, and worse is better."""
    forwards, backwards = compare(base, head), compare(head, base)

    def seen(verdict, names, change_of):
        return {
            "causes": {
                (each.budget, each.subject, each.function, change_of(each.change), len(each.tests))
                for each in verdict.causes
            },
            "groups": {
                (each.what, each.using, abs(each.smallest), change_of(each.change), len(each.tests))
                for each in verdict.groups
            },
            "tests": {
                (names.get(each.key, each.key), each.name, change_of(each.change)) for each in verdict.tests
            },
            "routes": {(each.key, each.name, change_of(each.change)) for each in verdict.routes},
        }

    assert seen(forwards, {}, OPPOSITE.get) == seen(backwards, forwards.renamed, str)
    assert (forwards.compared, forwards.only_in_base) == (backwards.compared, backwards.only_in_head)
    assert {new: old for old, new in forwards.renamed.items()} == backwards.renamed
    assert len(forwards.moved) == len(backwards.moved)

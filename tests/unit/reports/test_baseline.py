"""The end of a run says what became of the baseline, in a few lines."""

from dataclasses import replace

import pytest

from pytest_dbperf.reports.baseline import (
    Changes,
    line_about_new_debts,
    lines_about_changes,
    lines_about_slack,
)
from pytest_dbperf.results.model import TestResult
from pytest_dbperf.results.of_baseline import BaselineResult, ChangedNumber, DebtResult, RenameResult
from tests.factories import run_of

FINDING = DebtResult("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
OLD, NEW = (
    DebtResult("test", (f"tests/{name}.py::test_a",), {"query_budget": 134}) for name in ("old", "new")
)
LOWER = ChangedNumber("route", ("GET books/",), "queries", 26, 20)
HIGHER = ChangedNumber("route", ("GET books/",), "hops", None, 18)
NOTHING = BaselineResult("dbperf-baseline.tsv", 3, 3)
RENAMED = replace(NOTHING, stale=[OLD], new=[NEW], renamed=[RenameResult("test", OLD.names, NEW.names)])
RENAME = (
    "dbperf: renamed? test tests/old.py::test_a -> test tests/new.py::test_a: --dbperf-update accepts it "
    "and keeps its comment, then --dbperf-tighten removes the old line"
)


def about(result, *, run=None, **fields):
    """What is said about changes."""
    return [
        *lines_about_changes(
            result, Changes(**{"updates": False, "tightens": False, **fields}), run or run_of()
        )
    ]


def test_a_baseline_that_fits_is_quiet():
    """A clean run has no line about it."""
    assert [*lines_about_slack(NOTHING)] == []


def test_slack_is_told_with_the_command_that_takes_it_back():
    """Each debt that no test needs has a line, and each number that could be lower."""
    assert [*lines_about_slack(replace(NOTHING, stale=[FINDING, OLD], too_high=[LOWER]))] == [
        "dbperf: no test needs the debt: finding no_n_plus_one Book.author shop/views.py titles",
        "dbperf: no test needs the debt: test tests/old.py::test_a query_budget=134",
        "dbperf: a debt could be lower: route GET books/ queries 26 -> 20",
        "dbperf: to take back what no test needs: pytest --dbperf-tighten",
    ]


def test_much_slack_is_counted():
    """A grown suite would fill the screen."""
    lines = [*lines_about_slack(replace(NOTHING, stale=[FINDING] * 4, too_high=[LOWER] * 4))]

    assert lines[4:6] == [
        "dbperf: a debt could be lower: route GET books/ queries 26 -> 20",
        "dbperf: 3 more",
    ]


def test_a_test_that_was_moved_is_told():
    """Its debt is stale under one name and new under the other."""
    assert RENAME in [*lines_about_slack(RENAMED)]


def test_an_update_lists_each_raise():
    """What is new is in the file as well; a raise is what a review has to see."""
    result = replace(NOTHING, new=[FINDING] * 22, higher=[HIGHER] * 22)
    lines = about(result, updates=True)

    assert lines[0] == "dbperf: accepted: finding no_n_plus_one Book.author shop/views.py titles"
    assert lines[20] == "dbperf: 2 more"
    assert lines[21:-1] == ["dbperf: raised: route GET books/ hops none -> 18"] * 22
    assert lines[-1] == "dbperf: dbperf-baseline.tsv: 22 new debts, 22 raised"


def test_tightening_lists_what_was_taken_back():
    """A debt that was moved is not: its new name has to be accepted first."""
    assert about(replace(RENAMED, stale=[OLD, FINDING], too_high=[LOWER]), tightens=True) == [
        "dbperf: removed: finding no_n_plus_one Book.author shop/views.py titles",
        "dbperf: lowered: route GET books/ queries 26 -> 20",
        RENAME,
        "dbperf: dbperf-baseline.tsv: 1 removed, 1 lowered",
    ]


@pytest.mark.parametrize(
    ("tightens", "done"),
    [(False, "kept: --dbperf-tighten removes it"), (True, "removed")],
)
def test_an_update_tells_what_was_renamed(tightens, done):
    """The old line is taken back by tightening, also in the same run."""
    lines = about(RENAMED, updates=True, tightens=tightens)

    assert (
        "dbperf: renamed: test tests/old.py::test_a -> test tests/new.py::test_a, and the old line is " + done
        in lines
    )
    assert RENAME not in lines
    assert (f"dbperf: removed: {OLD}" in lines) is tightens


def test_tightening_says_why_nothing_was_removed():
    """Only a run of all tests knows what none of them needs."""
    result = replace(NOTHING, unknown_because="not all tests were selected (-k a)")

    assert about(result, tightens=True) == [
        "dbperf: dbperf-baseline.tsv: 0 removed, 0 lowered",
        "dbperf: no debt was removed: not all tests were selected (-k a)",
    ]


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (
            ["skipped"],
            ["dbperf: 1 test did not run (skipped or xfailed): what only it needs was removed as well"],
        ),
        (
            ["skipped", "xfailed"],
            ["dbperf: 2 tests did not run (skipped or xfailed): what only they need was removed as well"],
        ),
        (["passed"], []),
    ],
)
def test_tightening_counts_the_tests_that_did_not_run(outcomes, said):
    """They may need a finding or a route where they do run."""
    run = run_of(*(TestResult(f"a.py::{name}", name) for name in outcomes))

    assert about(replace(NOTHING, stale=[FINDING]), run=run, tightens=True)[2:] == said
    assert about(NOTHING, run=run, tightens=True)[1:] == []


def test_an_update_and_tightening_together_are_one_line():
    """It counts all four."""
    assert about(NOTHING, updates=True, tightens=True) == [
        "dbperf: dbperf-baseline.tsv: 0 new debts, 0 raised, 0 removed, 0 lowered"
    ]


def test_what_was_not_written_says_why():
    """No line reads as if it was."""
    assert about(replace(NOTHING, new=[FINDING]), updates=True, obstacle="results are missing") == [
        "dbperf: dbperf-baseline.tsv was not changed: results are missing"
    ]


@pytest.mark.parametrize(
    ("new", "higher", "said"),
    [(1, 0, "1 new"), (0, 2, "2 higher than accepted"), (3, 1, "3 new and 1 higher than accepted")],
)
def test_a_red_run_ends_with_the_command_that_accepts_it(new, higher, said):
    """It counts what the baseline lacks."""
    result = replace(NOTHING, new=[FINDING] * new, higher=[HIGHER] * higher)

    assert line_about_new_debts(result, "pytest --dbperf-update") == (
        f"dbperf: not in dbperf-baseline.tsv: {said}. Fix it, or accept it: pytest --dbperf-update"
    )

"""Tightening takes back what no test needs, and only where the run can know it."""

from dataclasses import replace

import pytest
from hypothesis import given

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.owing import debts_needed
from pytest_dbperf.baseline.renames import Rename
from pytest_dbperf.baseline.tightening import Slack, TooHigh, slack_of, tightened
from pytest_dbperf.baseline.updating import updated
from pytest_dbperf.results.circumstances import Selection
from pytest_dbperf.results.model import TestResult
from tests.factories import checked_test, number_result, run_of
from tests.unit.baseline.suites import accepts, baselines, runs

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_a.py::test_a",))
GONE = Key("test", ("tests/test_gone.py::test_gone",))
BASELINE = Baseline(
    {
        FINDING: Debt(FINDING),
        ROUTE: Debt(ROUTE, {"queries": 26, "hops": 18}, "reason"),
        TEST: Debt(TEST, {"query_budget": 200}, "old"),
        GONE: Debt(GONE, {"query_budget": 90}),
    },
    {GONE: ("why",), ROUTE: ("the list",), None: ("the end",)},
)
RUN = run_of(
    checked_test(TEST.names[0], number_result()),
    checked_test("b.py::b", number_result("GET books/", "queries", 20)),
)


def test_a_whole_run_knows_what_is_stale_and_too_high():
    """Files that are gone need nothing, and a number that holds its limit needs no debt."""
    slack = slack_of(BASELINE, RUN)

    assert slack == Slack(
        [BASELINE.debts[FINDING], BASELINE.debts[GONE]],
        [
            TooHigh(ROUTE, "hops", 18, None),
            TooHigh(ROUTE, "queries", 26, 20),
            TooHigh(TEST, "query_budget", 200, 134),
        ],
        [],
    )
    assert tightened(BASELINE, slack) == Baseline(
        {ROUTE: Debt(ROUTE, {"queries": 20}, "reason"), TEST: Debt(TEST, {"query_budget": 134}, "old")},
        {ROUTE: ("the list",), None: ("the end",)},
    )


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, selection=Selection(options=["-k a"])),
        replace(RUN, complete=False),
        replace(RUN, tests=[*RUN.tests, TestResult("c.py::c", "failed")]),
    ],
)
def test_a_run_that_is_not_whole_lowers_the_numbers_of_its_tests(run):
    """Other tests may need the rest: the findings, the routes, and the debts of tests that did not run."""
    slack = slack_of(BASELINE, run)

    assert slack.unknown_because
    assert (slack.stale, slack.renames) == ((), ())
    assert slack.too_high == [TooHigh(TEST, "query_budget", 200, 134)]


def test_a_limit_that_holds_takes_nothing_back_in_a_run_that_is_not_whole():
    """To remove a number is to remove a debt."""
    run = run_of(checked_test(TEST.names[0], number_result(name="max_thread_hops")), complete=False)

    assert slack_of(BASELINE, run).too_high == []


def test_one_parameter_says_nothing_about_the_others():
    """A run of some tests may leave out the one with the highest number."""
    run = run_of(checked_test(f"{TEST.names[0]}[1]", number_result()), complete=False)

    assert slack_of(BASELINE, run).too_high == []


@pytest.mark.parametrize("outcome", ["skipped", "xfailed"])
def test_a_test_that_was_not_to_run_keeps_its_debt(outcome):
    """It may run elsewhere, with all its parameters."""
    run = run_of(
        checked_test(f"{TEST.names[0]}[1]", number_result()), TestResult(f"{TEST.names[0]}[2]", outcome)
    )
    slack = slack_of(BASELINE, run)

    assert BASELINE.debts[FINDING] in slack.stale
    assert TEST not in {debt.key for debt in slack.stale} | {one.key for one in slack.too_high}


def test_debts_of_other_suites_are_left_alone():
    """A baseline above several suites has debts that this one cannot know."""
    slack = slack_of(BASELINE, RUN, lambda key: key.debt_type == "test")

    assert slack.stale == [BASELINE.debts[GONE]]
    assert slack.too_high == [TooHigh(TEST, "query_budget", 200, 134)]


def test_a_debt_that_was_moved_stays_until_its_new_name_is_accepted():
    """Its comments would be lost."""
    new = Key("test", ("tests/test_new.py::test_gone",))
    run = run_of(checked_test(new.names[0], number_result(new.names[0], measured=90)))
    slack = slack_of(BASELINE, run)
    accepted = updated(BASELINE, run, slack.renames).baseline

    assert slack.renames == [Rename(GONE, new)]
    assert set(tightened(BASELINE, slack).debts) == {GONE}
    assert tightened(accepted, slack_of(accepted, run)) == Baseline(
        {new: Debt(new, {"query_budget": 90})}, {new: ("why",), None: ("the end",)}
    )


@given(baselines, runs)
def test_tightening_only_lowers_and_removes(baseline, run):
    """What is left is in the baseline, and not above it."""
    after = tightened(baseline, slack_of(baseline, run))

    for key, debt in after.debts.items():
        assert accepts(baseline, debt)
        assert debt.comment == baseline.debts[key].comment
        assert after.comments.get(key) == baseline.comments.get(key)


@given(baselines, runs)
def test_tightening_keeps_what_the_run_needs(baseline, run):
    """A run that passed still passes."""
    after = tightened(baseline, slack_of(baseline, run))

    for debt in debts_needed(run).values():
        assert accepts(after, debt) == accepts(baseline, debt)


@given(baselines, runs)
def test_after_update_and_tightening_a_baseline_is_what_the_run_needs(baseline, run):
    """No more and no less, and to tighten again changes nothing."""
    accepted = updated(baseline, run, slack_of(baseline, run).renames).baseline
    after = tightened(accepted, slack_of(accepted, run))
    needed = debts_needed(run)

    assert {key: debt.numbers for key, debt in after.debts.items()} == {
        key: debt.numbers for key, debt in needed.items()
    }
    assert tightened(after, slack_of(after, run)) == after
    assert slack_of(after, run) == Slack([], [], [])

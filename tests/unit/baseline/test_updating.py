"""An update accepts what a run needed, and takes nothing back."""

from hypothesis import given

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.owing import debts_needed
from pytest_dbperf.baseline.renames import Rename
from pytest_dbperf.baseline.updating import Raise, updated
from tests.factories import checked_test, finding_result, number_result, run_of
from tests.unit.baseline.suites import accepts, baselines, runs

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
TEST = Key("test", ("tests/test_a.py::test_a",))
OTHER = Key("test", ("tests/test_gone.py::test_gone",))
ABOVE = {ROUTE: ("the list",), None: ("the end",)}
BASELINE = Baseline(
    {
        ROUTE: Debt(ROUTE, {"queries": 26}, "reason, owner=@shop"),
        TEST: Debt(TEST, {"query_budget": 200}),
        OTHER: Debt(OTHER, {"query_budget": 90}, "old"),
    },
    ABOVE,
)
RUN = run_of(
    checked_test(
        "tests/test_a.py::test_a",
        finding_result(),
        number_result(),
        number_result("GET books/", "queries", 30),
        number_result("GET books/", "hops", 18),
    )
)


def test_what_is_new_is_added_and_what_is_higher_is_raised():
    """All else stays as it was: lower numbers, debts of other tests, comments."""
    update = updated(BASELINE, RUN)

    assert update.baseline.debts == {
        ROUTE: Debt(ROUTE, {"queries": 30, "hops": 18}, "reason, owner=@shop"),
        TEST: Debt(TEST, {"query_budget": 200}),
        OTHER: Debt(OTHER, {"query_budget": 90}, "old"),
        FINDING: Debt(FINDING),
    }
    assert update.baseline.comments == ABOVE
    assert update.new == [Debt(FINDING)]
    assert update.raises == [Raise(ROUTE, "hops", None, 18), Raise(ROUTE, "queries", 26, 30)]
    assert update.changes


def test_a_run_that_needs_nothing_new_changes_nothing():
    """The second update is none."""
    update = updated(updated(BASELINE, RUN).baseline, RUN)

    assert not update.changes
    assert update.baseline == updated(BASELINE, RUN).baseline


def test_a_debt_that_was_moved_keeps_its_comments():
    """The line of the old name stays until it is tightened."""
    before = Baseline({OTHER: BASELINE.debts[OTHER]}, {OTHER: ("why",)})

    update = updated(before, run_of(checked_test("x.py::x", number_result())), [Rename(OTHER, TEST)])

    assert update.baseline.debts == {
        OTHER: Debt(OTHER, {"query_budget": 90}, "old"),
        TEST: Debt(TEST, {"query_budget": 134}, "old"),
    }
    assert update.baseline.comments == {OTHER: ("why",), TEST: ("why",)}


def test_a_debt_without_comments_can_be_moved():
    """There is nothing to keep."""
    before = Baseline({OTHER: Debt(OTHER, {"query_budget": 90})})

    update = updated(before, run_of(checked_test("x.py::x", number_result())), [Rename(OTHER, TEST)])

    assert update.baseline.debts[TEST] == Debt(TEST, {"query_budget": 134})
    assert update.baseline.comments == {}


@given(baselines, runs)
def test_after_an_update_the_run_would_pass(baseline, run):
    """All that it needed is accepted, and nothing is lower than before or gone."""
    update = updated(baseline, run)

    for debt in (*debts_needed(run).values(), *baseline.debts.values()):
        assert accepts(update.baseline, debt)
    for key, debt in baseline.debts.items():
        assert update.baseline.debts[key].comment == debt.comment
    assert update.baseline.comments == baseline.comments
    assert update.changes == (update.baseline != baseline)


@given(baselines, runs)
def test_an_update_accepts_nothing_that_the_run_did_not_need(baseline, run):
    """Every number is one of the baseline or one of the run."""
    needed = debts_needed(run)
    for key, debt in updated(baseline, run).baseline.debts.items():
        for name, number in debt.numbers.items():
            sources = [debts[key].numbers.get(name) for debts in (baseline.debts, needed) if key in debts]
            assert number == max(one for one in sources if one is not None)
        assert key in baseline.debts or key in needed


@given(baselines, runs, runs)
def test_updates_give_the_same_in_any_order(baseline, one, other):
    """Shards, workers and several runs add up to the maximum."""
    there = updated(updated(baseline, one).baseline, other).baseline
    back = updated(updated(baseline, other).baseline, one).baseline
    at_once = updated(baseline, run_of(*one.tests, *other.tests)).baseline

    assert there == back == at_once

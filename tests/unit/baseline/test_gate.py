"""A baseline and a run: what is kept of how they fit, and what would be written."""

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.gate import gate_of
from pytest_dbperf.results.of_baseline import BaselineResult, ChangedNumber, DebtResult, RenameResult
from tests.factories import checked_test, finding_result, number_result, run_of

FINDING = Key("finding", ("no_n_plus_one", "Book.author", "shop/views.py titles"))
ROUTE = Key("route", ("GET books/",))
OLD, NEW = (Key("test", (f"tests/{name}.py::test_a",)) for name in ("test_old", "test_new"))
BASELINE = Baseline(
    {ROUTE: Debt(ROUTE, {"queries": 26, "hops": 9}), OLD: Debt(OLD, {"query_budget": 134}, "why")}
)
RUN = run_of(
    checked_test(
        NEW.names[0],
        finding_result(),
        number_result(NEW.names[0]),
        number_result("GET books/", "queries", 20),
        number_result("GET books/", "hops", 10),
    )
)


def test_what_is_kept_of_it():
    """Reports and other tools read it."""
    result = gate_of(BASELINE, RUN, lambda _: True).result("dbperf-baseline.tsv")

    assert result == BaselineResult(
        path="dbperf-baseline.tsv",
        debts=2,
        used=1,
        new=[DebtResult("finding", FINDING.names), DebtResult("test", NEW.names, {"query_budget": 134})],
        higher=[ChangedNumber("route", ROUTE.names, "hops", 9, 10)],
        stale=[DebtResult("test", OLD.names, {"query_budget": 134})],
        too_high=[ChangedNumber("route", ROUTE.names, "queries", 26, 20)],
        renamed=[RenameResult("test", OLD.names, NEW.names)],
    )


@pytest.mark.parametrize(
    ("updates", "tightens", "debts"),
    [
        (False, False, BASELINE.debts),
        (
            True,
            False,
            {
                ROUTE: Debt(ROUTE, {"queries": 26, "hops": 10}),
                OLD: Debt(OLD, {"query_budget": 134}, "why"),
                NEW: Debt(NEW, {"query_budget": 134}, "why"),
                FINDING: Debt(FINDING),
            },
        ),
        (
            False,
            True,
            {ROUTE: Debt(ROUTE, {"queries": 20, "hops": 9}), OLD: Debt(OLD, {"query_budget": 134}, "why")},
        ),
        (
            True,
            True,
            {
                ROUTE: Debt(ROUTE, {"queries": 20, "hops": 10}),
                NEW: Debt(NEW, {"query_budget": 134}, "why"),
                FINDING: Debt(FINDING),
            },
        ),
    ],
)
def test_what_is_written_is_what_was_asked_for(updates, tightens, debts):
    """An update adds, and tightening takes back. Both together leave what the run needed."""
    gate = gate_of(BASELINE, RUN, lambda _: True)

    assert gate.changed(updates=updates, tightens=tightens).debts == debts

"""A debt lifts what it accepts of a soft limit, and what is left says how to accept it."""

from dataclasses import replace

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.limits import Acceptance
from pytest_dbperf.baseline.places import BaselineFile
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.placed import FARTHER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.results.of_budgets import NumberResult
from pytest_dbperf.session.budget_results import number_results_of
from tests.factories import query, recording, request, response, site

ID = "tests/test_a.py::test_a"
TEST, ROUTE = Key("test", (ID,)), Key("route", ("GET books/",))
BOOKS, AUTHORS = request(1), request(2, path="/authors/")
LOAD = site("load", "shop/a.py")
INSERT = "INSERT INTO shop_book (title) VALUES (%s)"
WINDOW = recording(
    *(query(request=BOOKS) for _ in range(4)),
    *(query(INSERT, parameters=number, path=[LOAD]) for number in range(6)),
    *(query(request=AUTHORS) for _ in range(3)),
    response(1, view="books/"),
    response(2, view="authors/"),
)


@pytest.fixture
def acceptance(tmp_path):
    """Make what a baseline with these numbers accepts."""

    def make(debts, *, accepts_all=False, directory=tmp_path):
        file = BaselineFile(tmp_path / "dbperf-baseline.tsv", tmp_path)
        baseline = Baseline({key: Debt(key, numbers) for key, numbers in debts.items()})
        file.write(baseline)
        return Acceptance(file, baseline, directory, accepts_all)

    return make


def left_of(acceptance, budget, nearness=FARTHER):
    """What is left of a budget that is broken: its first line, and what is said about debts."""
    placed = PlacedBudget(budget, "in pytest.ini", nearness)
    test_id = f"{ID}[a b]"
    over = [
        acceptance.with_update(number)
        for number in number_results_of(test_id, [placed], WINDOW, acceptance.numbers_of(test_id))
    ]
    left = acceptance.left_of(budget.check(WINDOW), placed, WINDOW, test_id, over)
    return left and (left.headline, [line.text for line in left.advice if line.label == "debt"])


def test_without_a_debt_the_command_accepts_it(acceptance):
    """The violation is the usual one."""
    assert left_of(acceptance({}), QueryBudget(9)) == (
        "queries 13 > 9 (+4)",
        [f"not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update {ID}"],
    )


def test_a_debt_that_is_too_low_is_named_with_its_line(acceptance):
    """The number is compared with it, and not with the default."""
    assert left_of(acceptance({TEST: {"query_budget": 12}}), QueryBudget(9)) == (
        "queries 13 > 12 (+1)",
        [f"dbperf-baseline.tsv:2 accepts 12. To accept it: pytest --dbperf-update {ID}"],
    )


def test_a_debt_whose_line_is_gone_is_named_without_it(acceptance):
    """The file may have changed since it was read."""
    accepted = acceptance({TEST: {"query_budget": 12}})
    accepted.file.write(Baseline())

    assert left_of(accepted, QueryBudget(9))[1] == [
        f"dbperf-baseline.tsv accepts 12. To accept it: pytest --dbperf-update {ID}"
    ]


def test_the_command_is_for_the_directory_where_pytest_was_started(acceptance, tmp_path):
    """pytest takes paths from there."""
    accepted = acceptance({}, directory=tmp_path / "tests")

    assert left_of(accepted, QueryBudget(9))[1][0].endswith("--dbperf-update test_a.py::test_a")


def test_a_debt_lifts_the_limit_of_a_test(acceptance):
    """As high as it is, and no further."""
    assert left_of(acceptance({TEST: {"query_budget": 13}}), QueryBudget(9)) is None


def test_a_debt_lifts_no_other_limit_of_the_same_budget(acceptance):
    """What is left cannot be accepted, so no command is named."""
    budget = QueryBudget(9, tables={"shop_book": 5})

    assert left_of(acceptance({TEST: {"query_budget": 13}}), budget) == (
        "queries on shop_book 6 > 5 (+1)",
        [],
    )


def test_a_route_is_lifted_alone(acceptance):
    """Other routes keep the default."""
    books, both = (
        {ROUTE: {"queries": 4}},
        {ROUTE: {"queries": 4}, Key("route", ("GET authors/",)): {"queries": 3}},
    )
    budget = QueryBudget(2, per_request=True)

    assert left_of(acceptance(books), budget) == (
        "queries 3 > 2 (+1)",
        [f"not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update {ID}"],
    )
    assert left_of(acceptance(both), budget) is None


def test_the_debt_of_the_route_that_is_shown_is_named(acceptance):
    """The others are over their debts by less."""
    debts = {ROUTE: {"queries": 3}, Key("route", ("GET authors/",)): {"queries": 2}}
    budget = QueryBudget(1, per_request=True)

    assert left_of(acceptance(debts), budget) == (
        "queries 4 > 3 (+1)",
        [f"dbperf-baseline.tsv:3 accepts 3. To accept it: pytest --dbperf-update {ID}"],
    )


def test_a_finding_that_is_left_names_the_command(acceptance):
    """Those that are accepted are no part of the violation."""
    assert left_of(acceptance({}), NoWriteLoops()) == (
        "single-row writes 6 > 0 (+6)",
        [f"not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update {ID}"],
    )


@pytest.mark.parametrize("is_all", [True, False])
def test_a_finding_is_accepted_by_its_debt_or_by_an_update(acceptance, is_all):
    """An update accepts all that a debt could lift, and that is no marker of the test itself."""
    soft, hard = (PlacedBudget(NoWriteLoops(), "", nearness) for nearness in (FARTHER, ON_FUNCTION))
    [found] = NoWriteLoops().findings(WINDOW)
    in_file = acceptance({Key("finding", ("no_write_loops", *found.key)): {}}, accepts_all=is_all)

    assert found.key == ("insert shop_book", "shop/a.py load")
    assert (in_file.accepts(soft, found), in_file.accepts(hard, found)) == (True, False)
    assert acceptance({}, accepts_all=is_all).accepts(soft, found) is is_all


def test_an_update_accepts_all_numbers(acceptance):
    """A debt that is higher stays as it is."""
    update = acceptance({}, accepts_all=True)
    over = NumberResult("test", ID, "query_budget", 13, 9, None)

    assert left_of(update, QueryBudget(9)) is None
    assert left_of(update, QueryBudget(2, per_request=True)) is None
    assert update.with_update(over).accepted == 13
    assert update.with_update(replace(over, accepted=200)).accepted == 200
    assert acceptance({}).with_update(over) == over


@pytest.mark.parametrize(
    ("budget", "nearness"),
    [(QueryBudget(9), ON_FUNCTION), (NoWriteLoops(), ON_FUNCTION), (MaxDbTime(0), FARTHER)],
)
def test_what_no_debt_can_lift_stays_as_it_is(acceptance, budget, nearness):
    """Markers of the test itself, and times. No command is named, because none would help."""
    left = left_of(acceptance({TEST: {"query_budget": 13}}, accepts_all=True), budget, nearness)

    assert left == (budget.check(WINDOW).headline, [])


def test_without_a_baseline_nothing_is_added():
    """Nothing was adopted."""
    assert left_of(Acceptance(), QueryBudget(9)) == ("queries 13 > 9 (+4)", [])

"""What is checked is checked once, warned of at your line, and never replaces the failure of your code."""

import warnings

import pytest

from pytest_dbperf.budgets.enforcement import (
    BudgetWindow,
    WrongWindow,
    check_all,
    want_plans,
    warn,
    warnings_of,
)
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.violations.violation import BudgetWarning, WarningLine
from tests.factories import new_connection, query, recording, site

VIEW = site("view", "/srv/app/views.py", 7)
CALLER = site("caller", "/srv/app/urls.py", 3)
LINE = WarningLine("too often", (VIEW, CALLER))


def placed(budget):
    """A budget with a line."""
    return PlacedBudget(budget, "at a.py:1")


def warned(text, line, **options):
    """The warnings of one call, as (text, file, line)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn(text, line, **options)
    return [(str(each.message), each.category, each.filename, each.lineno) for each in caught]


def test_each_budget_checks_the_same_recording():
    """In their order, and each violation says which budget it is."""
    events = recording(query(), query(), new_connection())

    found = check_all([placed(MaxNewConnections(0)), placed(QueryBudget(9)), placed(QueryBudget(1))], events)

    broken = [each.violation for each in found]
    assert [(each.budget, each.measured, each.placed) for each in broken] == [
        ("max_new_connections", 1, "max_new_connections(0) at a.py:1"),
        ("query_budget", 2, "query_budget(1) at a.py:1"),
    ]


def test_what_is_left_of_a_violation_is_what_breaks_the_budget():
    """It may name another limit than the budget's own. If nothing is left, the budget is kept."""
    events = recording(query(), query(), new_connection())

    def left_of(placed, violation):
        is_accepted = placed.budget.name == "max_new_connections"
        return None if is_accepted else violation.placed_as("with 1 accepted")

    budgets = [placed(MaxNewConnections(0)), placed(QueryBudget(1))]
    [left] = check_all(budgets, events, left_of=left_of)

    assert (left.violation.budget, left.violation.placed) == ("query_budget", "with 1 accepted")


def test_warnings_come_with_their_budget():
    """A budget that never warns is not asked."""
    repeats = recording(*[query("SELECT a FROM t WHERE id = %s", path=[VIEW])] * 3)
    n_plus_one = placed(NoNPlusOne())

    found = warnings_of([placed(QueryBudget(9)), n_plus_one], repeats)

    assert [(budget, line.call_path) for budget, line in found] == [(n_plus_one, (VIEW,))]


def test_no_budget_warns_of_what_another_one_judges():
    """A repeated query that was accepted must not fail a test in which warnings are errors."""
    repeats = recording(*[query("SELECT a FROM t WHERE id = %s", path=[VIEW])] * 3)

    assert warnings_of([placed(NoNPlusOne()), placed(NoRepeatedQueries())], repeats) == []


def test_a_warning_points_at_your_line():
    """The innermost line of yours, not a line of the plugin."""
    assert warned("too often", LINE) == [("too often", BudgetWarning, "/srv/app/views.py", 7)]


def test_a_warning_without_a_line_points_at_the_caller():
    """Nothing of yours is known, so the warning is where it was asked for."""
    [(text, category, filename, _)] = warned("too often", WarningLine("too often"))

    assert (text, category, filename) == ("too often", BudgetWarning, __file__)


@pytest.mark.parametrize("line", [LINE, WarningLine("too often")])
def test_a_warning_that_is_an_error_fails(line):
    """The user has asked pytest to fail on warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BudgetWarning, match="too often"):
            warn("too often", line)


def test_a_warning_stays_one_beside_a_worse_failure():
    """The violation is about to be raised, and the warning must not replace it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warn("too often", LINE, may_fail=False)

    assert [(str(each.message), each.category, each.lineno) for each in caught] == [
        ("too often", BudgetWarning, 7)
    ]


def test_only_warnings_of_budgets_are_forced():
    """The filters of the user hold again afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.warns(BudgetWarning):
            warn("too often", LINE, may_fail=False)
        with pytest.raises(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)


def test_plans_are_wanted_when_one_budget_wants_them():
    """They are asked for at the end of a test, once for all budgets."""
    assert want_plans([placed(QueryBudget(1)), placed(NoUnindexedFilters())]) is True
    assert want_plans([placed(QueryBudget(1))]) is False
    assert want_plans([]) is False


class Checks:
    """The checks that windows asked for."""

    def __init__(self):
        self.made = []

    def __call__(self, budgets, window):
        """Keep which budgets were to be checked, and how many queries they see."""
        self.made.append((list(budgets), len(window.queries)))


@pytest.fixture
def checks():
    """The checks that windows asked for."""
    return Checks()


@pytest.fixture
def recorder():
    """A recorder of its own."""
    return Recorder()


@pytest.fixture
def window(recorder, checks):
    """A window of a budget."""
    return BudgetWindow(placed(QueryBudget(1)), recorder.record, checks)


def test_a_window_that_was_never_entered_is_refused(window):
    """It checked nothing, and the message shows how to use it."""
    with pytest.raises(WrongWindow) as raised:
        window.require_use()

    assert str(raised.value) == (
        "query_budget(1) at a.py:1 was never entered, so it checked nothing. Write `with query_budget(1):`, "
        "or `async with`, around the code that it limits"
    )


def test_a_window_that_was_entered_has_been_used(window, recorder, checks):
    """It sees its queries, and closes its recording."""
    with window as seen:
        recorder.emit(query())

    window.require_use()
    recorder.emit(query())
    assert checks.made == [([placed(QueryBudget(1))], 1)]
    assert len(seen.queries) == 1
    assert not recorder.active


def test_a_failure_inside_a_window_is_not_replaced(window, recorder, checks):
    """Nothing is checked, the recording is closed, and the window can be used again."""
    with pytest.raises(KeyError), window:
        raise KeyError

    assert checks.made == []
    assert not recorder.active
    with window:
        pass
    assert len(checks.made) == 1


def test_a_window_that_is_open_is_not_opened_again(window, checks):
    """The message names the budget; the open window goes on."""
    with window:
        with pytest.raises(WrongWindow) as raised:
            window.__enter__()
        assert str(raised.value) == (
            "query_budget(1) at a.py:1 is already open. Make a second budget for code that runs inside it "
            "or at the same time"
        )

    assert len(checks.made) == 1


async def test_an_asynchronous_window_does_the_same(window, recorder, checks):
    """It checks when the block ends."""
    async with window as seen:
        recorder.emit(query())

    assert len(seen.queries) == 1
    assert checks.made == [([placed(QueryBudget(1))], 1)]


async def test_an_asynchronous_window_does_not_hide_a_failure(window, recorder, checks):
    """The failure of the code is raised, and nothing is checked."""
    with pytest.raises(KeyError):
        async with window:
            raise KeyError

    assert checks.made == []
    assert not recorder.active

"""What budgets find in a test that does not have them."""

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from pytest_dbperf.budgets.budget import Budget
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.limited import Limited
from pytest_dbperf.plans import explain
from pytest_dbperf.plans.explain_session import CannotExplain
from pytest_dbperf.probes.listening import listening
from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.results.of_defaults import Cause, DefaultResult
from pytest_dbperf.session.defaults import Defaults
from pytest_dbperf.violations.violation import Violation
from shop.models import Author


@dataclass(frozen=True, slots=True)
class NoSurprises(Budget):
    """A budget of another plugin, which has neither a number nor findings."""

    name: ClassVar[str] = "no_surprises"

    _: KW_ONLY
    reason: str = ""

    def check(self, recording):
        """Any query is one."""
        return Violation("no_surprises", 1, 0, "1 > 0", ()) if recording.queries else None


@dataclass(frozen=True, slots=True)
class MaxRows(Limited):
    """A budget of another plugin that refuses a limit of 0."""

    name: ClassVar[str] = "max_rows"

    limit: int | None

    def require(self, what, limit):
        """Refuse 0."""
        if limit == 0:
            raise ValueError("a limit of 0 makes no sense")


@dataclass(frozen=True, slots=True)
class Breaks(NoSurprises):
    """A budget with a bug."""

    name: ClassVar[str] = "breaks"

    def check(self, recording):
        """Raise an error."""
        raise RuntimeError("their bug")


def recorded(*, samples=True):
    """A recording with a loop of this test."""
    with listening() as recorder, recorder.record(samples=samples) as recording:
        for name in ("Ada", "Bob", "Cyd"):
            list(Author.objects.filter(name=name))
    return recorder, recording


@pytest.mark.django_db
def test_each_budget_tells_its_number_or_its_findings(postgres):
    """Times are left out. No limit is needed, and nothing fails."""
    recorder, recording = recorded()
    results = Defaults(recorder, BUDGETS, Path()).results_of(recording)
    by_name = {result.budget: result for result in results}

    assert list(by_name) == [
        budget.name for budget in BUDGETS if budget.name not in ("no_idle_in_transaction", "max_db_time")
    ]
    assert by_name["query_budget"] == DefaultResult("query_budget", measured=3)
    assert by_name["max_new_connections"] == DefaultResult("max_new_connections", measured=0)
    cause = Cause("shop_author.name", "tests/unit/session/test_defaults.py recorded", in_tests=True)
    assert by_name["no_n_plus_one"] == DefaultResult("no_n_plus_one", causes=[cause])
    assert by_name["no_unindexed_filters"] == DefaultResult("no_unindexed_filters", causes=[cause])
    assert by_name["no_write_loops"] == DefaultResult("no_write_loops", causes=[])


@pytest.mark.django_db
def test_budgets_of_other_plugins_are_checked():
    """One that cannot be made with a limit of 0 has nothing to tell, and neither has one with a bug."""
    recorder, recording = recorded()
    before = len(BUGS)
    results = Defaults(recorder, [NoSurprises, MaxRows, Breaks], Path()).results_of(recording)

    assert results == [DefaultResult("no_surprises", is_broken=True)]
    assert [(bug.owner, bug.during) for bug in BUGS.since(before)] == [
        ("the budget breaks (Breaks in tests.unit.session.test_defaults)", "checking breaks")
    ]
    BUGS.take()


@pytest.mark.django_db
def test_plans_that_are_there_are_not_made_again(monkeypatch, postgres):
    """A marker of the test may have needed them already."""
    recorder, recording = recorded()
    recording.keep_plans(explain.plans_of(recording, Path()))
    monkeypatch.setattr(explain, "plans_of", None)

    assert Defaults(recorder, BUDGETS, Path()).results_of(recording)[-1].causes


@pytest.mark.django_db
def test_without_plans_the_other_budgets_are_checked(monkeypatch, postgres):
    """The test may have left an aborted transaction."""

    def plans_of(recording, root):
        raise CannotExplain("the transaction is aborted")

    recorder, recording = recorded()
    monkeypatch.setattr(explain, "plans_of", plans_of)

    results = Defaults(recorder, BUDGETS, Path()).results_of(recording)
    assert results[0].measured == 3
    assert "no_unindexed_filters" not in [result.budget for result in results]


@pytest.mark.django_db
def test_a_budget_that_cannot_be_checked_here_is_left_out(monkeypatch):
    """Plans are of PostgreSQL."""
    recorder, recording = recorded(samples=False)
    monkeypatch.setattr("pytest_dbperf.session.countable._why_there_are_no_plans", lambda: "no PostgreSQL")

    names = [each.budget for each in Defaults(recorder, BUDGETS, Path()).results_of(recording)]
    assert "no_unindexed_filters" not in names
    assert "no_n_plus_one" in names

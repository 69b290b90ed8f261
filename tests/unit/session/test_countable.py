"""What a budget needs so that it can be checked."""

import pytest

from pytest_dbperf.budgets.budget import needed_probes
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.enforcement import NothingCounts
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.probes.listening import PROBES, listening_as_far_as_possible, missing_probes
from pytest_dbperf.probes.seam import SeamGone
from pytest_dbperf.session.countable import (
    line_about_missing_probes,
    require_everything,
    why_not_recorded,
)


class OfAnotherPlugin:
    """A budget that does not say what it needs."""


def broken(recorder):
    """A probe whose seam is gone."""
    raise SeamGone("it is gone.")


def test_each_budget_names_probes_that_exist():
    """Else a budget would pass that counts nothing."""
    names = {probe.__module__.rpartition(".")[2] for probe in PROBES}

    assert all(budget_class.needs_probes for budget_class in BUDGETS)
    assert {probe for budget_class in BUDGETS for probe in budget_class.needs_probes} <= names


def test_a_probe_that_is_missing_is_an_obstacle_for_what_needs_it(monkeypatch):
    """And for what may need anything: budgets of other plugins, fixtures, reports."""
    assert why_not_recorded() is None
    monkeypatch.setattr(broken, "__module__", "pytest_dbperf.probes.hops")

    with listening_as_far_as_possible([broken]):
        assert why_not_recorded(needed_probes(QueryBudget(1))) is None
        assert why_not_recorded(needed_probes(MaxThreadHops(1))) == "it is gone"
        assert why_not_recorded(needed_probes(OfAnotherPlugin())) == "it is gone"
        assert why_not_recorded() == "it is gone"
        assert line_about_missing_probes() == "dbperf: cannot record what these probes listen to: hops"
        with pytest.raises(NothingCounts, match=r"^dbperf cannot record this test: it is gone\.$"):
            require_everything("dbperf")

    assert missing_probes() == {}
    assert line_about_missing_probes() is None
    require_everything("dbperf")


@pytest.mark.parametrize("error", [SeamGone, ImportError, AttributeError])
def test_a_probe_that_cannot_be_installed_is_missing(error):
    """The others are installed all the same."""
    installed = []

    def fails(recorder):
        raise error

    def works(recorder):
        installed.append(recorder)
        return installed.clear

    with listening_as_far_as_possible([fails, works]) as recorder:
        assert installed == [recorder]
        assert [type(each) for each in missing_probes().values()] == [error]

    assert installed == []

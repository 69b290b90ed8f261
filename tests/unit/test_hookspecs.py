"""What other plugins add is checked before it is used."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest

from pytest_dbperf import Budget, hookspecs
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.options import declared
from pytest_dbperf.reports.files import FILES


@dataclass(frozen=True, slots=True)
class NoThings(Budget):
    """Fail when there are things."""

    name: ClassVar[str] = "no_things"

    reason: str = ""

    def check(self, recording):
        """Never fail."""


@dataclass(frozen=True, slots=True)
class Undocumented(Budget):  # noqa: D101  # as it says
    name: ClassVar[str] = "undocumented"

    reason: str = ""

    def check(self, recording):
        """Never fail."""


@dataclass(frozen=True, slots=True)
class Unchecked(Budget):
    """Fail when there are things."""

    name: ClassVar[str] = "unchecked"

    reason: str = ""


class WithoutReason(Budget):
    """Fail when there are things."""

    name: ClassVar[str] = "without_reason"

    def check(self, recording):
        """Never fail."""


class OfNoBase:
    """Fail when there are things."""

    name: ClassVar[str] = "of_no_base"

    def check(self, recording):
        """Never fail."""


def named(name):
    """A budget class with a certain name."""
    return type("Named", (NoThings,), {"name": name, "__doc__": "Fail when there are things."})


def plugins(**hooks):
    """A plugin manager with one plugin, whose hooks answer this."""
    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(hookspecs)
    answers = {f"pytest_dbperf_{hook}": lambda answer=answer: answer for hook, answer in hooks.items()}
    manager.register(SimpleNamespace(**answers), "acme")
    return manager


@pytest.mark.parametrize("answer", [[NoThings], (NoThings,)])
def test_budgets_of_plugins_come_after_ours(answer):
    """A list and a tuple are the same."""
    classes = hookspecs.budget_classes_of(plugins(budgets=answer))

    assert list(classes.values()) == [*BUDGETS, NoThings]


def test_a_plugin_may_answer_nothing():
    """Whether a budget is there may depend on what is installed."""
    manager = plugins(budgets=None, reports=None, probes=None)

    assert list(hookspecs.budget_classes_of(manager).values()) == list(BUDGETS)
    assert hookspecs.reports_of(manager) == FILES
    assert hookspecs.probes_of(manager, set()) == []


def test_a_budget_that_inherits_has_no_limit_to_lift_and_no_alias():
    """Its author has to write only what differs."""
    assert not NoThings().is_lifted
    assert NoThings().aliases == ()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (NoThings, "must return a list of budget classes, got <class '*NoThings'>"),
        (["no_things"], "'no_things' is not a class"),
        ([named(None)], 'Named needs a name: write name: ClassVar[[]str] = "max_something"'),
        ([named("no things")], 'Named needs a name: write name: ClassVar[[]str] = "max_something"'),
        ([Undocumented], "Undocumented needs a docstring: --markers shows its first sentence"),
        ([type("Bare", (NoThings,), {})], "Bare needs a docstring: --markers shows its first sentence"),
        ([Unchecked], "Unchecked needs a method check(self, recording)"),
        ([OfNoBase], "OfNoBase must inherit from pytest_dbperf.Budget"),
        ([WithoutReason], 'WithoutReason needs the parameter that all markers take: write reason: str = ""'),
        ([named("query_budget")], "the name 'query_budget' is taken by pytest-dbperf"),
        ([NoThings, NoThings], "the name 'no_things' is taken by acme"),
    ],
)
def test_a_budget_class_that_cannot_be_used_is_a_usage_error(answer, fault):
    """It names the plugin, the class and what to write."""
    with pytest.raises(pytest.UsageError) as raised:
        hookspecs.budget_classes_of(plugins(budgets=answer))

    pytest.LineMatcher([str(raised.value)]).fnmatch_lines(
        [f"pytest_dbperf_budgets of plugin 'acme': {fault}"]
    )


class Settings:
    """A parser that keeps the names of settings."""

    def __init__(self):
        self.names = []

    def getgroup(self, *_):
        return self

    def addoption(self, *_, **__):
        pass

    def addini(self, name, *_, **__):
        self.names.append(name)


def test_a_budget_cannot_have_the_name_of_a_setting_or_a_fixture():
    """The setting `dbperf_top` is ours."""
    parser = Settings()
    declared.register(parser)
    settings = [name.removeprefix("dbperf_") for name in parser.names]

    of_requests = ("query_budget_per_request", "max_thread_hops_per_request")
    for name in (*settings, *of_requests, "wsgi_client", "asgi_client", "database_settings"):
        with pytest.raises(pytest.UsageError, match=f"the name '{name}' is taken by pytest-dbperf"):
            hookspecs.budget_classes_of(plugins(budgets=[named(name)]))


def test_a_budget_of_requests_has_two_settings():
    """Each of them is a name that no other budget may have."""

    @dataclass(frozen=True, slots=True)
    class OfRequests(NoThings):
        """Fail when there are more things than `limit`."""

        name: ClassVar[str] = "max_things"

        per_request: bool = False

    parser = Settings()
    declared.register_budgets(parser, [OfRequests, NoThings])

    assert parser.names == [
        "dbperf_max_things",
        "dbperf_max_things_per_request",
        "dbperf_no_things",
    ]
    with pytest.raises(pytest.UsageError, match="the name 'max_things_per_request' is taken by acme"):
        hookspecs.budget_classes_of(plugins(budgets=[OfRequests, named("max_things_per_request")]))
    with pytest.raises(pytest.UsageError, match="the name 'max_things_per_request' is taken by acme"):
        hookspecs.budget_classes_of(plugins(budgets=[named("max_things_per_request"), OfRequests]))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ([str], "must return a dict of reports by name, got *"),
        ({"a:b": str}, "the name of a report must be a word, got 'a:b'"),
        ({1: str}, "the name of a report must be a word, got 1"),
        ({"csv": "text"}, "the report 'csv' cannot be called: a report is a function"),
        ({"json": str}, "the name 'json' is taken by pytest-dbperf"),
        ({"term": str}, "the name 'term' is taken by pytest-dbperf"),
    ],
)
def test_a_report_that_cannot_be_used_is_a_usage_error(answer, fault):
    """It names the plugin and the report."""
    with pytest.raises(pytest.UsageError) as raised:
        hookspecs.reports_of(plugins(reports=answer))

    pytest.LineMatcher([str(raised.value)]).fnmatch_lines(
        [f"pytest_dbperf_reports of plugin 'acme': {fault}"]
    )


def test_a_probe_that_cannot_be_called_is_a_usage_error():
    """It names the plugin."""
    with pytest.raises(pytest.UsageError, match="of plugin 'acme': 'install' cannot be called"):
        hookspecs.probes_of(plugins(probes=["install"]), set())


def test_a_plugin_is_asked_for_its_probes_once():
    """A function that it makes anew each time would count everything twice."""
    manager, asked = plugins(probes=[str]), set()

    assert hookspecs.probes_of(manager, asked) == [str]
    assert hookspecs.probes_of(manager, asked) == []

"""How do other plugins add budgets, probes and reports?"""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import pytest

from pytest_dbperf.budgets.budget import Budget
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.options.declared import SETTINGS, names_of_settings
from pytest_dbperf.probes.listening import Probe
from pytest_dbperf.reports.files import FILES, ReportWriter

_OURS = "pytest-dbperf"
_FIXTURES = ("asgi_client", "database_settings", "dbperf", "wsgi_client")


@pytest.hookspec
def pytest_dbperf_budgets() -> Sequence[type[Budget]] | None:
    """Return budget classes, to be used as our own are.

    Each gets a marker and a fixture of its `name`, a setting `dbperf_<name>` in the ini file and a line in
    `--markers`. Failures and the JSON report show it like the others. A class is a frozen dataclass. It
    inherits from `pytest_dbperf.Budget`, and has a `name`, a docstring, a parameter `reason` and a method
    `check`.

    All plugins are asked, once, when pytest is configured. So a `conftest.py` can answer if pytest loads it
    before it collects: the one beside the ini file, or in a directory of `testpaths`.

    Raises:
        UsageError: A class lacks something, or its name is taken. The text names the plugin.
    """


@pytest.hookspec
def pytest_dbperf_probes() -> Sequence[Probe] | None:
    """Return probes: functions that wrap a library for a recorder, and return the function that undoes it.

    They are installed after our own, before the project is imported, and are undone before our own. Those of
    a `conftest.py` are installed later, when pytest is configured. With `--dbperf=off` they are installed if
    a test asks for a recording by a fixture.

    All plugins are asked, once in each process.

    Raises:
        UsageError: A probe cannot be called. The text names the plugin.
    """


@pytest.hookspec
def pytest_dbperf_reports() -> Mapping[str, ReportWriter] | None:
    """Return reports by name: functions that make the text of a report from a `pytest_dbperf.Run`.

    `--dbperf-report=NAME:PATH` writes the report into a file when the run is over. With pytest-xdist, only
    the controller writes it.

    All plugins are asked, once, when pytest is configured; for a `conftest.py` see `pytest_dbperf_budgets`.

    Raises:
        UsageError: A report cannot be called, or its name is taken. The text names the plugin.
    """


def budget_classes_of(plugins: pytest.PytestPluginManager) -> Mapping[str, type[Budget]]:
    """List all budget classes by name: ours, then those of other plugins. Raises `pytest.UsageError`."""
    classes = {budget_class.name: budget_class for budget_class in BUDGETS}
    of_settings = [name for budget_class in BUDGETS for name in names_of_settings(budget_class)]
    taken = dict.fromkeys((*of_settings, *_FIXTURES, *SETTINGS), _OURS)
    for plugin, budget_class in _answers(plugins, "pytest_dbperf_budgets", "a list of budget classes"):
        fault = next(_faults_of(budget_class), None)
        _refuse("pytest_dbperf_budgets", plugin, fault)
        for name in names_of_settings(budget_class):
            _refuse("pytest_dbperf_budgets", plugin, _clash(taken, name, plugin))
        classes[budget_class.name] = budget_class
    return classes


def probes_of(plugins: pytest.PytestPluginManager, asked: set[str]) -> Sequence[Probe]:
    """List the probes of the plugins that are not in `asked`, and add these. Raises `pytest.UsageError`."""
    probes = []
    for plugin, probe in _answers(plugins, "pytest_dbperf_probes", "a list of probes", asked):
        fault = None if callable(probe) else f"{probe!r} cannot be called: a probe is a function"
        _refuse("pytest_dbperf_probes", plugin, fault)
        probes.append(probe)
    asked.update(each.plugin_name for each in plugins.hook.pytest_dbperf_probes.get_hookimpls())
    return probes


def reports_of(plugins: pytest.PytestPluginManager) -> Mapping[str, ReportWriter]:
    """List all reports by name: ours, then those of other plugins. Raises `pytest.UsageError`."""
    reports: dict[str, Any] = dict(FILES)
    taken = dict.fromkeys((*reports, "term"), _OURS)
    for plugin, (name, write) in _answers(plugins, "pytest_dbperf_reports", "a dict of reports by name"):
        fault = None
        if not isinstance(name, str) or not name.isidentifier():
            fault = f"the name of a report must be a word, got {name!r}"
        elif not callable(write):
            fault = f"the report {name!r} cannot be called: a report is a function"
        _refuse("pytest_dbperf_reports", plugin, fault or _clash(taken, name, plugin))
        reports[name] = write
    return reports


def _answers(
    plugins: pytest.PytestPluginManager, hook: str, expected: str, asked: Container[str] = ()
) -> Iterator[tuple[str, Any]]:
    """Ask each plugin by itself, in the order in which they were loaded, so that an error can name it."""
    for implementation in getattr(plugins.hook, hook).get_hookimpls():
        if implementation.plugin_name in asked:
            continue
        answer = implementation.function()
        form = Mapping if hook == "pytest_dbperf_reports" else Sequence
        if not isinstance(answer, form | None):
            _refuse(hook, implementation.plugin_name, f"must return {expected}, got {answer!r}")
        for addition in answer.items() if isinstance(answer, Mapping) else answer or ():
            yield implementation.plugin_name, addition


def _faults_of(budget_class: Any) -> Iterator[str]:
    """Tell what a budget class lacks, in sentences that say what to write."""
    if not isinstance(budget_class, type):
        yield f"{budget_class!r} is not a class"
    else:
        yield from _missing_in(budget_class)


def _missing_in(budget_class: type[Any]) -> Iterator[str]:
    called = budget_class.__qualname__
    name = getattr(budget_class, "name", None)
    if not isinstance(name, str) or not name.isidentifier():
        yield f'{called} needs a name: write name: ClassVar[str] = "max_something"'
    documentation = budget_class.__doc__ or ""
    # dataclass() documents a class without a docstring by its signature.
    if not documentation or documentation.startswith(f"{budget_class.__name__}("):
        yield f"{called} needs a docstring: --markers shows its first sentence"
    if getattr(budget_class, "check", Budget.check) is Budget.check:
        yield f"{called} needs a method check(self, recording)"
    if not hasattr(budget_class, "is_lifted") or not hasattr(budget_class, "aliases"):
        yield f"{called} must inherit from pytest_dbperf.Budget"
    if "reason" not in inspect.signature(budget_class).parameters:
        yield f'{called} needs the parameter that all markers take: write reason: str = ""'


def _clash(taken: dict[str, str], name: str, plugin: str) -> str | None:
    """Take a name for a plugin, or tell which one has it."""
    if name in taken:
        return f"the name {name!r} is taken by {taken[name]}"
    taken[name] = plugin
    return None


def _refuse(hook: str, plugin: str, fault: str | None) -> None:
    if fault is not None:
        raise pytest.UsageError(f"{hook} of plugin {plugin!r}: {fault}")

"""What was asked for? The command line wins over the ini file, and that over the default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_dbperf.budgets.budget import Budget, WrongArguments, is_per_request, make, takes_a_limit
from pytest_dbperf.callsites.ownership import ROLES_OF_PACKAGES
from pytest_dbperf.options.comparing import ComparisonOptions, comparison_options_of
from pytest_dbperf.options.declared import MODES, names_of_settings, require_known_settings
from pytest_dbperf.options.github_actions import annotates_failures, step_summary
from pytest_dbperf.options.of_baseline import BaselineOptions, baseline_options_of
from pytest_dbperf.options.selected import from_root, selection_of, shard_of
from pytest_dbperf.reports.files import ReportWriter
from pytest_dbperf.results.circumstances import Selection, Shard
from pytest_dbperf.suggestions.files import SuggestionOptions
from pytest_dbperf.violations.spelling import did_you_mean

# Reports that have no file of their own.
_WITHOUT_PATH = ("term", "junit")

_LAST_VALUE = re.compile(r"(?:'[^']*'|\S+)$")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was asked for, and the file that it is written to."""

    report_type: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run."""

    mode: str
    budget_classes: Mapping[str, type[Budget]]
    """All budgets by name, those of other plugins included."""
    reports: Sequence[Report]
    failures_are_annotated: bool
    """Whether another plugin annotates failed tests for GitHub Actions."""
    top: int
    verifies_connections: bool
    counts_driver_queries: bool
    resets_caches: bool
    defaults: Sequence[Budget]
    """The budgets of the ini file, for tests without a marker of that name."""
    wanted_markers: SuggestionOptions
    """Which markers to suggest, and which to write."""
    baseline: BaselineOptions
    """The file of accepted debts, and whether it may be changed."""
    projects: Sequence[str]
    """Packages that are your code although they lie outside the root directory."""
    selection: Selection
    """What selects the tests; how many they are is not known yet."""
    shard: Shard | None
    """Which part of the suite this run is."""
    comparison: ComparisonOptions
    """The earlier run to compare with."""

    @property
    def is_off(self) -> bool:
        """Whether nothing is measured."""
        return self.mode == "off"

    @property
    def enforces(self) -> bool:
        """Whether a broken budget fails its test."""
        return self.mode == "enforce"

    @property
    def shows_table(self) -> bool:
        """Whether the terminal shows the table of tests even if no budget is broken."""
        return self.mode == "report" or Report("term") in self.reports

    @property
    def annotates(self) -> bool:
        """Whether workflow commands for GitHub Actions are written to the terminal."""
        return any(report.report_type == "github" for report in self.reports)

    @property
    def adds_properties(self) -> bool:
        """Whether the report of each test gets properties, which `--junitxml` writes."""
        return Report("junit") in self.reports

    @property
    def wants_sources(self) -> bool:
        """Whether results must hold where each test is written, and its budgets: suggestions need both."""
        return self.wanted_markers.for_all or bool(self.wanted_markers.patterns)

    @property
    def defaults_set(self) -> Sequence[str]:
        """The names of the settings that set a default, without their prefix."""
        return [names_of_settings(type(budget))[is_per_request(budget)] for budget in self.defaults]

    @property
    def files(self) -> Sequence[tuple[str, Path]]:
        """The reports that are written to files: type and path."""
        return [(report.report_type, report.path) for report in self.reports if report.path is not None]

    @property
    def wants_numbers(self) -> bool:
        """Whether every test is counted, with or without a marker."""
        return self.wants_groups or self.wants_sources or bool(self.defaults)

    @property
    def wants_results(self) -> bool:
        """Whether the command line or the ini file asks for numbers of all kinds."""
        return self.wants_groups or self.wants_sources or self.verifies_connections

    @property
    def wants_groups(self) -> bool:
        """Whether results must hold the queries of every test with their call sites, not only numbers."""
        is_asked = self.shows_table or bool(self.reports) or bool(self.comparison.path)
        return is_asked and not self.is_off


def options_of(
    config: pytest.Config, budget_classes: Mapping[str, type[Budget]], files: Mapping[str, ReportWriter]
) -> Options:
    """Resolve the options with these budgets and reports. Raises `pytest.UsageError` for a wrong value."""
    reports = config.getoption("dbperf_report")
    top = config.getoption("dbperf_top")
    if top is None:
        top = _number(config, "dbperf_top")
    if top < 0:
        raise pytest.UsageError(f"--dbperf-top must be >= 0, got {top}")
    require_known_settings(config, budget_classes.values())
    mode = mode_of(config)
    return Options(
        mode=mode,
        budget_classes=budget_classes,
        reports=[
            _report(text, files, is_off=mode == "off")
            for text in (config.getini("dbperf_report") if reports is None else reports)
        ],
        failures_are_annotated=annotates_failures(config),
        top=top,
        verifies_connections=bool(_truth(config, "dbperf_verify_connections")),
        counts_driver_queries=bool(_truth(config, "dbperf_driver_queries")),
        resets_caches=bool(_truth(config, "dbperf_reset_caches")),
        defaults=[budget for each in budget_classes.values() for budget in _defaults(config, each)],
        wanted_markers=_wanted_markers(config),
        baseline=baseline_options_of(config, mode),
        projects=projects_of(config),
        selection=selection_of(config),
        shard=shard_of(config),
        comparison=comparison_options_of(config, mode_of(config)),
    )


def _wanted_markers(config: pytest.Config) -> SuggestionOptions:
    """Resolve which markers to suggest and to write. Raises `pytest.UsageError`, also without libcst."""
    suggests = bool(config.getoption("dbperf_suggest"))
    texts = list(config.getoption("dbperf_write") or ())
    for text in texts:
        # An empty shell variable would mean the root directory, and so all tests.
        if not text.partition("::")[0].strip():
            raise pytest.UsageError(f"--dbperf-write takes a test id or a pattern of test ids, got {text!r}")
    if (suggests or texts) and mode_of(config) == "off":
        option = "--dbperf-suggest" if suggests else "--dbperf-write"
        raise pytest.UsageError(f"{option} needs measurements, but dbperf is off")
    if texts:
        try:
            import_module("pytest_dbperf.suggestions.rewriting")
        except ImportError as error:
            raise pytest.UsageError(
                f"--dbperf-write needs libcst ({error}): pip install pytest-dbperf[suggest]"
            ) from None
    elif config.getoption("dbperf_dry_run") == "no":
        raise pytest.UsageError("--dbperf-dry-run=no needs --dbperf-write=TESTS")
    return SuggestionOptions(
        for_all=suggests,
        patterns=[from_root(text, config.invocation_params.dir, config.rootpath) for text in texts],
        is_dry_run=config.getoption("dbperf_dry_run") == "yes",
    )


def mode_of(config: pytest.Config) -> str:
    """Resolve the mode alone: it is needed before pytest has read the whole command line."""
    # Not there yet if a conftest.py loads the plugin: then the option is read from the config.
    early = getattr(config.known_args_namespace, "dbperf", None)
    mode = early or config.getoption("dbperf", None) or config.getini("dbperf")
    if mode not in MODES:
        raise pytest.UsageError(f"dbperf must be one of {', '.join(MODES)}, got {mode!r}")
    return str(mode)


def projects_of(config: pytest.Config) -> Sequence[str]:
    """Resolve the packages that are your code: they are needed before the project is imported."""
    names: Sequence[str] = _ini(config, "dbperf_project")
    for name in names:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            raise pytest.UsageError(
                f"dbperf_project in {config.inipath}: takes packages as in an import (shop, acme.billing), "
                f"got {name!r}"
            )
        if parts[0] in ROLES_OF_PACKAGES:
            raise pytest.UsageError(
                f"dbperf_project in {config.inipath}: {name!r} is a library that pytest-dbperf knows, "
                "so it cannot be your code"
            )
    return names


def _report(text: str, files: Mapping[str, ReportWriter], *, is_off: bool) -> Report:
    report_type, _, path = text.partition(":")
    if text == "github":
        return Report(text, None if is_off else step_summary())
    if report_type in files and path:
        return Report(report_type, Path(path))
    if report_type in _WITHOUT_PATH and not path:
        return Report(report_type)
    forms = " or ".join((*_WITHOUT_PATH, "github", *(f"{name}:PATH" for name in files)))
    meant = did_you_mean(report_type, (*_WITHOUT_PATH, *files))
    raise pytest.UsageError(f"--dbperf-report takes {forms}, got {text!r}{meant}")


def _defaults(config: pytest.Config, budget_class: type[Budget]) -> Iterator[Budget]:
    """Make the budgets that the settings of a budget class ask for: for the whole test, for each request."""
    for name in names_of_settings(budget_class):
        option = f"dbperf_{name}"
        value = _number(config, option) if takes_a_limit(budget_class) else _truth(config, option)
        if value is None or value is False:
            continue
        kwargs = {} if name == budget_class.name else {"per_request": True}
        try:
            yield make(budget_class, () if value is True else (value,), kwargs)
        except WrongArguments as error:
            raise pytest.UsageError(f"{option} in {config.inipath}: {error}") from None


def _ini(config: pytest.Config, option: str, takes: str = "") -> Any:
    try:
        return config.getini(option)
    except (TypeError, ValueError, pytest.UsageError) as error:
        # pytest 8 crashes here, and later versions do not name the option. All texts end in the value.
        got = _LAST_VALUE.search(str(error)) if takes else None
        told = f"{takes}, got {got[0]}" if got else error
        raise pytest.UsageError(f"{option} in {config.inipath}: {told}") from None


def _truth(config: pytest.Config, option: str) -> Any:
    return _ini(config, option, "takes true or false")


def _number(config: pytest.Config, option: str) -> Any:
    return _ini(config, option, f"takes a whole number, as in {option} = 60")

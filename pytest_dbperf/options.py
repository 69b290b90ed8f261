"""What was asked for? Command line, then ini file, then default, resolved in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_dbperf.budgets.budget import Budget, WrongArguments, make, summary, takes_a_limit
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.callsites.ownership import ROLES_OF_PACKAGES
from pytest_dbperf.reports.files import FILES
from pytest_dbperf.suggestions.files import SuggestionOptions

MODES = ("enforce", "report", "off")
_LAST_VALUE = re.compile(r"(?:'[^']*'|\S+)$")


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was asked for, and where it goes."""

    kind: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run."""

    mode: str
    reports: Sequence[Report]
    top: int
    verifies_connections: bool
    counts_driver_queries: bool
    resets_caches: bool
    defaults: Sequence[Budget]
    """The suite's budgets, for tests without a marker of their own."""
    wanted_markers: SuggestionOptions
    """Which suggestions are wanted, and which of them are written."""
    projects: Sequence[str]
    """Packages that are yours wherever they lie, besides what is below the root."""

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
        """Whether the table is shown even when all is well."""
        return self.mode == "report" or Report("term") in self.reports

    @property
    def wants_sources(self) -> bool:
        """Whether it is kept where each test is written, and which budgets it has."""
        return self.wanted_markers.for_all or bool(self.wanted_markers.patterns)

    @property
    def files(self) -> Sequence[tuple[str, Path]]:
        """The reports that are written to files: kind and path."""
        return [(report.kind, report.path) for report in self.reports if report.path is not None]

    @property
    def wants_numbers(self) -> bool:
        """Whether the numbers of all tests are asked for, or limited."""
        return self.wants_groups or self.wants_sources or bool(self.defaults)

    @property
    def wants_groups(self) -> bool:
        """Whether the queries of every test are kept, with call sites, and not only their number."""
        return not self.is_off and (self.shows_table or bool(self.reports))


def register(parser: pytest.Parser) -> None:
    """Declare the options of the command line and their twins of the ini file."""
    group = parser.getgroup("dbperf", "database performance")
    group.addoption(
        "--dbperf",
        choices=MODES,
        default=None,
        help="enforce budgets (default), report: say what is broken and fail nothing, off: measure nothing",
    )
    group.addoption(
        "--dbperf-report",
        action="append",
        default=None,
        metavar="TYPE[:PATH]",
        help="write a report: term, json:PATH or openmetrics:PATH; may be given more than once",
    )
    group.addoption(
        "--dbperf-top",
        type=int,
        default=None,
        metavar="N",
        help="rows in the tables of the terminal report (default 10, 0 for all)",
    )
    group.addoption(
        "--dbperf-suggest",
        action="store_true",
        default=False,
        help="print the markers that would hold for the tests that passed, with the numbers of this run",
    )
    group.addoption(
        "--dbperf-write",
        action="append",
        default=[],
        metavar="TESTS",
        help="write these markers into the files of tests, chosen by id or by a pattern of ids; "
        "may be given more than once",
    )
    group.addoption(
        "--dbperf-dry-run",
        choices=("yes", "no"),
        default="yes",
        help="show what --dbperf-write would write as a diff (default), or write it",
    )
    parser.addini("dbperf", "the default of --dbperf", default="enforce")
    parser.addini("dbperf_report", "the defaults of --dbperf-report", type="linelist", default=[])
    parser.addini("dbperf_top", "the default of --dbperf-top", type="int", default=10)
    parser.addini(
        "dbperf_verify_connections",
        "compare the number of connections with PostgreSQL's own count, after every test",
        type="bool",
        default=False,
    )
    parser.addini(
        "dbperf_project",
        "further packages that are your code wherever they lie, as in an import: shop acme.billing",
        type="args",
        default=[],
    )
    parser.addini(
        "dbperf_driver_queries",
        "count also the statements that psycopg is given directly: raw psycopg, COPY, asynchronous backends",
        type="bool",
        default=False,
    )
    parser.addini(
        "dbperf_reset_caches",
        "empty Django's caches of content types and sites before each test that somebody counts, so that its "
        "queries do not depend on earlier tests",
        type="bool",
        default=True,
    )
    for kind in BUDGETS:
        form: Literal["int", "bool"] = "int" if takes_a_limit(kind) else "bool"
        explanation = f"for every test without a marker of its own: {summary(kind)}"
        parser.addini(f"dbperf_{kind.name}", explanation, type=form, default=None)


def options_of(config: pytest.Config) -> Options:
    """Resolve what was asked for. Raises `pytest.UsageError` for what means nothing."""
    reports = config.getoption("dbperf_report")
    top = config.getoption("dbperf_top")
    if top is None:
        top = _number(config, "dbperf_top")
    if top < 0:
        raise pytest.UsageError(f"--dbperf-top must be >= 0, got {top}")
    return Options(
        mode=mode_of(config),
        reports=[_report(text) for text in (config.getini("dbperf_report") if reports is None else reports)],
        top=top,
        verifies_connections=bool(_truth(config, "dbperf_verify_connections")),
        counts_driver_queries=bool(_truth(config, "dbperf_driver_queries")),
        resets_caches=bool(_truth(config, "dbperf_reset_caches")),
        defaults=[budget for kind in BUDGETS for budget in _default(config, kind)],
        wanted_markers=_wanted_markers(config),
        projects=projects_of(config),
    )


def _wanted_markers(config: pytest.Config) -> SuggestionOptions:
    """Resolve which markers are suggested and written. Raises `pytest.UsageError`, also without libcst."""
    suggests = bool(config.getoption("dbperf_suggest"))
    texts = list(config.getoption("dbperf_write") or ())
    for text in texts:
        # An empty variable of a shell would be the root, which is all tests.
        if not text.partition("::")[0].strip():
            raise pytest.UsageError(
                f"--dbperf-write takes the ids of tests or a pattern of them, got {text!r}"
            )
    if (suggests or texts) and mode_of(config) == "off":
        option = "--dbperf-suggest" if suggests else "--dbperf-write"
        raise pytest.UsageError(f"{option} needs numbers, and with dbperf off nothing is measured")
    if texts:
        try:
            import_module("pytest_dbperf.suggestions.rewriting")
        except ImportError as error:
            raise pytest.UsageError(
                f"--dbperf-write needs libcst ({error}): pip install pytest-dbperf[suggest]"
            ) from None
    elif config.getoption("dbperf_dry_run") == "no":
        raise pytest.UsageError("--dbperf-dry-run=no writes nothing without --dbperf-write=TESTS")
    return SuggestionOptions(
        for_all=suggests,
        patterns=[_from_root(text, config.invocation_params.dir, config.rootpath) for text in texts],
        is_dry_run=config.getoption("dbperf_dry_run") == "yes",
    )


def _from_root(text: str, directory: Path, root: Path) -> str:
    """Write the id of a test as pytest knows it: the file from the root, and not from where it was called."""
    file, colons, name = text.partition("::")
    path = Path(os.path.abspath(directory / file))  # noqa: PTH100  # pytest does not follow links either.
    if not path.is_relative_to(root) or not path.exists():
        return text
    return "*" if path == root else f"{path.relative_to(root).as_posix()}{colons}{name}"


def mode_of(config: pytest.Config) -> str:
    """Resolve the mode alone: it is needed before the command line is read as a whole."""
    # Known early, unless a conftest names the plugin: then it is known only later.
    early = getattr(config.known_args_namespace, "dbperf", None)
    mode = early or config.getoption("dbperf", None) or config.getini("dbperf")
    if mode not in MODES:
        raise pytest.UsageError(f"dbperf must be one of {', '.join(MODES)}, got {mode!r}")
    return str(mode)


def projects_of(config: pytest.Config) -> Sequence[str]:
    """Resolve the packages that are yours: they are needed before the project is imported."""
    names: Sequence[str] = _ini(config, "dbperf_project")
    for name in names:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            raise pytest.UsageError(
                f"dbperf_project in {config.inipath}: takes packages as in an import, shop or acme.billing, "
                f"got {name!r}"
            )
        if parts[0] in ROLES_OF_PACKAGES:
            raise pytest.UsageError(
                f"dbperf_project in {config.inipath}: {name!r} cannot be yours: the plugin has to know it"
            )
    return names


def _report(text: str) -> Report:
    kind, _, path = text.partition(":")
    if kind in FILES and path:
        return Report(kind, Path(path))
    if kind == "term" and not path:
        return Report(kind)
    forms = " or ".join(("term", *(f"{name}:PATH" for name in FILES)))
    raise pytest.UsageError(f"--dbperf-report takes {forms}, got {text!r}")


def _default(config: pytest.Config, kind: type[Budget]) -> Sequence[Budget]:
    option = f"dbperf_{kind.name}"
    value = _number(config, option) if takes_a_limit(kind) else _truth(config, option)
    if value is None or value is False:
        return ()
    try:
        return (make(kind, () if value is True else (value,), {}),)
    except WrongArguments as error:
        raise pytest.UsageError(f"{option} in {config.inipath}: {error}") from None


def _ini(config: pytest.Config, option: str, takes: str = "") -> Any:
    try:
        return config.getini(option)
    except (TypeError, ValueError, pytest.UsageError) as error:
        # pytest 8 crashes on it, later versions do not say which option they mean. What all of them end in is
        # the value.
        got = _LAST_VALUE.search(str(error)) if takes else None
        told = f"{takes}, got {got[0]}" if got else error
        raise pytest.UsageError(f"{option} in {config.inipath}: {told}") from None


def _truth(config: pytest.Config, option: str) -> Any:
    return _ini(config, option, "takes true or false")


def _number(config: pytest.Config, option: str) -> Any:
    return _ini(config, option, f"takes a whole number, as in {option} = 60")

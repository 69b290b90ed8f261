"""Which options and settings are there? A misspelt one is refused: it would limit nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import pytest

from pytest_dbperf.budgets.budget import Budget, can_be_per_request, summary, takes_a_limit
from pytest_dbperf.violations.spelling import closest

MODES = ("enforce", "report", "off")
_PREFIX = "dbperf"
_SETTING = re.compile(rf"""["']?({_PREFIX}\w*)["']?\s*=""")
# A budget of such a name would have the same setting.
SETTINGS = ("baseline", "driver_queries", "project", "report", "reset_caches", "top", "verify_connections")

_APPLIES_TO = (
    "for each test without this marker",
    "for each request, in each test without this marker with per_request=True",
)


def register(parser: pytest.Parser) -> None:
    """Declare the options of the command line and the settings of the ini file."""
    group = parser.getgroup("dbperf", "database performance")
    group.addoption(
        "--dbperf",
        choices=MODES,
        default=None,
        help="enforce: a broken budget fails its test (default); report: show broken budgets, fail nothing; "
        "off: measure nothing",
    )
    group.addoption(
        "--dbperf-report",
        action="append",
        default=None,
        metavar="TYPE[:PATH]",
        help="write a report: term, json:PATH, openmetrics:PATH, gitlab:PATH, sarif:PATH, markdown:PATH, "
        "digest:PATH, github (annotations and the summary of the step), junit (properties for --junitxml) "
        "or one that a plugin adds; can be repeated",
    )
    group.addoption(
        "--dbperf-top",
        type=int,
        default=None,
        metavar="N",
        help="number of rows in the tables of the terminal report (default 10, 0 for all)",
    )
    group.addoption(
        "--dbperf-suggest",
        action="store_true",
        default=False,
        help="print markers for the tests that passed, with the numbers of this run as limits, and what each "
        "default of the suite would cost",
    )
    group.addoption(
        "--dbperf-write",
        action="append",
        default=[],
        metavar="TESTS",
        help="write these markers into the test files, for tests with this id or pattern; can be repeated",
    )
    group.addoption(
        "--dbperf-dry-run",
        choices=("yes", "no"),
        default="yes",
        help="yes: show the changes of --dbperf-write as a diff (default); no: write them",
    )
    group.addoption(
        "--dbperf-shard",
        default=None,
        metavar="NUMBER/OF",
        help="which part of the suite this job runs, as in 2/4, so that dbperf combine can join them; "
        "pytest-split, pytest-shard and pytest-test-groups tell it by their own options",
    )
    group.addoption(
        "--dbperf-baseline",
        default=None,
        metavar="PATH",
        help="the file of debts (default: the nearest dbperf-baseline.tsv, in the root directory or above)",
    )
    group.addoption(
        "--dbperf-update",
        action="store_true",
        default=False,
        help="accept what is over a default: write it into the baseline; refused if CI is set",
    )
    group.addoption(
        "--dbperf-update-in-ci",
        action="store_true",
        default=False,
        help="like --dbperf-update, also if CI is set",
    )
    group.addoption(
        "--dbperf-tighten",
        action="store_true",
        default=False,
        help="take back what no test needs: lower the numbers of the baseline, and remove debts",
    )
    group.addoption(
        "--dbperf-compare",
        default=None,
        metavar="BASE.json",
        help="compare this run with an earlier one, whose JSON report this is",
    )
    group.addoption(
        "--dbperf-fail-on",
        action="append",
        default=[],
        metavar="GATES",
        help="fail the run if the comparison finds new-findings, more-queries, more-hops, more-connections "
        "or any of these; comma-separated, can be repeated",
    )
    parser.addini("dbperf", "the default of --dbperf", default="enforce")
    parser.addini("dbperf_baseline", "the default of --dbperf-baseline, from the root directory", default="")
    parser.addini("dbperf_report", "the defaults of --dbperf-report", type="linelist", default=[])
    parser.addini("dbperf_top", "the default of --dbperf-top", type="int", default=10)
    parser.addini(
        "dbperf_verify_connections",
        "after each test, compare the number of connections with PostgreSQL's own count",
        type="bool",
        default=False,
    )
    parser.addini(
        "dbperf_project",
        "packages outside the root directory that are also your code, as in an import: shop acme.billing",
        type="args",
        default=[],
    )
    parser.addini(
        "dbperf_driver_queries",
        "also count statements that bypass Django's cursors: raw psycopg, COPY, asynchronous backends",
        type="bool",
        default=False,
    )
    parser.addini(
        "dbperf_reset_caches",
        "clear Django's ContentType and Site caches before each measured test, so that query counts do not "
        "depend on test order",
        type="bool",
        default=True,
    )


def register_budgets(parser: pytest.Parser, budget_classes: Iterable[type[Budget]]) -> None:
    """Declare the settings by which the ini file sets a budget for all tests."""
    for budget_class in budget_classes:
        value_type: Literal["int", "bool"] = "int" if takes_a_limit(budget_class) else "bool"
        sentence = summary(budget_class)
        fails = f"{sentence[:1].lower()}{sentence[1:]}"
        for name, explanation in zip(names_of_settings(budget_class), _APPLIES_TO, strict=False):
            parser.addini(f"{_PREFIX}_{name}", f"{explanation}: {fails}", type=value_type, default=None)


def names_of_settings(budget_class: type[Budget]) -> Sequence[str]:
    """Name the settings of a budget without their prefix: for the whole test, and for each request."""
    name = budget_class.name
    return (name, f"{name}_per_request") if can_be_per_request(budget_class) else (name,)


def require_known_arguments(config: pytest.Config, args: Sequence[str]) -> None:
    """Raise `pytest.UsageError` for --dbperf-suggestt: argparse would not name the option that is meant."""
    known = [f"--{name.replace('_', '-')}" for name in vars(config.known_args_namespace)]
    for argument in args:
        name = argument.partition("=")[0]
        if name.startswith(f"--{_PREFIX}") and (meant := closest(name, known)) is not None:
            raise pytest.UsageError(f"there is no option {name} (did you mean {meant}?)")


def require_known_settings(config: pytest.Config, budget_classes: Iterable[type[Budget]]) -> None:
    """Raise `pytest.UsageError` for a setting such as dbperf_query_budgett: pytest would only warn of it."""
    of_budgets = [name for budget_class in budget_classes for name in names_of_settings(budget_class)]
    known = [_PREFIX, *(f"{_PREFIX}_{name}" for name in (*SETTINGS, *of_budgets))]
    for name, written_at in _settings_of(config):
        meant = closest(name, known)
        if meant is not None and not _is_declared(config, name):
            raise pytest.UsageError(f"{written_at}: there is no setting {name} (did you mean {meant}?)")


def _settings_of(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """List the settings with our prefix, in the ini file and of --override-ini, and where each is written."""
    # Not config.inicfg: it is deprecated, and has no lines.
    text = config.inipath.read_text("utf-8") if config.inipath else ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _SETTING.match(line):
            yield found[1], f"{config.inipath}:{number}"
    for override in config.getoption("override_ini") or ():
        if found := _SETTING.match(override):
            yield found[1], f"--override-ini={override}"


def _is_declared(config: pytest.Config, name: str) -> bool:
    """Tell whether a setting is known, also one that another plugin has declared."""
    try:
        config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        return "unknown configuration value" not in str(error)  # Its value may be wrong, too.
    return True

"""Is each option that was given one of ours? A misspelt default would limit nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import pytest

from pytest_dbperf.violations.spelling import closest

_PREFIX = "dbperf"
_SETTING = re.compile(rf"""["']?({_PREFIX}\w*)["']?\s*=""")
# A budget of such a name would have the same setting.
SETTINGS = ("driver_queries", "project", "report", "reset_caches", "top", "verify_connections")


def require_known_arguments(config: pytest.Config, args: Sequence[str]) -> None:
    """Raise `pytest.UsageError` for --dbperf-suggestt: argparse would not name the option that is meant."""
    known = [f"--{name.replace('_', '-')}" for name in vars(config.known_args_namespace)]
    for argument in args:
        name = argument.partition("=")[0]
        if name.startswith(f"--{_PREFIX}") and (meant := closest(name, known)) is not None:
            raise pytest.UsageError(f"there is no option {name} (did you mean {meant}?)")


def require_known_settings(config: pytest.Config, budgets: Iterable[str]) -> None:
    """Raise `pytest.UsageError` for a setting such as dbperf_query_budgett: pytest would only warn of it."""
    known = [_PREFIX, *(f"{_PREFIX}_{name}" for name in (*SETTINGS, *budgets))]
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

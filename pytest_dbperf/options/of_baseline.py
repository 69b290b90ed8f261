"""Which baseline holds, and may it be changed? Only if the command line asks for it, and not in CI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.files import NAME, nearest_baseline
from pytest_dbperf.baseline.limits import Acceptance
from pytest_dbperf.baseline.places import BaselineFile
from pytest_dbperf.baseline.text import BrokenBaseline

UPDATE, UPDATE_IN_CI, TIGHTEN = "--dbperf-update", "--dbperf-update-in-ci", "--dbperf-tighten"
# A worker of xdist gets the path from the controller; an empty one means that there is no baseline.
PATH_FOR_WORKERS = "dbperf_baseline"


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """The baseline that holds, if there is one, and what is to be done with it."""

    file: BaselineFile | None = None
    before: Baseline = field(default_factory=Baseline)
    """What the file accepts; nothing if it is not written yet."""
    directory: Path = Path()
    """Where pytest was started."""
    updates: bool = False
    tightens: bool = False
    is_ci: bool = False

    @property
    def acceptance(self) -> Acceptance:
        """What the run accepts."""
        return Acceptance(self.file, self.before, self.directory, accepts_all=self.updates)

    @property
    def changes(self) -> bool:
        """Whether the file may be written."""
        return self.updates or self.tightens


def baseline_options_of(config: pytest.Config, mode: str) -> BaselineOptions:
    """Resolve the options of the baseline. Raises `pytest.UsageError`."""
    in_worker: Mapping[str, str] | None = getattr(config, "workerinput", None)
    asked = [option for option in (UPDATE, UPDATE_IN_CI, TIGHTEN) if config.getoption(_dest(option))]
    updates, tightens = bool({UPDATE, UPDATE_IN_CI}.intersection(asked)), TIGHTEN in asked
    if in_worker is not None:
        path = in_worker.get(PATH_FOR_WORKERS)  # It is not sent if dbperf is off.
        file = BaselineFile(Path(path), config.rootpath) if path else None
        return BaselineOptions(file, _read(file), config.invocation_params.dir, updates, tightens)
    for option in asked:
        _require_meaning(config, option, mode)
    is_ci = _is_ci()
    if is_ci and UPDATE in asked and UPDATE_IN_CI not in asked:
        raise pytest.UsageError(
            f"{UPDATE} is refused, because the environment variable CI is set: a run in CI would accept "
            f"whatever is new. Update where you can review it, or use {UPDATE_IN_CI}"
        )
    if mode == "off":
        return BaselineOptions()
    file = _file(config, updates=updates, tightens=tightens)
    directory = config.invocation_params.dir
    return BaselineOptions(file, _read(file), directory, updates, tightens, is_ci)


def _dest(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _require_meaning(config: pytest.Config, option: str, mode: str) -> None:
    if mode == "off":
        raise pytest.UsageError(f"{option} needs measurements, but dbperf is off")
    # In addopts it would accept whatever is new in every run.
    if option not in map(str, config.invocation_params.args):
        raise pytest.UsageError(f"{option} has to be given on the command line, not in addopts")


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _file(config: pytest.Config, *, updates: bool, tightens: bool) -> BaselineFile | None:
    root, given = config.rootpath, _given(config)
    if given is not None:
        by, path = given
        if not (updates or path.exists()):
            raise pytest.UsageError(f"{by}: there is no file {path}. To write it: pytest {UPDATE}")
        return BaselineFile(path, root)
    nearest = nearest_baseline(root) or (root / NAME if updates else None)
    if nearest is None and tightens:
        raise pytest.UsageError(
            f"{TIGHTEN}: there is no {NAME} in {root} or above. To write it: pytest {UPDATE}"
        )
    return None if nearest is None else BaselineFile(nearest, root)


def _read(file: BaselineFile | None) -> Baseline:
    if file is None or not file.path.exists():
        return Baseline()
    try:
        return file.read()
    except BrokenBaseline as error:
        raise pytest.UsageError(str(error)) from None


def _given(config: pytest.Config) -> tuple[str, Path] | None:
    """Return the path that was given and by what: by the option, or else by the setting."""
    by_option: str | None = config.getoption("dbperf_baseline")
    by_setting: str = config.getini("dbperf_baseline")
    if by_option is not None:
        # An empty shell variable would mean the current directory.
        if not by_option:
            raise pytest.UsageError("--dbperf-baseline takes the path of a file, got an empty text")
        return f"--dbperf-baseline={by_option}", _absolute(config.invocation_params.dir, by_option)
    if by_setting:
        return f"dbperf_baseline in {config.inipath}", _absolute(config.rootpath, by_setting)
    return None


def _absolute(directory: Path, path: str) -> Path:
    return Path(os.path.abspath(directory / path))  # noqa: PTH100  # pytest does not follow links either.

"""Which tests were selected, and which shard of the suite is this? Options of pytest and of plugins tell."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pytest_dbperf.results.circumstances import Selection, Shard

_SHARD = re.compile(r"(\d+)/(\d+)")

# By the name under which pytest keeps the option: of pytest itself, pytest-testmon and pytest-picked.
_SELECTING = {
    "keyword": "-k",
    "markexpr": "-m",
    "lf": "--lf",
    "stepwise": "--sw",
    "deselect": "--deselect",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "testmon": "--testmon",
    "picked": "--picked",
}

# The number of shards, the number of this one, and the number of the first: pytest-split,
# pytest-test-groups and pytest-shard.
_SHARDING = (("splits", "group", 1), ("test-group-count", "test-group", 1), ("num_shards", "shard_id", 0))


def selection_of(config: pytest.Config) -> Selection:
    """Tell what selects tests. How many there are is known only when they are collected."""
    return Selection(arguments=_arguments(config), options=list(_options(config)))


def from_root(text: str, directory: Path, root: Path) -> str:
    """Write a test id as pytest does: with the file relative to the root, not to the current directory."""
    file, colons, name = text.partition("::")
    path = Path(os.path.abspath(directory / file))  # noqa: PTH100  # pytest does not follow links either.
    if not path.is_relative_to(root) or not path.exists():
        return text
    return "*" if path == root else f"{path.relative_to(root).as_posix()}{colons}{name}"


def _arguments(config: pytest.Config) -> Sequence[str]:
    if config.args_source is config.ArgsSource.TESTPATHS:
        return ()
    named = [from_root(text, config.invocation_params.dir, config.rootpath) for text in config.args]
    suite = config.getini("testpaths")
    is_whole = "*" in named or (bool(suite) and all(_is_within(path, named) for path in suite))
    return () if is_whole else sorted(named)


def _is_within(path: str, folders: Sequence[str]) -> bool:
    path = path.rstrip("/")
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _options(config: pytest.Config) -> Iterator[str]:
    for name, option in _SELECTING.items():
        value = config.getoption(name, None)
        for each in value if isinstance(value, list) else [value]:
            if each:
                yield option if each is True else f"{option} {shlex.quote(str(each))}"


def shard_of(config: pytest.Config) -> Shard | None:
    """Tell which shard this is, by our option or those of plugins. Raises `pytest.UsageError`."""
    text = config.getoption("dbperf_shard")
    if text is None:
        return _shard_of_plugins(config)
    found = _SHARD.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise pytest.UsageError(
            f"--dbperf-shard takes the number of the shard and how many there are, as in 2/4, got {text!r}"
        )
    return Shard(int(found[1]), int(found[2]))


def _shard_of_plugins(config: pytest.Config) -> Shard | None:
    for all_of_them, this_one, first in _SHARDING:
        of, number = config.getoption(all_of_them, None), config.getoption(this_one, None)
        if isinstance(of, int) and isinstance(number, int) and of > 1:
            return Shard(number - first + 1, of)
    return None

"""Which file does a command mean? The one that was named, or the nearest to the current directory."""

from __future__ import annotations

from pathlib import Path

from pytest_dbperf.baseline.files import NAME, nearest_baseline
from pytest_dbperf.baseline.text import BrokenBaseline


def file_of(named: Path | None) -> Path:
    """Return the file that a command is about.

    Raises:
        BrokenBaseline: None was named, and there is none.
    """
    here = Path.cwd()
    path = named or nearest_baseline(here)
    if path is None:
        problem = f"there is no {NAME} here or above, up to the directory of the repository"
        raise BrokenBaseline(here, None, problem, "run `pytest --dbperf-update`, which writes one")
    return path if path is named else shown(path, here)


def shown(path: Path, here: Path) -> Path:
    """Return a path relative to the current directory, if it is below."""
    return path.relative_to(here) if path.is_relative_to(here) else path

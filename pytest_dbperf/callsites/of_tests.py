"""Is it the test that did it, and no code that it tests? The names of files tell."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.ownership import project_root

# As pytest and Django name them, and factories.
_FILES = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest|factories)\.py")
_FOLDERS = frozenset(("test", "tests"))


def is_of_test(path: CallPath) -> bool:
    """Tell whether all call sites are in files of the tests."""
    return bool(path) and all(_is_of_tests(code.co_filename) for code, _ in path)


def _is_of_tests(filename: str) -> bool:
    file, root = Path(filename), project_root()
    # A folder around the project may have any name.
    folders = file.relative_to(root).parts[:-1] if file.is_relative_to(root) else ()
    return _FILES.fullmatch(file.name) is not None or not _FOLDERS.isdisjoint(folders)

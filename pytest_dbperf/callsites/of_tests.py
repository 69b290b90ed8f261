"""Is it the test that did it, and no code that it tests? The names of files tell."""

from __future__ import annotations

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.ownership import is_of_tests


def is_of_test(path: CallPath) -> bool:
    """Tell whether all call sites are in files of the tests."""
    return bool(path) and all(is_of_tests(code.co_filename) for code, _ in path)

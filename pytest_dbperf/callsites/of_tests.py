"""Did the tests do it, and not the code that they test? The names of files tell."""

from __future__ import annotations

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.ownership import is_test_file


def is_of_tests(path: CallPath) -> bool:
    """Tell whether all call sites are in files of the tests."""
    return bool(path) and all(is_test_file(code.co_filename) for code, _ in path)

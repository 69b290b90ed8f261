"""Did the tests do it, or which function of the code that they test? The names of files tell."""

from __future__ import annotations

from pytest_dbperf.callsites.callsite import CallPath, CallSite
from pytest_dbperf.callsites.ownership import is_test_file, name_of_file
from pytest_dbperf.callsites.shown import around_comprehensions

NO_FUNCTION = "(no frame of your code)"


def is_of_tests(path: CallPath) -> bool:
    """Tell whether all call sites are in files of the tests."""
    return bool(path) and all(is_test_file(code.co_filename) for code, _ in path)


def site_of_yours(path: CallPath) -> CallSite | None:
    """Return the innermost call site that is no code of the tests, or else the innermost one.

    A factory or a test that calls your code has not done what your code does.
    """
    tested = (site for site in path if not is_test_file(site[0].co_filename))
    return next(tested, path[0] if path else None)


def function_of_yours(path: CallPath) -> str:
    """Name the function of `site_of_yours` as `shop/views.py titles`: the same on each machine, no line."""
    site = site_of_yours(path)
    if site is None:
        return NO_FUNCTION
    # A file may have many lambdas, and functions `wrapper`: the functions around them tell them apart.
    function = around_comprehensions(site).replace("<locals>.", "")
    # A line of a template may have several blanks in a row, or a tab.
    return " ".join(f"{name_of_file(site[0].co_filename)} {function}".split())

"""The names of files tell what belongs to the tests."""

from pathlib import Path

import pytest

from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.callsites.of_tests import is_of_tests
from tests.factories import site


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("books/test_views.py", True),
        ("books/views_test.py", True),
        ("books/views_tests.py", True),
        ("books/tests.py", True),
        ("conftest.py", True),
        ("books/factories.py", True),
        ("tests/support.py", True),
        ("books/tests/rows.py", True),
        ("books/views.py", False),
        ("books/contest.py", False),
        ("books/testing.py", False),
    ],
)
def test_files_of_tests_have_the_usual_names(file, expected):
    """A folder around the project may have any name."""
    undo = set_project_root(Path("/srv/tests/shop"))
    try:
        assert is_of_tests((site("f", f"/srv/tests/shop/{file}"),)) is expected
    finally:
        undo()


def test_all_call_sites_must_be_of_tests():
    """An unknown path is of no test."""
    test, view = site("test_a", "/srv/test_a.py"), site("view", "/srv/views.py")

    assert is_of_tests((test, test))
    assert not is_of_tests((view, test))
    assert not is_of_tests(())

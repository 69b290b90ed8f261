"""What a reader needs to report a bug: its owner, the tests, the versions, and where."""

import platform

from pytest_dbperf.recording.bugs import Bug
from pytest_dbperf.reports import bugs

FRAMES = '  File "probes/queries.py", line 3, in execute\n    1 / 0\n'
OURS = Bug("recording a query", "ZeroDivisionError: division by zero", FRAMES, count=9)
THEIRS = Bug("checking max_rows", "KeyError", FRAMES, owner="the budget max_rows (MaxRows in acme)")
VERSIONS = {"Django": "6.1", "pytest": "9.2"}


def test_a_bug_of_ours_is_to_be_reported_to_us():
    """It names the tests, in which the numbers are not reliable."""
    lines = list(bugs.lines([(OURS, ["test_a", "test_b"])], VERSIONS))

    assert lines == [
        "a bug of pytest-dbperf, while recording a query (9 times): ZeroDivisionError: division by zero",
        "    in test_a",
        "    in test_b",
        *FRAMES.splitlines(),
        "",
        "The code of these tests ran as usual, but what was measured there is not reliable.",
        f"Python {platform.python_version()} on {platform.system()}, Django 6.1, pytest 9.2",
        "Please report the text above at https://github.com/pytest-dbperf/pytest-dbperf/issues",
        "To run your tests without measuring anything: --dbperf=off",
    ]


def test_a_bug_of_another_plugin_is_to_be_reported_to_its_authors():
    """It is told by name, and not as ours."""
    lines = list(bugs.lines([(THEIRS, [])], VERSIONS))

    assert lines[0] == "a bug of the budget max_rows (MaxRows in acme), while checking max_rows: KeyError"
    assert lines[-2] == "Please report it to the authors of the budget max_rows (MaxRows in acme)"
    assert not any("issues" in line or "these tests" in line for line in lines)


def test_a_bug_of_all_tests_names_some():
    """A thousand ids would hide the error."""
    lines = list(bugs.lines([(OURS, [f"test_{number}" for number in range(7)])], VERSIONS))

    assert lines[5:7] == ["    in test_4", "    in 2 more tests"]


def test_the_last_line_says_why_the_run_failed():
    """Ours first."""
    assert bugs.last_line([(THEIRS, []), (OURS, [])]) == (
        "dbperf: 2 bugs of pytest-dbperf, the budget max_rows (MaxRows in acme): the run fails, see above"
    )

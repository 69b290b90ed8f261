"""Bugs of all processes come together in the one that tells them."""

import json

from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.results.bug_results import BugsOfRun, has_bugs, take_bugs


def note(*texts, test=""):
    """Note bugs at one line of the plugin."""
    for text in texts:
        BUGS.note("recording a query", ValueError(text), test=test)


def test_the_same_bug_of_many_tests_is_told_once():
    """With its tests, and how often it happened in all of them."""
    found = BugsOfRun()
    assert not found
    for number in range(2):
        note("a", "a")
        assert has_bugs()
        found.add(json.loads(json.dumps(take_bugs(f"test_{number}"))))
    note("a")
    found.add(take_bugs())

    ((bug, tests),) = found.all
    assert (bug.error, bug.count, tests) == ("ValueError: a", 5, ["test_0", "test_1"])
    assert (bool(found), has_bugs()) == (True, False)


def test_a_bug_keeps_the_test_that_it_was_noted_for():
    """Collecting reports of a worker, the controller knows which test it is."""
    note("a", test="test_a")

    assert [bug["test"] for bug in take_bugs("test_b")] == ["test_a"]


def test_a_text_of_a_bug_can_be_sent():
    """It may have half of a character."""
    note("x\udc80")

    assert [bug["error"] for bug in take_bugs()] == ["ValueError: x\\udc80"]

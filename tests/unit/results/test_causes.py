"""A cause is told once for a run, with the tests and the routes that it burdens."""

from dataclasses import replace

from pytest_dbperf.results.causes import causes_in
from pytest_dbperf.results.model import TestResult
from pytest_dbperf.results.of_budgets import FindingResult
from tests.factories import run_of

FOUND = FindingResult(
    *("no_n_plus_one", "Book.author", "views.py view", 3),
    in_tests=False,
    is_accepted=False,
    limit_is_hard=False,
)


def result(name, *findings, outcome="passed"):
    """A test with these findings."""
    return TestResult(name, outcome, findings=findings)


def causes(*tests):
    """The causes, each as its subject, its tests and its routes."""
    return [(one.example.subject, one.tests, one.routes) for one in causes_in(run_of(*tests))]


def test_a_cause_is_told_once():
    """It has all of its tests, and each route once."""
    tests = [
        result("a", replace(FOUND, routes=["GET b/", "GET a/"])),
        result("b", replace(FOUND, routes=["GET b/"]), replace(FOUND, subject="Book.editor")),
    ]

    assert causes(*tests) == [("Book.author", ["a", "b"], ["GET a/", "GET b/"]), ("Book.editor", ["b"], [])]


def test_the_cause_that_burdens_most_comes_first():
    """Of those with as many tests, that with more routes; then their names decide."""
    more = [replace(FOUND, subject=subject) for subject in ("C", "B", "A")]
    tests = [result("a", *more, replace(FOUND, subject="D", routes=["GET b/"]), FOUND), result("b", FOUND)]

    assert [subject for subject, _, _ in causes(*tests)] == ["Book.author", "D", "A", "B", "C"]


def test_what_only_the_tests_do_comes_last():
    """However many tests it burdens."""
    own = replace(FOUND, subject="own", in_tests=True)

    assert [one for one, _, _ in causes(result("a", own), result("b", own, FOUND))] == [
        "Book.author",
        "own",
    ]


def test_what_enforcing_would_not_tell_is_left_out():
    """What is accepted, and what is expected to fail."""
    accepted = result("a", replace(FOUND, is_accepted=True))
    hard = result("b", FOUND)

    assert causes(accepted, result("c", FOUND, outcome="xfailed")) == []
    assert causes(accepted, hard) == [("Book.author", ["b"], [])]


def test_the_example_has_a_fix():
    """Also if another test has a higher count."""
    few, fixed, many = (
        replace(FOUND, count=2),
        replace(FOUND, count=4, fix="this"),
        replace(FOUND, count=9),
    )

    [cause] = causes_in(run_of(result("a", few), result("b", fixed), result("c", many)))
    [without] = causes_in(run_of(result("a", few), result("c", many)))

    assert (cause.example, without.example) == (fixed, many)

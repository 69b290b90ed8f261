"""The terminal lists what budgets found by cause, the most burdening first."""

from dataclasses import replace

import pytest

from pytest_dbperf.reports import findings
from pytest_dbperf.results.model import TestResult
from pytest_dbperf.results.of_budgets import FindingResult
from tests.factories import run_of

FOUND = FindingResult(
    *("no_n_plus_one", "Book.author", "views.py name", 3),
    in_tests=False,
    is_accepted=False,
    limit_is_hard=False,
    lines=["views.py:16 name", "views.py:11 titles", "test_a.py:3 test_a"],
    what="SELECT ... FROM author WHERE id = %s",
    fix='views.py:11  .select_related("author")   4 -> 1 queries',
    routes=["GET books/"],
)


def lines_of(*found, top=10):
    """The lines about tests, each with some of the findings."""
    tests = [TestResult(f"t{number}", "passed", findings=of_test) for number, of_test in enumerate(found)]
    return [*findings.lines(run_of(*tests), top)]


def test_a_cause_has_its_tests_its_lines_and_its_fix():
    """Only the two innermost lines: the other ones are in the JSON report."""
    assert lines_of([FOUND], [FOUND], []) == [
        "",
        "1 finding, in 2 tests",
        "  tests  routes  budget, subject, function",
        "      2       1  no_n_plus_one  Book.author  views.py name",
        "                 3x  SELECT ... FROM author WHERE id = %s",
        "                 views.py:16 name  <- views.py:11 titles",
        '                 fix  views.py:11  .select_related("author")   4 -> 1 queries',
    ]


def test_without_a_fix_the_reason_is_told():
    """A route is not counted if there is none, and a long statement is cut."""
    without = replace(FOUND, fix="", reason="the values differ", routes=[], what="x" * 101)

    assert lines_of([without])[2:] == [
        "  tests  budget, subject, function",
        "      1  no_n_plus_one  Book.author  views.py name",
        f"         3x  {'x' * 96} ...",
        "         views.py:16 name  <- views.py:11 titles",
        "         why  the values differ",
    ]


def test_what_is_not_known_takes_no_line():
    """Beside a cause with routes, one without has a dash."""
    bare = replace(FOUND, subject="bare", lines=[], fix="", routes=[])

    assert lines_of([FOUND, bare])[-2:] == [
        "      1       -  no_n_plus_one  bare  views.py name",
        "                 3x  SELECT ... FROM author WHERE id = %s",
    ]


def test_what_the_tests_do_themselves_is_told_apart():
    """After the findings of the project, with a line of its own."""
    own = replace(FOUND, in_tests=True, function="test_a.py test_a", routes=[])

    assert [line for line in lines_of([own, FOUND], [own]) if "finding" in line] == [
        "1 finding, in 1 test",
        "1 finding in the tests' own code, in 2 tests",
    ]


@pytest.mark.parametrize(("top", "shown", "end"), [(1, 1, "2 more"), (3, 3, ""), (9, 3, ""), (0, 3, "")])
def test_the_number_of_causes_can_be_chosen(top, shown, end):
    """The last line tells how many are left out; zero lists all."""
    lines = lines_of([replace(FOUND, subject=subject) for subject in "ABC"], top=top)

    assert sum("no_n_plus_one" in line for line in lines) == shown
    assert (lines[-1] == f"    ... {end} (--dbperf-top=0 lists all)") is bool(end)


def test_a_run_without_findings_has_no_lines():
    """Not even a heading."""
    assert lines_of([]) == []

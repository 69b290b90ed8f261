"""A test has its numbers as properties of JUnit XML."""

import pytest

from pytest_dbperf.reports.junit import properties
from tests.unit.reports.runs import FAILED, FINE, HOSTILE, TestResult, finding, result, violation


def test_the_numbers_are_properties():
    """Of a test within its limits these are all."""
    assert list(properties(FINE)) == [
        ("dbperf_queries", "26"),
        ("dbperf_new_connections", "0"),
        ("dbperf_hops", "2"),
    ]


def test_what_broke_is_a_property_and_so_is_each_cause():
    """The first line of the failure, and what a line of the baseline would name."""
    assert list(properties(FAILED))[3:] == [
        ("dbperf_violation", "no_n_plus_one 25 > 1   no_n_plus_one() in pytest.ini   GET /books/"),
        ("dbperf_finding", "no_n_plus_one Book.author shop/views.py titles_and_names"),
    ]


def test_a_test_that_is_expected_to_fail_has_its_numbers_alone():
    """It is not over its limits, as in the other reports."""
    assert len(list(properties(result(outcome="xfailed", violations=[violation()])))) == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_a_property_is_one_line(text):
    """pytest escapes what XML does not allow; there is nothing left to escape."""
    test = TestResult("a", "failed", findings=[finding(text)], violations=[violation(message=text)])

    assert all(value.isprintable() and len(value) <= 500 for _, value in properties(test))

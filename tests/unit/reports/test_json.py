"""A run is written as JSON, one line per test."""

import json

from pytest_dbperf.reports.files import FILES
from pytest_dbperf.results.model import TestResult
from tests.factories import run_of, violation_result


def test_the_json_has_one_test_a_line():
    """The file is JSON, and `diff` can compare two of them."""
    text = FILES["json"](
        run_of(TestResult("a", "passed"), TestResult("b", "failed", violations=[violation_result()]))
    )

    assert [line[:11] for line in text.splitlines() if '"id"' in line] == ['  {"id": "a', '  {"id": "b']
    assert json.loads(text)["tests"][1]["violations"][0]["location"] == "views.py:7"
    assert json.loads(text)["schema"] == "dbperf-run/1"


def test_an_empty_run_is_json_too():
    """The file is valid even if no test was collected."""
    assert json.loads(FILES["json"](run_of()))["tests"] == []

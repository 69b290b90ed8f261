"""What a budget says of what does not break it."""

import json
import warnings

import pytest

from pytest_dbperf.budgets.enforcement import warn, warnings_of
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.violations.violation import BudgetWarning, WarningLine
from tests.factories import recording, site
from tests.plugin.conftest import failure_of, line_of

WARNING_BUDGET = """
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.violations.violation import WarningLine


def warnings(self, recording):
    return [WarningLine(f"{len(recording.queries)} queries", recording.queries[0].call_path)]


QueryBudget.warnings = warnings
"""
TEST = """
@db
@pytest.mark.query_budget(2)
def test_it():
    queries(1)
"""


def test_a_warning_is_shown_where_the_code_is(suite):
    """pytest lists it, the JSON report has it, and nothing fails."""
    suite.file("conftest.py", WARNING_BUDGET)
    suite.tests(TEST)

    result = suite.run("-W", "default", "--dbperf-report=json:run.json")

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*test_it.py:*: BudgetWarning: 1 queries   query_budget(2) at test_it.py:*"])
    [test] = json.loads((suite.path / "run.json").read_text())["tests"]
    [warning] = test["warnings"]
    assert warning["budget"] == "query_budget"
    assert warning["message"] == "1 queries"
    assert warning["location"].startswith("test_it.py:")


def test_a_suite_that_takes_warnings_for_errors_fails(suite):
    """That is what it has asked for; what is only reported fails nothing."""
    suite.file("conftest.py", WARNING_BUDGET)

    result = suite.run_tests(TEST)
    result.assert_outcomes(failed=1)
    assert failure_of(result, "test_it")[:3] == [
        f"1 queries   query_budget(2) at test_it.py:{line_of(suite, '@db')}",
        "",
        f"test_it.py:{line_of(suite, '@db')}: BudgetWarning",
    ]
    suite.run("--dbperf=report").assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["default", "error"])
def test_a_broken_budget_does_not_hide_a_warning(suite, how):
    """It fails its test, and the warning is shown as well, also where it would be an error."""
    suite.file("conftest.py", WARNING_BUDGET)

    result = suite.run_tests(TEST.replace("queries(1)", "queries(3)"), "-W", how)

    result.assert_outcomes(failed=1, warnings=1)
    result.stdout.fnmatch_lines_random(
        [
            "queries 3 > 2 (+1)   query_budget(2) at test_it.py:*",
            "*test_it.py:*: BudgetWarning: 3 queries   query_budget(2) at test_it.py:*",
        ]
    )


def test_a_budget_without_warnings_has_none():
    """Most budgets have no warnings."""
    placed = PlacedBudget(QueryBudget(3), "at test_it.py:3")

    assert warnings_of([placed], recording()) == []


@pytest.mark.parametrize("path, location", [((), __file__), ((site("view", "api.py", 7),), "api.py")])
def test_a_warning_without_a_call_site_is_the_plugins(path, location):
    """Python needs some file for each warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn("text", WarningLine("text", path))

    assert [(warning.category, warning.filename) for warning in caught] == [(BudgetWarning, location)]

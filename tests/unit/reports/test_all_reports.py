"""All reports agree with the JSON report about what is wrong, and say nothing if nothing is."""

import json
import re
from dataclasses import replace

import pytest

from pytest_dbperf.reports.files import FILES
from pytest_dbperf.reports.github import workflow_commands
from pytest_dbperf.reports.junit import properties
from tests.unit.reports.runs import FAILED, FINE, finding, number, result, run, violation

MIXED = run(
    FAILED,
    FINE,
    result("tests/test_a.py::test_accepted", "passed", findings=[finding("Book.accepted", is_accepted=True)]),
    result(
        "tests/test_a.py::test_both",
        findings=[finding("Book.tags"), finding("Book.also_accepted", is_accepted=True)],
        violations=[violation()],
    ),
    result(
        "tests/test_a.py::test_hard",
        findings=[finding("Book.hard", is_accepted=True, limit_is_hard=True)],
        violations=[violation()],
    ),
    result(
        "tests/test_a.py::test_own", findings=[finding("Book.own", in_tests=True)], violations=[violation()]
    ),
    result("tests/test_a.py::test_caught", "passed", findings=[finding("Book.caught")]),
    result(
        "tests/test_a.py::test_xfailed",
        "xfailed",
        findings=[finding("Book.xfailed")],
        violations=[violation()],
    ),
    result(
        "tests/test_a.py::test_passed", "passed", findings=[finding("Book.passed")], violations=[violation()]
    ),
    result(
        "tests/test_a.py::test_number",
        violations=[violation("query_budget", 34, 20)],
        over=[number(key="tests/test_a.py::test_number")],
    ),
    result(
        "tests/test_a.py::test_slack", "passed", over=[number(key="tests/test_a.py::test_slack", accepted=40)]
    ),
)

SUBJECT = re.compile(r"Book\.\w+")


def bad_in_json():
    """What the JSON report has as bad: the subjects of findings, and the names of tests without a finding."""
    bad = set()
    for test in json.loads(FILES["json"](MIXED))["tests"]:
        if test["violations"] and test["outcome"] != "xfailed":
            findings = [each for each in test["findings"] if each["limit_is_hard"] or not each["is_accepted"]]
            bad |= {each["subject"] for each in findings} or {test["id"].partition("::")[2]}
    return bad


def bad_in_sarif(text):
    """What SARIF has as results that are not suppressed."""
    (read,) = json.loads(text)["runs"]
    return "\n".join(each["message"]["text"] for each in read["results"] if "suppressions" not in each)


def bad_in_junit():
    """What JUnit XML has beside the numbers, and for a test without a finding its name."""
    lines = []
    for test in MIXED.tests:
        told = dict(properties(test))
        if "dbperf_violation" in told:
            lines.append(told.get("dbperf_finding", test.id))
    return "\n".join(lines)


TEXTS = {
    "github": FILES["github"](MIXED),
    "annotations": "\n".join(workflow_commands(MIXED, without_failures=False)),
    "gitlab": FILES["gitlab"](MIXED),
    "sarif": bad_in_sarif(FILES["sarif"](MIXED)),
    "markdown": FILES["markdown"](MIXED),
    "digest": FILES["digest"](MIXED),
    "junit": bad_in_junit(),
}


@pytest.mark.parametrize("name", TEXTS)
def test_reports_agree_about_what_is_bad(name):
    """Each names the causes that the JSON report has as bad, and no other."""
    named = {*SUBJECT.findall(TEXTS[name]), *re.findall(r"test_(?:number|slack)\b", TEXTS[name])}

    assert (
        named
        == bad_in_json()
        == {
            *(f"Book.{name}" for name in ("author", "tags", "hard", "own", "passed")),
            "test_number",
        }
    )


@pytest.mark.parametrize(
    ("name", "text"), [("github", ""), ("gitlab", "[]\n"), ("markdown", ""), ("digest", "")]
)
@pytest.mark.parametrize("tests", [(), (FINE,)], ids=["no tests", "a good test"])
def test_a_report_is_empty_if_nothing_is_wrong(name, text, tests):
    """An empty text is no comment, and an empty array no alert."""
    assert FILES[name](run(*tests)) == text
    assert list(workflow_commands(run(*tests), without_failures=False)) == []
    assert json.loads(FILES["sarif"](run(*tests)))["runs"][0]["results"] == []


def test_no_report_shows_a_value_of_a_parameter():
    """All show what was kept of a statement, which has none; the group with its time is in JSON alone."""
    kept = replace(FAILED, findings=[finding(what="SELECT ... WHERE id = %s")])

    for write in FILES.values():
        assert "WHERE id = 7" not in write(run(kept))

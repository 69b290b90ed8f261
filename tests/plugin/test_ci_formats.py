"""A CI service gets what it reads: workflow commands, the summary of a step, properties in JUnit XML."""

import json
import os
from xml.etree import ElementTree as ET

import pytest

OVER = """
@pytest.mark.query_budget(1)
def test_over(db):
    queries(2)

def test_fine(db):
    queries(1)
"""

# What pytest-github-actions-annotate-failures does with a failed test.
ANNOTATING = """
import sys

def pytest_runtest_logreport(report):
    if report.when == "call" and report.failed:
        print("::error file=theirs.py,line=1::theirs", file=sys.stderr)
"""


@pytest.fixture
def step(suite, monkeypatch):
    """The file for the summary of a step, with a line of another tool that has not ended."""
    path = suite.path / "step_summary"
    path.write_text("theirs")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def commands_of(result):
    """The workflow commands in an output. GitHub knows them by the beginning of their line."""
    return [line for line in result.outlines if line.startswith("::")]


@pytest.mark.parametrize("args", [(), ("-n", "2"), ("-qq",)], ids=["one process", "workers", "quiet"])
def test_github_gets_annotations_and_the_summary_of_the_step(suite, step, args):
    """Each once, and after what other tools wrote there."""
    result = suite.run_tests(OVER, "--dbperf-report=github", *args)

    (command,) = commands_of(result)
    assert command.startswith("::error file=test_it.py,line=")
    assert command.endswith("::test_it.py::test_over: queries 2 > 1 (+1)")
    theirs, heading = step.read_text().split("\n")[:2]
    assert (theirs, heading) == ("theirs", "### dbperf: 1 problem in 1 of 2 tests")


def test_github_gets_nothing_if_nothing_is_wrong(suite, step):
    """The summary of the step stays as it was."""
    result = suite.run_tests("def test_fine(db): queries(1)", "--dbperf-report=github")

    assert (commands_of(result), step.read_text()) == ([], "theirs")


@pytest.mark.parametrize(
    ("args", "level"), [((), "::error"), (("--dbperf=report",), "::warning")], ids=["enforce", "report"]
)
def test_a_failed_test_is_annotated_once(suite, step, args, level):
    """Beside a plugin that annotates failures, only what fails no test is ours."""
    suite.install("pytest_github_actions_annotate_failures", "annotating")
    suite.file("annotating.py", ANNOTATING)
    result = suite.run_tests(OVER, "--dbperf-report=github", *args)

    both = [line for line in (*result.outlines, *result.errlines) if line.startswith("::")]
    assert [line.partition(" ")[0] for line in both] == [level]
    assert ("file=theirs.py" in both[0]) is (level == "::error")
    assert "### dbperf: 1 problem" in step.read_text()


def test_outside_of_github_actions_the_report_needs_a_path(suite, monkeypatch):
    """With the plugin off it is not written, and needs none."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    result = suite.run_tests(OVER, "--dbperf-report=github")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: --dbperf-report=github adds to the file that GitHub Actions names in "
            "GITHUB_STEP_SUMMARY, which is not set here: use github:PATH or markdown:PATH"
        ]
    )
    assert suite.run("--dbperf-report=github", "--dbperf=off").ret == pytest.ExitCode.OK
    assert commands_of(suite.run("--dbperf-report=github:summary.md")) != []
    assert "1 problem" in (suite.path / "summary.md").read_text()


def properties_in(path):
    """The properties of each test in a file of JUnit XML."""
    return {
        case.get("name"): [(each.get("name"), each.get("value")) for each in case.iter("property")]
        for case in ET.parse(path).iter("testcase")
    }


@pytest.mark.parametrize("args", [(), ("-n", "2"), ("--reruns=1",)], ids=["one process", "workers", "reruns"])
def test_junit_xml_has_the_numbers_of_each_test(suite, args):
    """Beside the properties that the test records itself, and each once."""
    suite.tests(
        OVER.replace("queries(1)", "queries(1); record_property('own', 3)").replace(
            "fine(db", "fine(db, record_property"
        )
    )
    suite.run("--dbperf-report=junit", "--junitxml=junit.xml", "-o", "junit_family=xunit1", *args)

    numbers = [("dbperf_new_connections", "0"), ("dbperf_hops", "0")]
    properties = properties_in(suite.path / "junit.xml")
    assert properties["test_fine"] == [("own", "3"), ("dbperf_queries", "1"), *numbers]
    *most, (name, value) = properties["test_over"]
    assert (most, name) == ([("dbperf_queries", "2"), *numbers], "dbperf_violation")
    assert value.startswith("queries 2 > 1 (+1)   query_budget(1) at test_it.py:")


def test_junit_xml_has_no_properties_unless_they_are_wanted(suite):
    """Some readers show all of them."""
    suite.run_tests(OVER, "--junitxml=junit.xml")

    assert properties_in(suite.path / "junit.xml") == {"test_over": [], "test_fine": []}


def test_paths_begin_at_the_repository(suite):
    """pytest's root directory may be one of several in it."""
    (suite.path / ".git").mkdir()
    suite.tests(OVER, name="backend/test_it.py")
    (suite.path / "pytest.ini").rename(suite.path / "backend" / "pytest.ini")
    suite.run(
        *("-c", os.path.join("backend", "pytest.ini"), "backend"),
        *("--dbperf-report=json:run.json", "--dbperf-report=gitlab:gitlab.json"),
    )

    run = json.loads((suite.path / "run.json").read_text())
    (entry,) = json.loads((suite.path / "gitlab.json").read_text())
    assert run["directory"] == "backend"
    assert [test["id"] for test in run["tests"]] == ["test_it.py::test_fine", "test_it.py::test_over"]
    assert entry["location"]["path"] == "backend/test_it.py"

"""Another plugin's budgets, probes and reports are used as our own are."""

import json
import sys

import pytest

PLUGIN = '''
"""A plugin with one of each."""

from dataclasses import KW_ONLY, dataclass
from functools import wraps
from typing import ClassVar, NamedTuple

from pytest_dbperf import Budget, Cause, Evidence, Recording, Violation, inherited_cause, wrap


class Rendered(NamedTuple):
    name: str
    cause: Cause


def install(recorder):
    from django.template.loader import get_template
    from django.template.backends.django import Template

    def around_render(original):
        @wraps(original)
        def render(self, *args, **kwargs):
            if recorder.active:
                recorder.emit(Rendered(self.template.name, inherited_cause.get()))
            return original(self, *args, **kwargs)

        return render

    return wrap(Template, "render", around_render)


@dataclass(frozen=True, slots=True)
class MaxTemplates(Budget):
    """Fail when more than `limit` templates are rendered."""

    name: ClassVar[str] = "max_templates"

    limit: int | None
    _: KW_ONLY
    reason: str = ""

    def check(self, recording: Recording) -> Violation | None:
        names = [event.name for event in recording.of_type(Rendered)]
        if len(names) <= self.limit:
            return None
        headline = f"templates {len(names)} > {self.limit} (+{len(names) - self.limit})"
        return Violation(self.name, len(names), self.limit, headline, (Evidence(len(names), names[0], ()),))


def pytest_dbperf_budgets():
    return [MaxTemplates]


def pytest_dbperf_probes():
    return [install]


def pytest_dbperf_reports():
    return {"names": lambda run: "".join(f"{test.id}\\n" for test in run.tests)}
'''
TESTS = """
from django.template.loader import get_template

def render(number):
    for _ in range(number):
        get_template("shelf/row.html").render({})

@pytest.mark.max_templates(2)
def test_holds():
    render(2)

@pytest.mark.max_templates(2, reason="two rows")
def test_breaks():
    render(3)

def test_fixture_breaks(max_templates):
    render(3)
    with max_templates(1):
        render(2)

def test_without_a_marker():
    render(5)
"""


@pytest.fixture
def plugin(suite):
    """A suite where the plugin is installed."""
    suite.file("acme.py", PLUGIN)
    suite.install("acme", "acme")
    suite.tests(TESTS)
    return suite


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_budget_has_a_marker_a_fixture_a_message_and_json(plugin, args):
    """Also with pytest-xdist, where the workers load the plugin and the controller writes the reports."""
    result = plugin.run(*args, "--dbperf-report=json:run.json", "--dbperf-report=names:out/names.txt")

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "templates 3 > 2 (+1)   max_templates(2) at test_it.py:*",
            "templates 2 > 1 (+1)   max_templates(1) at test_it.py:*",
            "    3x  shelf/row.html",
        ]
    )
    tests = json.loads((plugin.path / "run.json").read_text())["tests"]
    violations = {test["id"]: test["violations"] for test in tests if test["violations"]}
    assert {violation["budget"] for (violation,) in violations.values()} == {"max_templates"}
    assert violations["test_it.py::test_breaks"][0]["measured"] == 3
    assert (plugin.path / "out" / "names.txt").read_text().split() == [test["id"] for test in tests]


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_wrong_arguments_of_its_marker_are_a_usage_error(plugin, args):
    """They stop the run before any test, as those of our own."""
    plugin.tests("@pytest.mark.max_templates(2, raeson='typo')\ndef test_a(): pass")
    result = plugin.run(*args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: test_it.py:*: max_templates: unexpected 'raeson' (did you mean 'reason'?). Usage: *"]
    )


def test_the_ini_file_sets_it_for_all_tests(plugin):
    """A marker still wins."""
    plugin.ini("dbperf_max_templates = 4")
    result = plugin.run("-k", "holds or without")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["templates 5 > 4 (+1)   max_templates(4) in pytest.ini"])


def test_a_wrong_value_in_the_ini_file_is_a_usage_error(plugin):
    """It names the setting."""
    plugin.ini("dbperf_max_templates = few")

    plugin.run().stderr.fnmatch_lines(
        ["ERROR: dbperf_max_templates in *: takes a whole number, *, got 'few'"]
    )


def test_help_and_markers_and_fixtures_list_it(plugin):
    """A team finds it where it finds ours."""
    plugin.run("--help").stdout.fnmatch_lines(["*dbperf_max_templates*"])
    plugin.run("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.max_templates(limit, [*], reason=''): Fail when more than `limit` templates *"]
    )
    plugin.run("--fixtures").stdout.fnmatch_lines(["max_templates -- *"])


@pytest.mark.parametrize("args", [[], ["--dbperf=off"]], ids=["on", "off"])
def test_its_probe_is_undone_with_ours(plugin, args):
    """With the plugin off, it is installed for a test that asks for a recording by a fixture."""
    plugin.tests(
        """
from acme import Rendered
from django.template.loader import get_template

def test_recorded(dbperf):
    get_template("shelf/row.html").render({})
    with dbperf.record(task=True) as recording:
        get_template("shelf/list.html").render({})
    assert [event.name for event in dbperf.of_type(Rendered)] == ["shelf/row.html", "shelf/list.html"]
    assert [event.name for event in recording.of_type(Rendered)] == ["shelf/list.html"]
"""
    )
    program = f"""
import pytest
pytest.main({args})
from django.template.backends.django import Template
print("wrapped" if hasattr(Template.render, "__wrapped__") else "as it was")
"""
    result = plugin.pytester.run(sys.executable, "-c", program)

    result.assert_outcomes(passed=1)
    assert result.outlines[-1] == "as it was"


def test_a_conftest_can_add_them(suite):
    """The one beside the ini file is loaded in time, also for settings."""
    suite.file("conftest.py", PLUGIN)
    suite.tests(TESTS)
    suite.ini("dbperf_max_templates = 4", "dbperf_report = names:names.txt")
    result = suite.run()

    result.assert_outcomes(passed=1, failed=3)
    assert (suite.path / "names.txt").exists()


def test_an_unknown_report_lists_those_of_plugins(plugin):
    """A misspelt name is easy to mend."""
    plugin.run("--dbperf-report=nmaes:x").stderr.fnmatch_lines(
        ["ERROR: --dbperf-report takes term or *:PATH or names:PATH, got 'nmaes:x' (did you mean 'names'?)"]
    )


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_name_that_is_taken_is_a_usage_error(plugin, args):
    """It tells which plugin has it, and which wants it, too."""
    plugin.file("other.py", PLUGIN)
    result = plugin.run("-p", "other", *args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: pytest_dbperf_budgets of plugin 'acme': the name 'max_templates' is taken by other"]
    )

"""A bug of the plugin is told as its own: your tests keep their outcomes, and the run fails."""

import json
import re

import pytest

BREAKING = """
import importlib

# As if the function itself had raised it: this file is not in the traceback.
exec("def boom(*args, **kwargs): raise ZeroDivisionError('on purpose')")

def pytest_collection_modifyitems(session):
    for name in {names!r}:
        module, _, attribute = name.rpartition(".")
        try:
            owner = importlib.import_module("pytest_dbperf." + module)
        except ModuleNotFoundError:
            above, _, last = module.rpartition(".")
            owner = getattr(importlib.import_module("pytest_dbperf." + above), last)
        setattr(owner, attribute, boom)
"""
TESTS = """
@pytest.fixture(scope="module")
def shared():
    yield 5

@db
@pytest.mark.no_n_plus_one
@pytest.mark.query_budget(9)
def test_within(shared):
    queries(1)

@db
@pytest.mark.query_budget(9)
def test_failed():
    queries(1)
    assert 1 == 2, "a failure of its own"

@pytest.mark.query_budget(0)
def test_skipped():
    pytest.skip("for a reason")

@db
@pytest.mark.query_budget(9)
@pytest.mark.xfail(strict=True)
def test_xfailed():
    queries(1)
    assert 1 == 2

class TestCase(TestCase):
    def setUp(self):
        queries(1)

    @pytest.mark.query_budget(9)
    def test_method(self):
        queries(1)

@committed
@pytest.mark.max_thread_hops(9)
async def test_async():
    assert await Author.objects.acount() == 0
"""
OUTCOMES = {"passed": 3, "failed": 1, "skipped": 1, "xfailed": 1}
TOLD = "a bug of pytest-dbperf, while * ZeroDivisionError: on purpose"


def break_in(suite, *names):
    """Break functions of the plugin in the suite, once its tests are collected."""
    suite.file("conftest.py", BREAKING.format(names=names))


@pytest.mark.parametrize(
    ("name", "while_"),
    [
        ("budgets.query_budget.QueryBudget.check", "checking query_budget"),
        ("session.running_test.measure", "summing up a test"),
        ("probes.queries.hash_of_asked", "recording a query"),
        ("results.collecting.RunInProgress.run", "making the reports"),
        ("session.suite.Suite._budgets_for", "finding the budgets of a test"),
        ("caches.watch.CacheWatch.begin", "clearing caches before a test"),
        ("session.suite.databases_of", "opening the connections of a test"),
        ("caches.watch.CacheWatch.open", "recording the body of a test"),
        ("session.suite.Suite._check", "checking the budgets of a test"),
        ("session.suite.Suite._body", "recording the method of a test case"),
        ("session.running_test.RunningTest.add_queries", "recording the teardown of a test"),
        ("session.suite.Suite.setting_up", "setting up a test"),
        ("session.suite.Suite.measures", "setting up a test"),
        ("session.suite.Suite.calling", "running a test"),
        ("session.suite.Suite.tearing_down", "tearing down a test"),
        ("session.suite.wrapping_method", "running a test"),
        ("session.standing_connections.open_on_asgiref_thread", "opening the connections of a test"),
        ("caches.watch.CacheWatch.sharing", "noting the caches that a fixture fills"),
        ("recording.recorder.Recorder.pause", "pausing for a fixture"),
        ("session.running_test.RunningTest.take_numbers", "making the report of a test"),
        ("session.whole_run.outcome_of", "collecting the results of a test"),
        ("reports.terminal.last_line", "writing the summary"),
        ("session.verification.Verification.close", "closing the connections to PostgreSQL's statistics"),
    ],
)
def test_a_bug_changes_no_outcome(suite, name, while_):
    """Whatever breaks, in whichever phase."""
    break_in(suite, name)
    result = suite.run_tests(TESTS)

    result.assert_outcomes(**OUTCOMES)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*AssertionError: a failure of its own*"])
    result.stdout.fnmatch_lines([f"a bug of pytest-dbperf, while {while_}*: ZeroDivisionError: on purpose"])
    result.stdout.fnmatch_lines(["Please report the text above at https://github.com/*/issues"])
    assert re.fullmatch(r"dbperf: \d bugs? of pytest-dbperf: the run fails, see above", result.outlines[-1])


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("violations.plain.plain_text", ()),
        ("violations.plain.plain_text", ("-n", "1")),
        ("plugin.take_bugs", ()),
        ("session.run_hooks.take_bugs", ()),
        ("session.run_hooks.installed", ()),
        ("results.bug_results.BugsOfRun.add", ()),
        ("results.bug_results.BugsOfRun.add", ("-n", "1")),
        ("results.bug_results.BugsOfRun.__bool__", ()),
        ("session.guarding.OWN_ERRORS", ()),
    ],
)
def test_a_bug_while_bugs_are_told_is_told(suite, name, args):
    """The tests keep their outcomes, also if the way by which bugs are told is broken."""
    text = BREAKING.format(names=(name, "budgets.query_budget.QueryBudget.check"))
    suite.file("conftest.py", text.replace("_collection_modifyitems(session)", "_sessionstart(session)"))
    result = suite.run_tests(
        """
@pytest.mark.query_budget(0)
def test_a(): pass

@pytest.mark.query_budget(0)
def test_b():
    assert 1 == 2, "a failure of its own"
""",
        *args,
    )

    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*AssertionError: a failure of its own*"])
    result.stdout.fnmatch_lines(["a bug of pytest-dbperf, while *"])
    result.stdout.fnmatch_lines(["Please report the text above at https://github.com/*/issues"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_bug_before_the_first_test_is_told(suite):
    """The tests run as usual."""
    text = BREAKING.format(names=("session.suite.Suite.wrong_markers",))
    suite.file("conftest.py", text.replace("_collection_modifyitems(session)", "_sessionstart(session)"))
    result = suite.run_tests(TESTS)

    result.assert_outcomes(**OUTCOMES)
    result.stdout.fnmatch_lines(["a bug of pytest-dbperf, while reading the markers of the tests: *"])


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_run_with_a_bug_fails_although_all_tests_passed(suite, args):
    """It tells the tests, the lines and the versions."""
    break_in(suite, "budgets.query_budget.QueryBudget.check")
    result = suite.run_tests(
        """
@pytest.mark.query_budget(0)
def test_a(): pass

@pytest.mark.query_budget(0)
def test_b(): pass

def test_c(): pass
""",
        *args,
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(
        [
            "*3 passed*",
            "a bug of pytest-dbperf, while checking query_budget (2 times): ZeroDivisionError: on purpose",
            "    in test_it.py::test_a",
            "    in test_it.py::test_b",
            "*enforcement.py*",
            "Python 3.* on *, pytest-dbperf *, Django *, pytest *",
        ]
    )
    run = json.loads((suite.path / "run.json").read_text())
    assert (run["exit_code"], run["complete"]) == (3, False)
    assert [test["outcome"] for test in run["tests"]] == ["passed"] * 3


def test_a_bug_in_a_budget_leaves_the_others(suite):
    """A budget that is exceeded still fails its test."""
    break_in(suite, "budgets.no_n_plus_one.NoNPlusOne.judged")
    result = suite.run_tests(
        """
@db
@pytest.mark.no_n_plus_one
@pytest.mark.query_budget(0)
def test_over():
    queries(1)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED *queries 1 > 0 (+1)*", TOLD])


def test_a_failure_that_cannot_be_written_still_fails(suite):
    """With its numbers, and without the rest."""
    break_in(suite, "violations.text.explain")
    result = suite.run_tests("@db\n@pytest.mark.query_budget(0)\ndef test_over():\n    queries(2)\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["FAILED *query_budget: 2, and the limit is 0*", TOLD])


@pytest.mark.parametrize(
    "name",
    [
        "probes.queries.project_frames_from",
        "recording.recorder.Recording.__exit__",
        "recording.open_connections.OpenConnections.wait_for_pools",
        "session.checking.Checking.check",
    ],
)
def test_a_part_of_a_test_is_not_judged_by_broken_numbers(suite, name):
    """An `except` around the part does not hide the bug, and the part does not fail."""
    break_in(suite, name)
    result = suite.run_tests(
        """
@db
def test_part(query_budget):
    try:
        with query_budget(9, at_least=1) as recording:
            queries(2)
    except Exception:
        pass
    with query_budget(9, at_least=1) as recording:
        queries(2)
    assert recording is not None
"""
    )

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines([TOLD])


def test_growth_is_not_judged_by_broken_numbers(suite):
    """The comparison would see what was recorded, and that is wrong."""
    break_in(suite, "probes.queries.load_of")
    result = suite.run_tests(
        """
@db
def test_growth(dbperf):
    def populate(number):
        for _ in range(number):
            Author.objects.create(name="Ada").books.create(title="By Ada")

    dbperf.assert_constant(
        lambda: [book.author for book in Book.objects.all()] and list(Author.objects.all()), populate=populate
    )
"""
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([TOLD])


def test_a_fixture_of_ours_that_breaks_is_told(suite):
    """The test that asked for it cannot run; `xfail` does not hide why."""
    break_in(suite, "session.checking.make")
    result = suite.run_tests(
        """
@pytest.mark.xfail(strict=True)
def test_window(max_db_time):
    max_db_time(5)
"""
    )

    result.assert_outcomes(xfailed=1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines([TOLD])


@pytest.mark.parametrize("name", ["session.suite.Suite.note_file", "session.suite.Suite._budgets_for"])
def test_a_bug_while_tests_are_collected(suite, name):
    """The tests run, and their budgets are not checked."""
    suite.file("conftest.py", BREAKING.format(names=(name,)).replace("_modifyitems(session)", "(session)"))
    result = suite.run_tests("@pytest.mark.query_budget(0)\ndef test_a(): pass", "--dbperf-suggest")

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines([TOLD, "    in test_it.py::test_a"])


def test_suggestions_that_break_leave_the_reports(suite):
    """Each part of the end of a run stands for itself."""
    break_in(suite, "session.whole_run.suggest", "reports.openmetrics.FAMILIES")
    result = suite.run_tests(
        "def test_a(): pass",
        "--dbperf-suggest",
        "--dbperf-report=openmetrics:run.om",
        "--dbperf-report=json:run.json",
    )

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        [
            "dbperf: 1 test, *",
            "a bug of pytest-dbperf, while suggesting markers: ZeroDivisionError: on purpose",
            "a bug of pytest-dbperf, while writing the report openmetrics: TypeError*",
            "dbperf: --dbperf-report=openmetrics:run.om was not written",
        ]
    )
    assert sorted(path.name for path in suite.path.glob("run.*")) == ["run.json"]


def test_without_a_terminal_a_bug_is_told_on_standard_error(suite):
    """`-p no:terminal` shows nothing else."""
    break_in(suite, "budgets.query_budget.QueryBudget.check")
    result = suite.run_tests("@pytest.mark.query_budget(0)\ndef test_a(): pass", "-p", "no:terminal")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stderr.fnmatch_lines([TOLD])


@pytest.mark.parametrize("args", [(), ("-n", "1")], ids=["one process", "worker"])
def test_a_bug_after_the_last_test_is_told(suite, args):
    """A worker sends it when it ends."""
    break_in(suite, "session.verification.Verification.close")
    result = suite.run_tests("def test_a(): pass", *args)

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines([TOLD])


THEIRS = """
from collections.abc import Sequence
from dataclasses import dataclass, KW_ONLY
from functools import wraps
from typing import ClassVar

from pytest_dbperf import Budget, Evidence, Violation, wrap

@dataclass(frozen=True)
class MaxRows(Budget):
    \"\"\"Fail when there are more rows.\"\"\"

    name: ClassVar[str] = "max_rows"
    limit: int
    _: KW_ONLY
    reason: str = ""

    def __post_init__(self):
        if self.limit == 5:
            raise LookupError("five")

    def check(self, recording):
        if self.limit == 0:
            raise LookupError("none")
        return Violation(self.name, 1, self.limit, "rows", evidence=[None])

def pytest_dbperf_budgets():
    return [MaxRows]

def install(recorder):
    raise LookupError("not installed")

def install_badly(recorder):
    from django.template import Template

    def around(original):
        @wraps(original)
        def render(self, context):
            return original(self, context) + undefined

        return render

    return wrap(Template, "render", around)

def pytest_dbperf_probes():
    return [install, install_badly]

def pytest_dbperf_reports():
    return {"broken": lambda run: 1 / 0, "number": lambda run: 5}
"""


def test_a_bug_of_another_plugin_is_told_by_its_name(suite):
    """It is not to be reported to us."""
    suite.file("acme.py", THEIRS)
    suite.install("acme", "acme")
    result = suite.run_tests(
        """
from django.template import Context, Template

@pytest.mark.max_rows(0)
def test_raises(): pass

@pytest.mark.max_rows(1)
def test_cannot_be_shown(): pass

def test_probe():
    Template("x").render(Context())
""",
        "--dbperf-report=broken:a",
        "--dbperf-report=number:b",
    )

    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    for line in (
        "a bug of the probe install in acme, while installing or removing a probe: LookupError: *",
        "a bug of the budget max_rows (MaxRows in acme), while checking max_rows: LookupError: none",
        "a bug of the budget max_rows (MaxRows in acme), while checking max_rows: *Error: *",
        "a bug of the probe install_badly in acme, while wrapping a function: NameError: *",
        "a bug of the report broken (pytest_dbperf_reports in acme), while writing *: ZeroDivisionError: *",
        "a bug of the report number (pytest_dbperf_reports in acme), *: a report must return a text, got int",
        "Please report it to the authors of *",
        "dbperf: --dbperf-report=number:b was not written",
    ):
        result.stdout.fnmatch_lines([line])
    assert "a bug of pytest-dbperf" not in result.stdout.str()


def test_a_budget_of_another_plugin_may_refuse_arguments_by_any_error(suite):
    """The usage error names its class."""
    suite.file("acme.py", THEIRS)
    suite.install("acme", "acme")
    result = suite.run_tests("@pytest.mark.max_rows(5)\ndef test_a(): pass")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: test_it.py:*: MaxRows in acme raised LookupError: five. Usage: max_rows(limit, *"]
    )


def test_a_recursion_without_end_stays_yours(suite):
    """A query that it ends in is no bug of ours."""
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(99999)
def test_endless():
    def call():
        queries(1)
        call()

    with pytest.raises(RecursionError):
        call()
"""
    )

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_a_test_whose_body_was_not_reported_makes_the_run_incomplete(suite):
    """A worker could not send it; here a plugin withholds it."""
    suite.file(
        "conftest.py",
        """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    if report.when == "call":
        vars(report).pop("dbperf")
    return report
""",
    )
    result = suite.run_tests("def test_a(): pass", "--dbperf-report=json:run.json")

    result.stdout.fnmatch_lines(["dbperf: 1 test, *, INCOMPLETE: results are missing"])
    assert json.loads((suite.path / "run.json").read_text())["complete"] is False


SURROGATES = """
class Text(str):
    pass

on_sqlite = pytest.mark.django_db(databases=["sqlite"])

@on_sqlite
@pytest.mark.query_budget(0)
def test_refused_by_the_driver():
    with pytest.raises(Exception), connections["sqlite"].cursor() as cursor:
        cursor.execute('SELECT 1 AS "x\\udc80"')

@on_sqlite
def test_failed():
    with pytest.raises(Exception), connections["sqlite"].cursor() as cursor:
        cursor.execute(Text('SELECT 1 AS "x\\udc80"'))
    assert 1 == 2, "a failure of its own"

@db
@pytest.mark.urls("moved")
def test_status(client):
    assert client.get("/").status_code == 201
"""


def test_text_that_cannot_be_sent_is_escaped(suite):
    """Otherwise a worker would lose the whole report of the test, and with it the failure."""
    suite.file(
        "moved.py",
        """
from http import HTTPStatus

from django.http import HttpResponse
from django.urls import path

class Moved(HttpResponse):
    status_code = HTTPStatus.CREATED

urlpatterns = [path("", lambda request: Moved())]
""",
    )
    result = suite.run_tests(SURROGATES, "-n", "1", "--dbperf-report=json:run.json")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines_random(
        ["FAILED *test_refused_by_the_driver - queries 1 > 0 (+1)*", "*a failure of its own*"]
    )
    run = json.loads((suite.path / "run.json").read_text())
    assert (run["complete"], [test["outcome"] for test in run["tests"]]) == (
        True,
        ["failed", "failed", "passed"],
    )
    assert any("\\udc80" in group["fingerprint"] for group in run["tests"][0]["groups"])

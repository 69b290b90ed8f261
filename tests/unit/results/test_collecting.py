"""The result of a test is put together from the reports of its phases."""

import json
from types import SimpleNamespace

import pytest

from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.model import Measurements
from pytest_dbperf.results.of_budgets import FindingResult
from pytest_dbperf.results.phase_numbers import PhaseNumbers
from tests.factories import violation_result


def numbers(body=None, **around):
    """The numbers of a phase as its report carries them: the queries of the body, and those around it."""
    call = None if body is None else Measurements(queries=body)
    return json.loads(json.dumps(PhaseNumbers(queries=around, call=call).to_dict()))


def test_the_phases_of_a_test_come_together():
    """Setup, call and teardown arrive one after the other."""
    so_far = RunInProgress()
    so_far.add("a", "setup", "passed", numbers(setup=2))
    so_far.add("a", "call", "passed", numbers(3, setup=1, teardown=1))
    so_far.add("a", "teardown", "passed", numbers(teardown=4))

    (result,) = so_far.run(0).tests

    assert (result.outcome, result.call.queries) == ("passed", 3)
    assert result.phases == {"setup": {"queries": 3}, "teardown": {"queries": 5}}


def test_a_test_that_runs_again_replaces_its_result():
    """Only its last attempt is kept."""
    so_far = RunInProgress()
    for outcome, queries in (("rerun", 9), ("passed", 1)):
        so_far.add("a", "setup", "passed", numbers(setup=queries))
        so_far.add("a", "call", outcome, numbers(queries))

    (result,) = so_far.run(0).tests

    assert (result.outcome, result.call.queries, result.phases["setup"]["queries"]) == ("passed", 1, 1)


@pytest.mark.parametrize(
    ("phases", "is_complete"),
    [
        ([("setup", "failed"), ("teardown", "passed")], True),
        ([("setup", "skipped"), ("teardown", "passed")], True),
        ([("setup", "rerun"), ("setup", "passed"), ("call", "passed")], True),
        ([("setup", "passed"), ("call", "failed"), ("teardown", "passed")], True),
        ([("setup", "passed"), ("teardown", "passed")], False),
        ([("setup", "passed"), ("teardown", "failed")], False),
        ([("setup", "passed")], False),
    ],
)
def test_a_run_without_the_body_of_a_test_is_incomplete(phases, is_complete):
    """Its report was lost, as by a worker that could not send it."""
    so_far = RunInProgress()
    for phase, of_phase in phases:
        so_far.add("a", phase, of_phase, numbers())

    assert so_far.run(0).complete is is_complete


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ([("setup", "failed")], "error"),
        ([("setup", "skipped")], "skipped"),
        ([("setup", "passed"), ("call", "failed"), ("teardown", "passed")], "failed"),
        ([("setup", "passed"), ("call", "passed"), ("teardown", "failed")], "error"),
        ([("setup", "passed"), ("call", "xfailed"), ("teardown", "passed")], "xfailed"),
        ([("setup", "passed")], "crashed"),
    ],
)
def test_the_outcome_is_that_of_the_phase_that_decides(phases, outcome):
    """A failure in the setup or the teardown is an error, as in pytest."""
    so_far = RunInProgress()
    for phase, of_phase in phases:
        so_far.add("a", phase, of_phase, numbers())

    assert so_far.run(0).tests[0].outcome == outcome


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        (SimpleNamespace(outcome="passed"), "passed"),
        (SimpleNamespace(outcome="skipped", skipped=True, wasxfail=""), "xfailed"),
        (SimpleNamespace(outcome="passed", skipped=False, wasxfail=""), "xpassed"),
    ],
)
def test_expected_failures_have_outcomes_of_their_own(report, outcome):
    """A reader of the run need not know pytest's `wasxfail`."""
    assert outcome_of(report) == outcome


@pytest.mark.parametrize(
    ("enforces", "outcome", "violations", "subjects"),
    [
        (True, "passed", 0, ["accepted"]),
        (True, "failed", 1, ["new", "accepted"]),
        (False, "passed", 1, ["new", "accepted"]),
    ],
)
def test_what_a_test_has_caught_is_dropped(enforces, outcome, violations, subjects):
    """A test of a budget breaks it on purpose. What is accepted raised nothing that it could catch."""
    found = [
        FindingResult("b", subject, "f", 1, in_tests=False, is_accepted=is_accepted, limit_is_hard=False)
        for subject, is_accepted in (("new", False), ("accepted", True))
    ]
    body = PhaseNumbers(call=Measurements(), violations=[violation_result()], findings=found)
    so_far = RunInProgress(enforces=enforces)
    so_far.add("a", "call", outcome, json.loads(json.dumps(body.to_dict())))

    (result,) = so_far.run(0).tests

    assert len(result.violations) == violations
    assert [finding.subject for finding in result.findings] == subjects


def test_tests_are_in_the_order_of_their_ids():
    """With xdist, too, they are in this order."""
    so_far = RunInProgress()
    for nodeid in ("b", "a"):
        so_far.add(nodeid, "setup", "passed", numbers())

    assert [test.id for test in so_far.run(0).tests] == ["a", "b"]


def test_a_run_knows_when_it_ran():
    """A test ends with its last phase; the run starts with the first test of any worker."""
    so_far = RunInProgress(project="shop")
    so_far.add("b", "setup", "passed", numbers(), (101.0, 102.0))
    so_far.add("a", "setup", "passed", numbers(), (100.0, 103.0))
    so_far.add("b", "teardown", "passed", numbers(), (104.0, 105.0))

    run = so_far.run(0)

    assert (run.project, run.started) == ("shop", 100.0)
    assert [(test.id, test.ended) for test in run.tests] == [("a", 103.0), ("b", 105.0)]


def test_a_run_knows_what_it_ran_with():
    """The numbers can change with Django's version."""
    assert {"django", "pytest", "pytest-dbperf"} <= set(RunInProgress().run(0).versions)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    """psycopg is not required."""
    monkeypatch.setattr("pytest_dbperf.results.collecting._PACKAGES", ("no-such-package",))

    assert RunInProgress().run(0).versions == {}

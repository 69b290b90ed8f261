"""What is done with all results? The hooks of the process that receives them, and how a run ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict
from typing import Any

import pytest

from pytest_dbperf.comparison.gates import GATE_FAILED
from pytest_dbperf.options.of_baseline import PATH_FOR_WORKERS
from pytest_dbperf.recording.bugs import BUGS as NOTED
from pytest_dbperf.reports import bugs
from pytest_dbperf.results.bug_results import BugsOfRun, take_bugs
from pytest_dbperf.results.collecting import installed
from pytest_dbperf.session.countable import line_about_missing_probes
from pytest_dbperf.session.guarding import guard
from pytest_dbperf.session.whole_run import WholeRun

# The attribute of a report that has the bugs noted meanwhile; a worker of xdist sends the last ones itself.
BUGS = "dbperf_bugs"
WRONG_MARKERS = "dbperf_wrong_markers"
COUNTS = "dbperf_counts"

# What a report of a bug should name: our packages, and the drivers that Django has backends for.
_PACKAGES = (
    *("pytest-dbperf", "Django", "pytest", "pytest-django", "pytest-xdist", "pytest-asyncio", "asgiref"),
    *("psycopg", "psycopg-pool", "psycopg2", "psycopg2-binary", "mysqlclient", "PyMySQL", "oracledb"),
)
_PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_ENDED = (*_PASSED, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR)


class _CollectionHooks:
    """The hooks of a process that collects tests: it counts them before and after the options and plugins."""

    def __init__(self) -> None:
        self.collected = self.selected = 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        self.collected = len(items)
        yield
        self.selected = len(items)


class WholeRunHooks(_CollectionHooks):
    """The hooks of the process that receives all results: the only one, or the controller of xdist."""

    def __init__(self, whole_run: WholeRun, found: BugsOfRun) -> None:
        super().__init__()
        self.whole_run = whole_run
        self.found = found

    # Before other plugins write what they read from the report.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with guard("collecting the results of a test", test=report.nodeid):
            self.whole_run.add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.whole_run.miss_results()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[PATH_FOR_WORKERS] = self.whole_run.path_of_baseline

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:  # A worker of xdist crashed, and the results of its test are lost.
            self.whole_run.miss_results()
        elif wrong := node.workeroutput.get(WRONG_MARKERS):
            raise pytest.UsageError(*wrong)
        else:
            with guard("counting the tests of a worker"):
                self.whole_run.add_counts(*node.workeroutput.get(COUNTS, (0, 0)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        with guard("gathering the bugs of a run"):
            self.found.add(take_bugs())
        is_stopped = bool(session.shouldstop or session.shouldfail)
        with guard("making the reports"):
            if self.found:
                self.whole_run.miss_results()
                exitstatus = _with_bugs(exitstatus)
            self.whole_run.add_counts(self.collected, self.selected)
            self.whole_run.end(int(exitstatus), is_stopped=is_stopped)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        is_quiet = terminalreporter.config.get_verbosity() < -1
        with guard("writing the summary"):
            for title, lines in self.whole_run.sections(is_quiet=is_quiet):
                if title:
                    terminalreporter.section(title)
                for line in lines:
                    terminalreporter.line(line)


class EndOfRunHooks:
    """The hooks by which a run with a bug, or without a report that was asked for, fails and says why."""

    def __init__(self, whole_run: WholeRun, found: BugsOfRun, stop: Callable[[], None]) -> None:
        self.whole_run = whole_run
        self.found = found
        self.stop = stop

    def pytest_report_header(self) -> str | None:
        return line_about_missing_probes()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with guard("gathering the bugs of a run", test=report.nodeid):
            self.found.add(vars(report).get(BUGS, ()))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if not error:
            with guard("gathering the bugs of a run"):
                self.found.add(node.workeroutput.get(BUGS, ()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        # The other hooks run first, and the terminal has shown all results by then.
        yield
        self.stop()
        # Bugs and reports that were not written come last: they decide the exit code.
        _write(session.config, self.whole_run.failed_gates)
        with guard("telling the bugs of a run"):
            self.found.add(take_bugs())
            if self.found:
                session.exitstatus = _with_bugs(session.exitstatus)
                _write(session.config, self._told())
        if untold := NOTED.take():
            session.exitstatus = _with_bugs(session.exitstatus)
            _write(session.config, bugs.bare_lines(untold))
        if self.whole_run.unwritten:
            _write(session.config, self.whole_run.unwritten)
            if session.exitstatus in _ENDED:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self.whole_run.failed_gates and session.exitstatus in _PASSED:
            session.exitstatus = GATE_FAILED

    def _told(self) -> Iterable[str]:
        told = self.found.all
        yield from bugs.lines(told, dict(installed(_PACKAGES)))
        yield bugs.last_line(told)


class WorkerHooks(_CollectionHooks):
    """The hooks of a worker of xdist."""

    def __init__(self, stop: Callable[[], None]) -> None:
        super().__init__()
        self.stop = stop

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.stop()
        output: dict[str, object] = vars(session.config)["workeroutput"]
        output[COUNTS] = (self.collected, self.selected)
        with guard("sending the bugs of a worker"):
            output[BUGS] = take_bugs()
        if unsent := NOTED.take():
            output[BUGS] = [asdict(bug) for bug in unsent]


def _with_bugs(exit_code: int | pytest.ExitCode) -> int | pytest.ExitCode:
    """Return the exit code of a run with a bug. A failed test stays a failed test."""
    return pytest.ExitCode.INTERNAL_ERROR if exit_code in _PASSED else exit_code


def _write(config: pytest.Config, lines: Iterable[str]) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        if terminal is None:
            sys.stderr.write(f"{line}\n")
        else:
            terminal.write_line(line)

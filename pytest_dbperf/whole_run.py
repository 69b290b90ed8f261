"""What is done with the results of all tests? They are gathered, written as reports, and summed up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_dbperf.options import Options
from pytest_dbperf.reports import suggestions, terminal
from pytest_dbperf.reports.files import ReportWriter
from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.model import Run
from pytest_dbperf.suggestions.files import SuggestionSummary, suggest

# What the numbers of a test are called on its report, and the wrong markers in the output of a worker.
NUMBERS = "dbperf"
WRONG_MARKERS = "dbperf_wrong_markers"

# All passed, some failed, nothing collected.
_EXIT_CODES_OF_WHOLE_RUNS = (0, 1, 5)


class WholeRun:
    """The hooks of the process that receives all results: the only one, or the controller of xdist."""

    def __init__(self, config: pytest.Config, chosen: Options, reports: Mapping[str, ReportWriter]) -> None:
        self.config = config
        self.options = chosen
        self.reports = reports
        self.so_far = RunInProgress(enforces=chosen.enforces, project=config.rootpath.name)
        self.run: Run | None = None
        self.suggested: SuggestionSummary | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (numbers := vars(report).get(NUMBERS)) is not None:
            during = (report.start, report.stop)
            self.so_far.add(report.nodeid, report.when, outcome_of(report), numbers, during)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.so_far.is_complete = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:  # A worker of xdist crashed, and the results of its test are lost.
            self.so_far.is_complete = False
        elif wrong := node.workeroutput.get(WRONG_MARKERS):
            raise pytest.UsageError(*wrong)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        stopped = bool(session.shouldstop or session.shouldfail)
        if stopped or exitstatus not in _EXIT_CODES_OF_WHOLE_RUNS:
            self.so_far.is_complete = False
        self.run = self.so_far.run(int(exitstatus))
        if self.options.wants_sources:
            self.suggested = suggest(self.options.wanted_markers, self.run, self.config.rootpath)
        for report_type, path in self.options.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.reports[report_type](self.run), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.suggested is not None:
            terminalreporter.section("dbperf suggestions")
            for line in suggestions.lines(self.suggested):
                terminalreporter.line(line)
        if self.run is None or not self.run.tests or self.config.get_verbosity() < -1:
            return
        if self.options.shows_table or self.run.over_limit:
            terminalreporter.section("dbperf")
            for line in terminal.table(self.run, self.options.top):
                terminalreporter.line(line)
        for line in terminal.unused_allowances(self.run):
            terminalreporter.line(line)
        terminalreporter.line(terminal.last_line(self.run))

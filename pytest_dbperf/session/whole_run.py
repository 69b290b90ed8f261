"""What is done with the results of all tests? They are gathered, written as reports, and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dbperf.comparison.gates import GATE_FAILED
from pytest_dbperf.options.chosen import Options
from pytest_dbperf.recording.bugs import OURS, Guard, is_ours, name_of
from pytest_dbperf.reports import findings, github, junit, suggestions, terminal
from pytest_dbperf.reports.files import ADDED_TO_A_FILE, ReportWriter
from pytest_dbperf.reports.writing import NotWritten, add_report, write_report
from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.repository import directory_in_repository
from pytest_dbperf.session.baseline_of_run import BaselineOfRun
from pytest_dbperf.session.commit import commit_of
from pytest_dbperf.session.comparison_of_run import ComparisonOfRun
from pytest_dbperf.session.guarding import guard
from pytest_dbperf.suggestions.files import SuggestionSummary, suggest

if TYPE_CHECKING:
    import pytest

# The attribute of a test's report that has its numbers.
NUMBERS = "dbperf"

# All passed, some failed, nothing collected.
_EXIT_CODES_OF_WHOLE_RUNS = (0, 1, 5)
_PASSED = (0, 5)


class WholeRun:
    """The results in the process that receives all of them: the only one, or the controller of xdist."""

    def __init__(self, options: Options, root: Path, reports: Mapping[str, ReportWriter]) -> None:
        self._options = options
        self._baseline = BaselineOfRun(options.baseline, enforces=options.enforces)
        self._root = root
        self._reports = reports
        self._so_far = RunInProgress(
            enforces=options.enforces, project=root.name, directory=directory_in_repository(root)
        )
        self._run: Run | None = None
        self._unwritten_reports: list[str] = []
        self._suggested: SuggestionSummary | None = None
        self._comparison = ComparisonOfRun(options.comparison)

    @property
    def failed_gates(self) -> Sequence[str]:
        """A line for each reason to fail a run in which all tests passed."""
        return (*self._comparison.failed_gates, *self._baseline.failed_gates)

    @property
    def path_of_baseline(self) -> str:
        """The path of the file of debts; empty if there is none."""
        file = self._options.baseline.file
        return "" if file is None else str(file.path)

    @property
    def unwritten(self) -> Sequence[str]:
        """A line for each file that could not be written."""
        return (*self._unwritten_reports, *self._baseline.unwritten)

    def add(self, report: pytest.TestReport) -> None:
        """Take the numbers of one phase of a test from its report."""
        if (numbers := vars(report).get(NUMBERS)) is not None:
            during = (report.start, report.stop)
            self._so_far.add(report.nodeid, report.when, outcome_of(report), numbers, during)
            if self._options.adds_properties and report.when == "teardown":
                # pytest writes JUnit XML from the last report of a test.
                report.user_properties.extend(junit.properties(self._so_far.result_of(report.nodeid)))

    def add_counts(self, collected: int, selected: int) -> None:
        """Note how many tests were found in this process or a worker, and how many of them were to run."""
        self._so_far.add_counts(collected, selected)

    def miss_results(self) -> None:
        """Mark the run as incomplete: a module was not collected, or a worker crashed."""
        self._so_far.is_complete = False

    def end(self, exit_code: int, *, is_stopped: bool) -> None:
        """Make the run out of the results, and write the reports and the suggested markers."""
        if is_stopped or exit_code not in _EXIT_CODES_OF_WHOLE_RUNS:
            self.miss_results()
        run = self._run = self._with_circumstances(self._so_far.run(exit_code))
        with guard("comparing the run with the baseline"):
            run = self._run = self._baseline.end(run)
        with guard("comparing the run with an earlier one"):
            self._comparison.end(run)
        if self.failed_gates and exit_code in _PASSED:
            run = self._run = replace(run, exit_code=GATE_FAILED)
        if self._options.wants_sources:
            with guard("suggesting markers"):
                self._suggested = suggest(
                    self._options.wanted_markers, run, self._root, self._options.defaults_set
                )
        for report_type, path in self._options.files:
            self._write(report_type, path, run)

    def _with_circumstances(self, run: Run) -> Run:
        """Add how the run was made. git is asked only for a report that names the commit."""
        made_by = self._options.selection
        commit, dirty = None, None
        if (
            any(report_type == "json" for report_type, _ in self._options.files)
            or self._options.comparison.path
        ):
            commit, dirty = commit_of(self._root)
        return replace(
            run,
            commit=commit,
            dirty=dirty,
            selection=replace(run.selection, arguments=made_by.arguments, options=made_by.options),
            shard=self._options.shard,
        )

    def _write(self, report_type: str, path: Path, run: Run) -> None:
        writer = self._reports[report_type]
        owner = OURS if is_ours(writer) else f"the report {report_type} ({name_of(writer)})"
        text: object = None
        with Guard(f"writing the report {report_type}", owner=owner):
            text = writer(run)
            if not isinstance(text, str):
                raise TypeError(f"a report must return a text, got {type(text).__qualname__}")
        if not isinstance(text, str):
            self._unwritten_reports.append(f"dbperf: --dbperf-report={report_type}:{path} was not written")
            return
        try:
            (add_report if report_type in ADDED_TO_A_FILE else write_report)(path, text)
        except NotWritten as error:
            self._unwritten_reports.append(f"dbperf: --dbperf-report={report_type}:{error}")

    def sections(self, *, is_quiet: bool) -> Iterator[tuple[str, Iterable[str]]]:
        """Write the parts of the terminal summary: the title of each, or an empty one, and its lines."""
        if self._suggested is not None:
            yield "dbperf suggestions", suggestions.lines(self._suggested)
        run = self._run
        if run is not None and (changes := [*self._baseline.lines_about_changes(run)]):
            yield "dbperf baseline", changes
        if run is not None and self._options.annotates:
            without_failures = self._options.failures_are_annotated
            yield "", github.workflow_commands(run, without_failures=without_failures)
        if run is None or not run.tests or is_quiet:
            return
        if self._options.shows_table or run.over_limit:
            yield "dbperf", terminal.table(run, self._options.top)
        if not self._options.enforces:
            # Where budgets are enforced, the failures of the tests say it.
            yield "", findings.lines(run, self._options.top)
            yield "", terminal.explanations(run, self._options.top)
        slack = self._baseline.lines_about_slack(run)
        if compared := list(self._comparison.lines(self._options.top)):
            yield "dbperf comparison", compared
        yield "", (*terminal.unused_allowances(run), *slack, terminal.last_line(run))

"""What is done with the results of all tests? They are gathered, written as reports, and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dbperf.options.chosen import Options
from pytest_dbperf.recording.bugs import OURS, Guard, is_ours, name_of
from pytest_dbperf.reports import findings, suggestions, terminal
from pytest_dbperf.reports.files import ReportWriter
from pytest_dbperf.reports.writing import NotWritten, write_report
from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.model import Run
from pytest_dbperf.session.guarding import guard
from pytest_dbperf.suggestions.files import SuggestionSummary, suggest

if TYPE_CHECKING:
    import pytest

# The attribute of a test's report that has its numbers.
NUMBERS = "dbperf"

# All passed, some failed, nothing collected.
_EXIT_CODES_OF_WHOLE_RUNS = (0, 1, 5)


class WholeRun:
    """The results in the process that receives all of them: the only one, or the controller of xdist."""

    def __init__(self, options: Options, root: Path, reports: Mapping[str, ReportWriter]) -> None:
        self._options = options
        self._root = root
        self._reports = reports
        self._so_far = RunInProgress(enforces=options.enforces, project=root.name)
        self._run: Run | None = None
        self.unwritten: list[str] = []
        """A line for each report that could not be written."""
        self._suggested: SuggestionSummary | None = None

    def add(self, report: pytest.TestReport) -> None:
        """Take the numbers of one phase of a test from its report."""
        if (numbers := vars(report).get(NUMBERS)) is not None:
            during = (report.start, report.stop)
            self._so_far.add(report.nodeid, report.when, outcome_of(report), numbers, during)

    def miss_results(self) -> None:
        """Mark the run as incomplete: a module was not collected, or a worker crashed."""
        self._so_far.is_complete = False

    def end(self, exit_code: int, *, is_stopped: bool) -> None:
        """Make the run out of the results, and write the reports and the suggested markers."""
        if is_stopped or exit_code not in _EXIT_CODES_OF_WHOLE_RUNS:
            self.miss_results()
        run = self._run = self._so_far.run(exit_code)
        if self._options.wants_sources:
            with guard("suggesting markers"):
                self._suggested = suggest(
                    self._options.wanted_markers, run, self._root, self._options.defaults_set
                )
        for report_type, path in self._options.files:
            self._write(report_type, path, run)

    def _write(self, report_type: str, path: Path, run: Run) -> None:
        writer = self._reports[report_type]
        owner = OURS if is_ours(writer) else f"the report {report_type} ({name_of(writer)})"
        text: object = None
        with Guard(f"writing the report {report_type}", owner=owner):
            text = writer(run)
            if not isinstance(text, str):
                raise TypeError(f"a report must return a text, got {type(text).__qualname__}")
        if not isinstance(text, str):
            self.unwritten.append(f"dbperf: --dbperf-report={report_type}:{path} was not written")
            return
        try:
            write_report(path, text)
        except NotWritten as error:
            self.unwritten.append(f"dbperf: --dbperf-report={report_type}:{error}")

    def sections(self, *, is_quiet: bool) -> Iterator[tuple[str, Iterable[str]]]:
        """Write the parts of the terminal summary: the title of each, or an empty one, and its lines."""
        if self._suggested is not None:
            yield "dbperf suggestions", suggestions.lines(self._suggested)
        run = self._run
        if run is None or not run.tests or is_quiet:
            return
        if self._options.shows_table or run.over_limit:
            yield "dbperf", terminal.table(run, self._options.top)
        if not self._options.enforces:
            # Where budgets are enforced, the failures of the tests say it.
            yield "", findings.lines(run, self._options.top)
            yield "", terminal.explanations(run, self._options.top)
        yield "", (*terminal.unused_allowances(run), terminal.last_line(run))

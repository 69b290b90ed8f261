"""What becomes of the baseline at the end of a run? It is compared with the run, or changed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.files import read_text
from pytest_dbperf.baseline.gate import Gate, gate_of
from pytest_dbperf.baseline.patch import patch, top_of
from pytest_dbperf.baseline.places import BaselineFile
from pytest_dbperf.baseline.text import BrokenBaseline
from pytest_dbperf.options.of_baseline import TIGHTEN, UPDATE, BaselineOptions
from pytest_dbperf.reports import baseline as report
from pytest_dbperf.reports.writing import NotWritten, write_report
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.of_baseline import BaselineResult

PATCH = Path(".dbperf", "baseline.patch")
_INCOMPLETE = "the run is incomplete, results are missing"


class BaselineOfRun:
    """The baseline in the process that receives all results: the only one, or the controller of xdist."""

    def __init__(self, options: BaselineOptions, *, enforces: bool) -> None:
        self._options = options
        self._enforces = enforces
        self._changes: report.Changes | None = None
        self.unwritten: list[str] = []
        """A line for each file that could not be written."""
        self.failed_gates: list[str] = []
        """A line for each reason to fail a run, also if all tests passed."""

    def end(self, run: Run) -> Run:
        """Compare the baseline with the run, change it if that was asked for, and add the result."""
        options, file = self._options, self._options.file
        if file is None:
            return run
        gate = gate_of(options.before, run, file.is_about)
        result = gate.result(file.name)
        if options.changes:
            result = self._change(file, run) or result
        if self._enforces and run.complete and gate.update.changes and not options.updates:
            command = (self._leave_patch(file, gate) if options.is_ci else None) or f"pytest {UPDATE}"
            self.failed_gates.append(report.line_about_new_debts(result, command))
        elif options.is_ci:
            with suppress(OSError):  # It is of an earlier run.
                (file.root / PATCH).unlink(missing_ok=True)
        return replace(run, baseline=result)

    def lines_about_changes(self, run: Run) -> Iterator[str]:
        """Write what was changed."""
        if run.baseline is not None and self._changes is not None:
            yield from report.lines_about_changes(run.baseline, self._changes, run)

    def lines_about_slack(self, run: Run) -> Iterator[str]:
        """Write in a few lines what no test needs."""
        if run.baseline is not None and self._changes is None:
            yield from report.lines_about_slack(run.baseline)

    def _change(self, file: BaselineFile, run: Run) -> BaselineResult | None:
        """Write what was asked for. Return how the file fits the run, or None if it was not written."""
        updates, tightens = self._options.updates, self._options.tightens
        if not run.complete:
            self._changes = report.Changes(updates, tightens, _INCOMPLETE)
            self.failed_gates.append(
                f"dbperf: {file.name} was not changed: {_INCOMPLETE}. "
                f"Run the tests to their end: pytest {UPDATE if updates else TIGHTEN}"
            )
            return None
        try:
            # Another run may have changed the file meanwhile.
            before = file.read() if file.path.exists() else Baseline()
            gate = gate_of(before, run, file.is_about)
            after = gate.changed(updates=updates, tightens=tightens)
            if after != before or not file.path.exists():
                file.write(after)
        except BrokenBaseline as error:
            self.unwritten.append(f"dbperf: {error}")
            return None
        except OSError as error:
            self.unwritten.append(f"dbperf: {file.name} was not written: {error.strerror or error}")
            return None
        self._changes = report.Changes(updates, tightens)
        return replace(gate.result(file.name), debts=len(after.debts))

    def _leave_patch(self, file: BaselineFile, gate: Gate) -> str | None:
        """Leave a patch that accepts what is new. Return the command that applies it, or None."""
        written, top = file.root / PATCH, top_of(file.path)
        try:
            before = read_text(file.path)
            path = file.path.relative_to(top).as_posix()
            write_report(written.with_name(".gitignore"), "*\n")
            write_report(written, patch(path, before, file.text_of(gate.update.baseline)))
        except (BrokenBaseline, NotWritten) as error:
            self.failed_gates.append(f"dbperf: {error}")
            return None
        # In other directories, git ignores paths outside of them.
        directory = self._options.directory
        at_top = "" if directory == top else f"-C {_relative(top, directory)} "
        return f"git {at_top}apply {_relative(written, top)}"


def _relative(path: Path, directory: Path) -> str:
    return shlex.quote(Path(os.path.relpath(path, directory)).as_posix())

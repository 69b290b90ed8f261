"""What becomes of a comparison at the end of a run? It is shown, and it may fail the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_dbperf.comparison import text
from pytest_dbperf.comparison.comparing import compare
from pytest_dbperf.comparison.gates import failed_gates
from pytest_dbperf.comparison.verdict import Verdict
from pytest_dbperf.options.comparing import ComparisonOptions
from pytest_dbperf.results.model import Run


class ComparisonOfRun:
    """The comparison in the process that receives all results: the only one, or the controller of xdist."""

    def __init__(self, options: ComparisonOptions) -> None:
        self._options = options
        self._verdict: Verdict | None = None
        self.failed_gates: Sequence[str] = ()
        """A line for each reason to fail a run in which all tests passed."""

    def end(self, run: Run) -> None:
        """Compare the run with the earlier one, if that was asked for."""
        if self._options.base is not None:
            verdict = self._verdict = compare(self._options.base, run)
            failed = failed_gates(verdict, self._options.gates)
            self.failed_gates = list(text.gate_lines(failed, self._options.path, verdict))

    def lines(self, top: int) -> Iterator[str]:
        """Write the comparison for the terminal summary."""
        if self._verdict is not None:
            yield from text.lines(self._verdict, self._options.path, top)

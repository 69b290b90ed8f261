"""How does GitHub Actions show a run? As annotations at your lines, and as the summary of the step."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_dbperf.reports.markdown import INCOMPLETE, headline, item
from pytest_dbperf.reports.markdown_code import code_block
from pytest_dbperf.reports.one_line import one_line
from pytest_dbperf.reports.problems import Problem, problems
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Run

# GitHub shows ten annotations of a level for each step, and drops the others in silence.
MOST_ANNOTATIONS = 9
# GitHub drops the summaries of a step that are larger than 1 MiB together. Five runs of pytest fit.
MOST_BYTES_OF_SUMMARY = 200 * 1024
_LONGEST_LINE = 300
_MOST_LINES = 5


def workflow_commands(run: Run, *, without_failures: bool) -> Iterator[str]:
    """Write a workflow command for each of the largest causes, then how many more there are.

    `without_failures` leaves out the causes that made a test fail: another plugin annotates failed tests.
    """
    found = [problem for problem in problems(run) if not (without_failures and problem.fails)]
    for problem in found[:MOST_ANNOTATIONS]:
        yield _annotation(problem)
    if len(found) > MOST_ANNOTATIONS:
        more = counted(len(found) - MOST_ANNOTATIONS, "more problem")
        yield f"::notice title=dbperf::{more}: the summary of this step lists them"
    if not run.complete:
        yield f"::warning title=dbperf::{INCOMPLETE}"


def summary(run: Run) -> str:
    """Write all causes as Markdown, each with its lines and its statement, as far as there is room."""
    found = problems(run)
    lines = [*headline(run, found)]
    size = _size(lines)
    for number, problem in enumerate(found):
        written = [*item(problem), *_details(problem)]
        size += _size(written)
        if size > MOST_BYTES_OF_SUMMARY:
            more = counted(len(found) - number, "more problem")
            lines += ["", f"... and {more}, left out here: the summary is full."]
            break
        lines += written
    # Another tool may have written into the same file, and not have ended its line.
    return "\n".join(("", *lines, "")) if lines else ""


def _annotation(problem: Problem) -> str:
    title = f"dbperf: {problem.budget} {problem.extent}"
    parts = [problem.title, problem.what, f"fix: {problem.fix}" if problem.fix else ""]
    message = "\n".join(one_line(part, _LONGEST_LINE) for part in parts if part)
    properties = {"file": problem.path, "line": str(problem.line), "title": title}
    shown = ",".join(
        f"{name}={_property(one_line(value, _LONGEST_LINE))}" for name, value in properties.items()
    )
    return f"::{'error' if problem.fails else 'warning'} {shown}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _details(problem: Problem) -> Iterator[str]:
    """Write what is folded away: the lines that led to it, what was counted, and the first tests."""
    yield ""
    yield "  <details><summary>lines and tests</summary>"
    yield ""
    parts = (problem.lines[:_MOST_LINES], [problem.what] if problem.what else [], problem.tests[:_MOST_LINES])
    for part in filter(None, parts):
        yield from (f"  {line}" for line in code_block(part, _LONGEST_LINE))
        yield ""
    yield "  </details>"
    yield ""


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)

"""How is a run told below a pull request? In some lines of Markdown, and in none if nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_dbperf.reports.markdown_code import code
from pytest_dbperf.reports.problems import Problem, problems
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Run

INCOMPLETE = "The run is incomplete: results are missing."
_MOST_PROBLEMS = 10
_LONGEST_TITLE = 200
_LONGEST_FIX = 300


def document(run: Run) -> str:
    """Write the largest causes, one item each. Also with the longest texts it fits into a comment."""
    found = problems(run)
    lines = [*headline(run, found)]
    for problem in found[:_MOST_PROBLEMS]:
        lines += item(problem)
    if len(found) > _MOST_PROBLEMS:
        lines += ["", f"... and {counted(len(found) - _MOST_PROBLEMS, 'more problem')}."]
    return "\n".join((*lines, "")) if lines else ""


def headline(run: Run, found: Sequence[Problem]) -> Iterator[str]:
    """Write how much is wrong, as a heading, and whether results are missing."""
    if found:
        tests = f"{len(run.over_limit)} of {counted(len(run.tests), 'test')}"
        yield f"### dbperf: {counted(len(found), 'problem')} in {tests}"
        yield ""
    if not run.complete:
        yield from (() if found else ("### dbperf", ""))
        yield f"**{INCOMPLETE}**"
        yield ""


def item(problem: Problem) -> Iterator[str]:
    """Write a problem as an item of a list: its budget, what happened, the line, and the fix."""
    title = code(problem.title, _LONGEST_TITLE)
    yield f"- **{problem.budget}** {title}, {problem.extent}, at {code(problem.location, _LONGEST_TITLE)}"
    if problem.fix:
        yield f"  - fix: {code(problem.fix, _LONGEST_FIX)}"

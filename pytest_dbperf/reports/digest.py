"""What does a coding agent need to repair a run? What broke, your lines, the SQL, the fix, a command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from pytest_dbperf.reports.markdown import INCOMPLETE
from pytest_dbperf.reports.markdown_code import code_block
from pytest_dbperf.reports.one_line import one_line
from pytest_dbperf.reports.problems import Problem, problems
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Run

MOST_TOKENS = 2_000
# Most texts have more characters in a token. Bytes are counted, so that other scripts are not underrated.
_BYTES_OF_A_TOKEN = 3
_MOST_BYTES = MOST_TOKENS * _BYTES_OF_A_TOKEN
_MOST_PROBLEMS = 20
_MOST_LINES = 8
_MOST_LINES_OF_FAILURE = 12
_MOST_TESTS = 3
_LONGEST_LINE = 160
_LONGEST_ADVICE = 320
_LONGEST_STATEMENT = 1_000
_LONGEST_COMMAND = 1_000
_DEBT = "  debt "
_LEFT_OUT = ("", "The rest is left out here: the JSON report has it.")
_TASK = (
    "Each section below is one cause. Change the code of the project, not a limit, a marker or the baseline. "
    "Then run the command of the section."
)


def document(run: Run) -> str:
    """Write a section for each of the largest causes, of at most 2,000 tokens."""
    found = problems(run)
    if not found:
        return "" if run.complete else f"# dbperf\n\n{INCOMPLETE}\n"
    numbers = f"{counted(len(found), 'problem')} in {counted(len(run.over_limit), 'test')}"
    lines = [f"# dbperf: {numbers}", "", _TASK]
    if not run.complete:
        lines += ["", INCOMPLETE]
    for number, problem in enumerate(found[:_MOST_PROBLEMS], 1):
        lines += ["", *section(number, problem)]
    if len(found) > _MOST_PROBLEMS:
        more = counted(len(found) - _MOST_PROBLEMS, "more problem")
        lines += ["", f"... and {more}: repair these first, then run all tests again."]
    return "\n".join((*lines, ""))


def section(number: int, problem: Problem) -> list[str]:
    """Write one cause. If it is too long, what comes last is left out, and the last line says so."""
    lines: list[str] = []
    for part in _parts(number, problem):
        if _size([*lines, *part, *_LEFT_OUT]) > _MOST_BYTES:
            return [*lines, *_LEFT_OUT]
        lines += part
    return lines


def _parts(number: int, problem: Problem) -> Iterator[list[str]]:
    yield [f"## {number}. {problem.budget}, {problem.extent}", ""]
    yield code_block([problem.title], _LONGEST_LINE)
    yield ["", "Run again:", "", *code_block([_command(problem.tests)], _LONGEST_COMMAND, "sh")]
    lines = problem.lines[:_MOST_LINES] or [problem.location]
    yield ["", "Your lines, the innermost first:", "", *code_block(lines, _LONGEST_LINE)]
    for name, text, longest in (
        ("Fix", problem.fix, _LONGEST_ADVICE),
        ("Note", problem.reason, _LONGEST_ADVICE),
        ("What was counted", problem.what, _LONGEST_STATEMENT),
    ):
        if text:
            yield ["", f"{name}:", "", *code_block([text], longest)]
    if problem.what:
        return
    # A number has only the text of the failure. How to accept it is for people to decide.
    shown = [line for line in problem.explanation if line.strip() and not line.startswith(_DEBT)]
    if shown:
        yield ["", "What the failure says:", "", *code_block(shown[:_MOST_LINES_OF_FAILURE], _LONGEST_LINE)]


def _command(tests: Sequence[str]) -> str:
    """Write the command that runs the first tests again; if it is too long, one that runs a whole file."""
    command = f"pytest {shlex.join(tests[:_MOST_TESTS])}"
    if len(one_line(command, _LONGEST_COMMAND + 1)) <= _LONGEST_COMMAND:
        return command
    return f"pytest {shlex.quote(tests[0].partition('::')[0])}"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)

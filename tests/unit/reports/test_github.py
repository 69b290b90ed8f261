"""GitHub Actions gets annotations at the lines to change, and a summary of the step."""

import re

import pytest

from pytest_dbperf.reports.files import FILES
from pytest_dbperf.reports.github import MOST_ANNOTATIONS, MOST_BYTES_OF_SUMMARY, workflow_commands
from tests.unit.reports.runs import FAILED, FINE, HOSTILE, finding, result, run, violation

# What GitHub takes for a step: ten annotations of a level, and summaries of 1 MiB together.
OF_A_LEVEL, MEBIBYTE = 10, 1024 * 1024


def read(command):
    """Read a workflow command as GitHub's runner does: level, properties and message."""
    command_info, message = command.removeprefix("::").split("::", 1)
    level, _, properties = command_info.partition(" ")
    pairs = [pair.split("=", 1) for pair in properties.split(",")]
    return level, {name: unescaped(value, ":,") for name, value in pairs}, unescaped(message, "")


def unescaped(text, also):
    """Undo the escapes of a value; of a property there are more."""
    for character in f"\r\n{also}":
        text = text.replace(f"%{ord(character):02X}", character)
    return text.replace("%25", "%")


def many(number, outcome="failed"):
    """As many tests, each with a cause of its own."""
    return [
        result(
            f"tests/test_{index:03}.py::test",
            outcome,
            findings=[finding(f"Book.{index}")],
            violations=[violation()],
        )
        for index in range(number)
    ]


def annotations(*tests, without_failures=False):
    """The annotations of these tests."""
    return [read(command) for command in workflow_commands(run(*tests), without_failures=without_failures)]


def test_a_cause_is_annotated_at_its_line():
    """With what happened, the statement and the fix."""
    (command,) = workflow_commands(run(FAILED, FINE), without_failures=False)

    assert command == (
        "::error file=shop/views.py,line=11,title=dbperf%3A no_n_plus_one in 1 test::"
        "Book.author 25 times in shop/views.py titles_and_names%0A"
        "SELECT ... FROM shop_author WHERE shop_author.id = %25s%0A"
        'fix: shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget'
    )


def test_a_cause_that_fails_no_test_is_a_warning():
    """As with --dbperf=report. What is not known is left out."""
    test = result(outcome="passed", findings=[finding(what="")], violations=[violation()])

    assert annotations(test) == [
        (
            "warning",
            {"file": "shop/views.py", "line": "11", "title": "dbperf: no_n_plus_one in 1 test"},
            "Book.author 25 times in shop/views.py titles_and_names",
        )
    ]


@pytest.mark.parametrize(("number", "more"), [(9, []), (10, ["1 more problem"]), (30, ["21 more problems"])])
def test_there_are_no_more_annotations_than_github_shows(number, more):
    """The last one counts those that are left out."""
    found = annotations(*many(number))

    assert [level for level, *_ in found] == ["error"] * MOST_ANNOTATIONS + ["notice"] * len(more)
    assert [message.partition(":")[0] for *_, message in found[MOST_ANNOTATIONS:]] == more
    assert MOST_ANNOTATIONS < OF_A_LEVEL


def test_what_another_plugin_annotates_is_left_out():
    """That plugin annotates each test that failed; the others are ours, and only they are counted."""
    passed = many(11, "passed")

    assert annotations(FAILED, without_failures=True) == []
    assert [level for level, *_ in annotations(FAILED, *passed[1:], without_failures=True)] == [
        "warning"
    ] * 9 + ["notice"]


@pytest.mark.parametrize(("tests", "levels"), [((FINE,), []), ((FAILED,), ["error"])])
def test_missing_results_are_a_warning(tests, levels):
    """Also if nothing else is wrong."""
    commands = list(workflow_commands(run(*tests, complete=False), without_failures=False))

    assert [command.split()[0] for command in commands[:-1]] == [f"::{level}" for level in levels]
    assert commands[-1] == "::warning title=dbperf::The run is incomplete: results are missing."


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_a_command_or_begins_one(text):
    """A command is one line, and what it says is what was written."""
    function = f"{text}.py view"
    test = result(
        f"{text}::test",
        findings=[finding(text, function=function, what=text, fix=text, lines=[f"{text}.py:3 view"])],
        violations=[violation()],
    )

    (command,) = workflow_commands(run(test), without_failures=False)

    level, properties, message = read(command)
    assert len(command.splitlines()) == 1
    assert (level, list(properties)) == ("error", ["file", "line", "title"])
    assert properties["line"] == "3"
    assert len(message.splitlines()) == 3
    assert len(message) < 1_000
    assert all(line.isprintable() for line in message.splitlines())


def test_the_summary_has_the_lines_and_the_tests_of_each_cause():
    """They are folded away. It begins a line of its own."""
    text = FILES["github"](run(FAILED, FINE))

    assert (
        text
        == """
### dbperf: 1 problem in 1 of 2 tests

- **no_n_plus_one** `Book.author 25 times in shop/views.py titles_and_names`, in 1 test, at `shop/views.py:11`
  - fix: `shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget`

  <details><summary>lines and tests</summary>

  ```text
  shop/views.py:16 name_of_author
  shop/views.py:11 titles_and_names
  ```

  ```text
  SELECT ... FROM shop_author WHERE shop_author.id = %s
  ```

  ```text
  tests/test_a.py::test_b[x]
  ```

  </details>

"""
    )


def test_a_cause_without_a_statement_shows_its_tests():
    """Nothing stands for what is not known."""
    text = FILES["github"](run(result(findings=[finding(lines=[], what="")], violations=[violation()])))

    assert text.count("```text") == 1


def test_the_summary_is_cut_where_anyone_sees_it():
    """GitHub would drop a larger one, and those of the same step with it."""
    text = FILES["github"](run(*many(2_000)))

    shown = text.count("- **no_n_plus_one**")
    assert re.search(
        rf"\n\.\.\. and {2_000 - shown} more problems, left out here: the summary is full\.\n$", text
    )
    assert MOST_BYTES_OF_SUMMARY * 0.99 < len(text.encode()) < MOST_BYTES_OF_SUMMARY + 100
    assert 5 * (MOST_BYTES_OF_SUMMARY + 100) < MEBIBYTE

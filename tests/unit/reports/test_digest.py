"""A coding agent gets what it needs, in few tokens."""

import re
import shlex

import pytest

from pytest_dbperf.reports.digest import MOST_TOKENS
from pytest_dbperf.reports.files import FILES
from tests.unit.reports.runs import FAILED, FINE, HOSTILE, finding, result, run, violation


def sections_of(text):
    """The sections of a digest, one for each cause."""
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]


def command_of(section):
    """The command that runs the tests of a section again."""
    return re.search(r"^`{3,}sh\n(.+)\n`{3,}$", section, re.MULTILINE)[1]


def test_a_section_has_what_broke_the_lines_the_statement_the_fix_and_the_command():
    """It can be worked from without anything else."""
    text = FILES["digest"](run(FAILED, FINE))

    assert (
        text
        == """\
# dbperf: 1 problem in 1 test

Each section below is one cause. Change the code of the project, not a limit, a marker or the baseline. \
Then run the command of the section.

## 1. no_n_plus_one, in 1 test

```text
Book.author 25 times in shop/views.py titles_and_names
```

Run again:

```sh
pytest 'tests/test_a.py::test_b[x]'
```

Your lines, the innermost first:

```text
shop/views.py:16 name_of_author
shop/views.py:11 titles_and_names
```

Fix:

```text
shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget
```

What was counted:

```text
SELECT ... FROM shop_author WHERE shop_author.id = %s
```
"""
    )


def test_a_number_has_the_text_of_its_failure():
    """It says which statements were counted, from which lines, and what would help."""
    explanation = ["", "   25x  SELECT 1", "        a.py:1 view", "  fix   a.py:1  .only()   25 -> 1 queries"]
    test = result(violations=[violation("query_budget", 25, 1, explanation=explanation)])

    (section,) = sections_of(FILES["digest"](run(test)))

    assert "Fix:\n\n```text\na.py:1  .only()   25 -> 1 queries\n```" in section
    assert section.endswith("What the failure says:\n\n```text\n" + "\n".join(explanation[1:]) + "\n```\n")


def test_a_cause_without_lines_has_the_place_of_its_test():
    """A note says why there is no fix."""
    test = result(findings=[finding(lines=[], what="", reason="The rows differ.")], violations=[violation()])
    (section,) = sections_of(FILES["digest"](run(test)))

    assert "Your lines, the innermost first:\n\n```text\ntests/test_a.py:1\n```" in section
    assert "Note:\n\n```text\nThe rows differ.\n```" in section
    assert "What was counted" not in section


@pytest.mark.parametrize(
    "text", [*HOSTILE, "😀" * 5_000, "\N{COMBINING GRAVE ACCENT}" * 5_000, "a\n" * 5_000]
)
def test_no_section_has_more_than_2000_tokens(text):
    """A token is taken to have three bytes, and most have more. What is left out is told."""
    test = result(
        findings=[
            finding(text, function=f"a.py {text}", lines=[text] * 50, what=text, fix=text, reason=text)
        ],
        violations=[violation(explanation=[text] * 50)],
    )
    whole = FILES["digest"](run(test))

    (section,) = sections_of(whole)
    assert len(section.encode()) / 3 <= MOST_TOKENS
    assert ("What was counted" in section) != ("The rest is left out here" in section)
    assert command_of(section) == "pytest 'tests/test_a.py::test_b[x]'"


def test_the_command_runs_the_first_tests():
    """A shell reads their names as they are."""
    ids = [f"tests/test_a.py::test_b['{name}' $(id) `id`]" for name in "abcd"]
    tests = [result(test_id, findings=[finding()], violations=[violation()]) for test_id in ids]

    (section,) = sections_of(FILES["digest"](run(*tests)))

    assert shlex.split(command_of(section)) == ["pytest", *ids[:3]]


def test_a_test_with_a_very_long_name_is_run_with_its_file():
    """A name that is cut would run nothing."""
    test = result(f"tests/test_a.py::test_b[{'x' * 1_000}]", findings=[finding()], violations=[violation()])

    (section,) = sections_of(FILES["digest"](run(test)))

    assert command_of(section) == "pytest tests/test_a.py"


def test_the_causes_beyond_twenty_are_counted():
    """An agent repairs the largest ones first."""
    tests = [
        result(f"tests/test_{index}.py::test", findings=[finding(f"Book.{index}")], violations=[violation()])
        for index in range(21)
    ]
    text = FILES["digest"](run(*tests))

    assert len(sections_of(text)) == 20
    assert text.endswith("\n... and 1 more problem: repair these first, then run all tests again.\n")


def test_missing_results_are_told():
    """Also if nothing else is wrong."""
    missing = "The run is incomplete: results are missing.\n"

    assert FILES["digest"](run(FINE, complete=False)) == f"# dbperf\n\n{missing}"
    assert f"of the section.\n\n{missing}" in FILES["digest"](run(FAILED, complete=False))


def test_an_agent_is_not_told_how_to_accept_what_broke():
    """It would be the shortest way to a run that passes."""
    debt = "  debt  not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update test_a.py"
    test = result(violations=[violation(explanation=["  why   It grows.", debt])])

    (section,) = sections_of(FILES["digest"](run(test)))

    assert "It grows." in section
    assert "--dbperf-update" not in section

"""A run is told below a pull request in some lines."""

from pytest_dbperf.reports.files import FILES
from tests.unit.reports.runs import FAILED, FINE, finding, result, run, violation

# GitHub refuses a longer comment.
LONGEST_COMMENT = 65_536


def many(number):
    """As many tests, each with a cause of its own and the longest texts."""
    return [
        result(
            f"tests/test_{index}.py::{'x' * 2_000}",
            findings=[finding(f"{index} {'😀' * 500}", fix="😀" * 1_000)],
            violations=[violation()],
        )
        for index in range(number)
    ]


def test_each_cause_is_an_item():
    """It has the budget, what happened, the line and the fix."""
    text = FILES["markdown"](run(FAILED, FINE))

    assert (
        text
        == """\
### dbperf: 1 problem in 1 of 2 tests

- **no_n_plus_one** `Book.author 25 times in shop/views.py titles_and_names`, in 1 test, at `shop/views.py:11`
  - fix: `shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget`
"""
    )


def test_a_cause_without_a_fix_ends_at_its_line():
    """Nothing is promised that is not known."""
    text = FILES["markdown"](run(result(findings=[finding()], violations=[violation()])))

    assert text.endswith(", in 1 test, at `shop/views.py:11`\n")


def test_it_stays_short():
    """It fits into a comment, and says how many causes are missing."""
    text = FILES["markdown"](run(*many(12)))

    assert text.count("- **no_n_plus_one**") == 10
    assert text.endswith("\n... and 2 more problems.\n")
    assert len(text.encode()) < LONGEST_COMMENT


def test_missing_results_are_told():
    """Also if nothing else is wrong."""
    missing = "**The run is incomplete: results are missing.**\n"

    assert FILES["markdown"](run(FINE, complete=False)) == f"### dbperf\n\n{missing}\n"
    assert f"tests\n\n{missing}\n- **no_n_plus_one**" in FILES["markdown"](run(FAILED, FINE, complete=False))

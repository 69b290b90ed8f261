"""Text in Markdown stays text, whatever it has in it."""

import re

import pytest

from pytest_dbperf.reports.markdown_code import code, code_block
from tests.unit.reports.runs import HOSTILE


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SELECT 1", "`SELECT 1`"),
        ("a `b` c", "``a `b` c``"),
        ("`b`", "`` `b` ``"),
        ("``", "``` `` ```"),
        ("", "`-`"),
        (" \n ", r"`\n`"),
    ],
)
def test_code_stands_behind_more_backticks_than_it_has(text, written):
    """CommonMark takes one space away on both sides, and reads an empty pair of backticks as text."""
    assert code(text, 100) == written


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_its_code(text):
    """The run of backticks that opens it stands only at its beginning and at its end."""
    written = code(text, 200)

    fence = re.match("`+", written)[0]
    assert re.findall("`+", written).count(fence) == 2
    assert written.endswith(fence)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_its_block(text):
    """No line in it begins with as many backticks as the block."""
    opened, *lines, closed = code_block([text, "```", "`````sh"], 200, "sh")

    fence = opened.removesuffix("sh")
    assert closed == fence
    assert len(fence) > 5
    assert not any(line.startswith(fence) for line in lines)

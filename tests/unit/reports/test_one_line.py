"""Any text becomes one line that says what the text had."""

import pytest

from pytest_dbperf.reports.one_line import one_line
from tests.unit.reports.runs import HOSTILE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1", "SELECT 1"),
        ("Bücher 本 🎉", "Bücher 本 🎉"),
        ("a\nb\r\nc", r"a\nb\r\nc"),
        ("a\tb\N{NO-BREAK SPACE}c", "a b c"),
        ("a\x00\x1b[31mb", r"a\x00\x1b[31mb"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("a\ud800b", r"a\ud800b"),
        ("", ""),
    ],
)
def test_what_would_end_the_line_is_written_as_an_escape(text, line):
    """Printable characters of all languages stay."""
    assert one_line(text, 100) == line


@pytest.mark.parametrize(
    ("text", "line"), [("x" * 10, "x" * 10), ("x" * 11, "xxxxxx ..."), ("\n" * 9, r"\n\n\n ...")]
)
def test_a_long_text_is_cut_and_says_so(text, line):
    """An escape counts as long as it is written."""
    assert one_line(text, 10) == line


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_has_more_than_a_line(text):
    """It can be printed, and has no more characters than were asked for."""
    line = one_line(text, 80)

    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert len(line) <= 80

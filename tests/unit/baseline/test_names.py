"""A name fits into one field of a line, and comes back as it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbperf.baseline.names import escaped, unescaped


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("shop/views.py titles_and_names", "shop/views.py titles_and_names"),
        ("GET Bücher/<int:pk>/", "GET Bücher/<int:pk>/"),
        (r"GET ^books/(?P<pk>\d+)\.json$", r"GET ^books/(?P<pk>\d+)\.json$"),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("", r"\e"),
        (" a b ", r"\x20a b\x20"),
        ("#1 of #2", r"\x231 of #2"),
        (r"C:\temp", r"C:\\temp"),
        ("\\\t", r"\\\t"),
        ("a\u2028b\u202ec\x85", r"a\u2028b\u202ec\x85"),
        ("test_\udce9.py", r"test_\udce9.py"),
    ],
)
def test_only_what_would_break_the_line_is_escaped(name, field):
    """So that a URL's pattern and a test's id can be copied from a message."""
    assert escaped(name) == field
    assert unescaped(field) == name


@settings(deadline=None)
@given(st.text(st.characters() | st.sampled_from("\\\t\n\r# nrtexu0a")))
def test_every_name_comes_back(name):
    """Whatever characters it has, and in one field of one line."""
    field = escaped(name)

    assert unescaped(field) == name
    assert field == field.strip(" \t")
    assert not set("\t\n\r") & set(field)
    assert field.encode()


@pytest.mark.parametrize("field", [r"\q", r"\x2", "\\", r"\u20"])
def test_a_backslash_that_begins_no_escape_is_a_backslash(field):
    """As in a pattern that was written by hand."""
    assert unescaped(field) == field
    assert unescaped(escaped(field)) == field

"""How failures are shown as plain text, with pytest's own classes."""

import pytest
from _pytest._code.code import ExceptionChainRepr

from pytest_dbperf.longrepr import add_section


def test_a_part_is_added_below_the_traceback(monkeypatch):
    """pytest shows it with its title, and JUnit has it, too."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(ValueError, match="theirs") as caught:
        raise ValueError("theirs")
    shown = caught.getrepr()
    assert isinstance(shown, ExceptionChainRepr)
    add_section(shown, "ours", "one\ntwo")

    assert str(shown).splitlines()[-3:] == [f"{' ours ':-^80}".rstrip(), "one", "two"]
    assert "theirs" in str(shown)


def test_what_another_plugin_shows_instead_stays_as_it_is():
    """A hook may replace the traceback by a text."""
    add_section("their text", "ours", "one")

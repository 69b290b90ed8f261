"""The file of a test may be unreadable."""

from types import SimpleNamespace

from pytest_dbperf.session.sources import Sources


def test_a_file_that_cannot_be_read_stops_nothing(tmp_path):
    """A plugin's item may have no file; `--dbperf-write` says later that it cannot read it."""
    Sources(tmp_path).note(SimpleNamespace(path=tmp_path / "gone.py"))

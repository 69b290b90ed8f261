"""The line of a marker is looked for in all files that may have it."""

from types import SimpleNamespace

import pytest

from pytest_dbperf.session.wrong_markers import location_of_marker


def test_a_test_without_a_function_has_its_marker_in_its_file(tmp_path):
    """An item of another plugin, such as a text file, has no function whose decorators could be read."""
    file = tmp_path / "test_it.py"
    file.write_text("pytestmark = [\n    pytest.mark.thorough(-1),\n]\n")
    item = SimpleNamespace(path=file, config=SimpleNamespace(rootpath=tmp_path))

    assert location_of_marker(item, pytest.mark.thorough(-1).mark) == (file, 2)
    assert location_of_marker(item, pytest.mark.usefixtures("db").mark) is None

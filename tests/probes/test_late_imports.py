"""A library that is imported late is wrapped late."""

import importlib
import sys

import pytest

from pytest_dbperf.probes.late_imports import when_imported
from pytest_dbperf.probes.seam import SeamGone
from pytest_dbperf.recording.bugs import BUGS


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The name of a module that nothing has imported."""
    (tmp_path / "late_library.py").write_text("VALUE = 42\n")
    (tmp_path / "late_namespace").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    yield "late_library"
    for name in ("late_library", "late_namespace"):
        sys.modules.pop(name, None)


@pytest.fixture
def done():
    """What was installed and undone, in order."""
    return []


@pytest.fixture
def install(done):
    """Install something that can be undone."""

    def install():
        done.append("installed")
        return lambda: done.append("undone")

    return install


def test_a_module_that_is_imported_later(library, install, done):
    """Its code has run then, and it looks like any other module."""
    undo = when_imported(library, install)
    assert done == []

    module = importlib.import_module(library)

    assert module.VALUE == 42
    assert type(module.__loader__) is type(module.__spec__.loader)
    assert module.__spec__.loader.get_source(library) == "VALUE = 42\n"
    assert done == ["installed"]
    undo()
    assert done == ["installed", "undone"]


def test_a_module_that_is_imported_already(library, install, done):
    """There is nothing to wait for."""
    importlib.import_module(library)

    undo = when_imported(library, install)

    assert done == ["installed"]
    undo()
    assert done == ["installed", "undone"]


def test_a_module_that_is_never_imported(library, install, done):
    """After the undo, an import is an import."""
    before = list(sys.meta_path)
    undo = when_imported(library, install)
    import late_namespace  # noqa: F401  # Another one.

    undo()

    assert sys.meta_path == before
    importlib.import_module(library)
    assert done == []


@pytest.mark.parametrize("name", ["no_such_library", "late_namespace"])
def test_what_has_no_code_is_imported_as_before(library, install, done, name):
    """A module that is missing, and a folder without a module."""
    undo = when_imported(name, install)

    if name == "no_such_library":
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    else:
        importlib.import_module(name)

    undo()
    assert done == []


def test_an_import_is_not_stopped_by_a_bug(library):
    """The project gets its module, and the bug is noted."""

    def install():
        raise SeamGone("it is gone")

    undo = when_imported(library, install)

    assert importlib.import_module(library).VALUE == 42
    [bug] = BUGS.take()
    assert (bug.during, bug.error) == (f"wrapping {library}, which was imported", "SeamGone: it is gone")
    undo()

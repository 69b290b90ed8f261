"""A frame reader adds nothing if an inner frame has told it already."""

import sys
from importlib import import_module
from types import SimpleNamespace

import pytest

from pytest_dbperf.callsites.callsite import project_frames_from, register_frame_readers
from pytest_dbperf.probes.django_frames import frame_readers, load_of, readers_of_factories
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad

READERS = {
    name: reader
    for readers in frame_readers().values()
    for name, reader in readers.items()
    if name != "Node.render_annotated" and not name.startswith("ClientMixin.")
}


@pytest.mark.parametrize("name", READERS)
def test_the_innermost_frame_counts(name):
    """The outer frames only called it."""
    seen = [RelationLoad(LoadedVia.CACHE)]

    assert READERS[name](None, seen) is None
    assert seen == [RelationLoad(LoadedVia.CACHE)]
    assert READERS[name](None, None) is None


@pytest.mark.parametrize(
    "token, origin",
    [
        (None, SimpleNamespace(name=__file__)),
        (SimpleNamespace(lineno=1, contents="row"), None),
        (SimpleNamespace(lineno=1, contents="row"), SimpleNamespace(name="<unknown source>")),
    ],
)
def test_a_node_of_no_file_of_yours_is_no_call_site(token, origin):
    """Such as nodes made by hand, from a string or by a library."""
    node = SimpleNamespace(token=token)
    if origin is not None:
        node.origin = origin
    frame = SimpleNamespace(f_locals={"self": node})

    assert frame_readers()["template/base.py"]["Node.render_annotated"](frame, None) is None


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("form-0", True),
        ("books-12", True),
        ("form-__prefix__", True),
        ("form", False),
        (None, False),
        ("a-b", False),
    ],
)
def test_a_form_of_a_formset_is_known_by_its_prefix(prefix, expected):
    """Any other form is alone, also with a prefix."""
    field = SimpleNamespace(form=SimpleNamespace(prefix=prefix), name="writer")
    seen = []
    READERS["BoundField.as_widget"](SimpleNamespace(f_locals={"self": field}), seen)

    assert [(load.via, load.name) for load in seen] == [(LoadedVia.FORM, "writer")] * expected


@pytest.mark.parametrize("seen", [[], [RelationLoad(LoadedVia.TO_ONE)]])
def test_what_a_log_in_runs_is_the_preparation_of_a_test(seen):
    """Also what a receiver of its signal loads."""
    readers = frame_readers()["test/client.py"]

    assert readers["ClientMixin.login"](None, None) is None
    assert readers["ClientMixin.login"](None, seen) is None
    [load] = seen
    assert (load.via, load.is_lazy) == (LoadedVia.PREPARATION, False)
    assert load_of(seen, object()) is load


BUILDER = """
class StepBuilder:
    def build(self, make):
        return make()
"""


@pytest.mark.parametrize("folder, expected", [("site-packages", LoadedVia.PREPARATION), ("src", None)])
def test_what_an_installed_factory_runs_is_the_preparation_of_a_test(folder, expected, tmp_path, monkeypatch):
    """A package of yours may have the same name."""
    package = tmp_path / folder / "factory"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "builder.py").write_text(BUILDER)
    monkeypatch.syspath_prepend(package.parent)
    for name in ("factory", "factory.builder"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    seen = []
    unregister = register_frame_readers(readers_of_factories())
    try:
        import_module("factory.builder").StepBuilder().build(
            lambda: project_frames_from(sys._getframe(), within_task=False, seen=seen)
        )
    finally:
        unregister()

    assert [load.via for load in seen] == ([] if expected is None else [expected])


def test_nothing_is_known_without_a_frame_or_a_queryset():
    """A raw cursor has no model and no queryset."""
    assert load_of([], None) is None

"""A frame reader adds nothing if an inner frame has told it already."""

from types import SimpleNamespace

import pytest

from pytest_dbperf.probes.django_frames import frame_readers, load_of
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad

READERS = {
    name: reader
    for readers in frame_readers().values()
    for name, reader in readers.items()
    if name != "Node.render_annotated"
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


def test_nothing_is_known_without_a_frame_or_a_queryset():
    """A raw cursor has no model and no queryset."""
    assert load_of([], None) is None

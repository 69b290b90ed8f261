"""The line of a marker is found in the source, by its name and its arguments."""

from types import SimpleNamespace

import pytest

from pytest_dbperf.budgets.marker_lines import line_of_marker

SOURCE = """
pytestmark = [pytest.mark.django_db, pytest.mark.query_budget("module")]
few = mark.query_budget(1, reason="few")

@pytest.mark.query_budget(
    2,
    reason=REASON,
    using="default",
)
@mark.no_n_plus_one
def test_a():
    pytest.mark.query_budget(3)

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.query_budget(4))])
async def test_b(x):
    request.node.add_marker(pytest.mark.query_budget(*ARGS))
    request.node.add_marker(pytest.mark.max_db_time(**KWARGS))
    mark.query_budget, markers.query_budget(9), marks[0].query_budget(9)

@pytest.mark.query_budget(3)
class TestC:
    query_budget = 7
    pytestmark = pytest.mark.query_budget(8)
    @pytest.mark.query_budget(3)
    def test_c(self): pass
"""


def mark(name, *args, **kwargs):
    """A marker, as pytest keeps it."""
    return SimpleNamespace(name=name, args=args, kwargs=kwargs)


class Touchy:
    """An argument that must not be compared."""

    def __eq__(self, other):
        raise AssertionError("compared")

    __hash__ = None


@pytest.fixture
def line(tmp_path):
    """Find the line of a marker in the source."""
    path = tmp_path / "test_it.py"
    path.write_text(SOURCE)

    def line(wanted, decorators=range(0), argument=""):
        return line_of_marker(path, wanted, decorators, argument)

    return line


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (mark("query_budget", "module"), 2),
        (mark("query_budget", 1, reason="few"), 3),
        (mark("query_budget", 2, reason="any", using="default"), 5),
        (mark("no_n_plus_one"), 10),
        (mark("query_budget", 3), 20),
        (mark("query_budget", 4), 14),
        (mark("query_budget", 8), 23),
        (mark("query_budget", Touchy()), 16),
        (mark("query_budget", True), 16),
        (mark("max_db_time", 5), 17),
        (mark("query_budget"), 16),
        (mark("no_write_loops"), None),
    ],
)
def test_a_marker_is_known_by_its_name_and_its_arguments(line, wanted, expected):
    """A variable may have any value. Outside of functions comes before inside of them."""
    assert line(wanted) == expected


def test_the_marker_on_the_test_itself_comes_first(line):
    """Others may be just like it."""
    assert line(mark("query_budget", 3), range(24, 26)) == 24


def test_the_line_of_an_argument_is_its_own(line):
    """A call may take several lines."""
    wanted = mark("query_budget", 2, reason="any", using="default")

    assert line(wanted, argument="using") == 8
    assert line(wanted, argument="limit") == 5
    assert line(mark("no_n_plus_one"), argument="using") == 10


@pytest.mark.parametrize("content", [None, "def", "\0"])
def test_a_file_that_cannot_be_read_has_no_markers(tmp_path, content):
    """A test may come from another source."""
    path = tmp_path / "test_it.py"
    if content is not None:
        path.write_text(content)

    assert line_of_marker(path, mark("query_budget", 3), range(0)) is None

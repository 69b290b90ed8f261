"""A call path has the call sites in your code only."""

import asyncio.events
import sys
import types
from pathlib import Path

import pytest

from pytest_dbperf.callsites import callsite, shown
from tests.factories import site

HERE = Path(__file__).parent


def imported_from(filename, source):
    """Run a module's source as if it came from a file."""
    module = types.ModuleType("made_up")
    exec(compile(source, filename, "exec"), vars(module))
    return module


def walk(**how):
    """Take the call path of the caller."""
    return callsite.project_frames(1, **how)


@pytest.mark.parametrize(
    ("filename", "role"),
    [
        (__file__, "project"),
        (asyncio.events.__file__, "loop"),
        (callsite.__file__, "plumbing"),
    ],
)
def test_every_file_has_a_role(filename, role):
    """Each role of a file decides what a walk does there."""
    assert callsite.role_of(filename) == role


def test_a_new_root_forgets_known_roles():
    """Files that were seen before the project was set are judged again, except those that end walks."""
    filename, edge = "/venv/lib/python3.13/site-packages/ninja/main.py", "/srv/app/an_edge.py"
    callsite.end_walks_in(edge)
    library = imported_from(filename, "def call(f):\n    return f()")

    def roles():
        walked = [code.co_filename == filename for code, _ in library.call(lambda: walk())]
        return callsite.role_of(filename), callsite.role_of(edge), any(walked)

    before = roles()
    restore = callsite.set_project_root(HERE, ["ninja"])
    settled = roles()
    restore()

    assert before == roles() == ("library:ninja", "edge", False)
    assert settled == ("project", "edge", True)


def test_a_path_has_the_innermost_function_first():
    """A call path starts with the function that caused the event."""

    def inner():
        return walk()

    def outer():
        return inner()

    names = [code.co_name for code, _ in outer()]

    assert names == ["inner", "outer", "test_a_path_has_the_innermost_function_first"]


def test_code_of_others_is_left_out():
    """Frames of libraries between yours are not part of the path."""
    library = imported_from("/venv/lib/python3.13/site-packages/lib.py", "def call(f):\n    return f()")

    names = [code.co_name for code, _ in library.call(lambda: walk())]

    assert names == ["<lambda>", "test_code_of_others_is_left_out"]


def test_a_walk_ends_where_a_file_says_so():
    """A wrapper that has stored the path outside ends the walk."""
    filename = "/srv/app/wrapper_that_ends_walks.py"
    callsite.end_walks_in(filename)
    wrapper = imported_from(filename, "def call(f):\n    return f()")

    names = [code.co_name for code, _ in wrapper.call(lambda: walk())]

    assert names == ["<lambda>"]


def test_a_walk_can_stay_within_its_task():
    """A task that has inherited its creator's path leaves out the code that runs the event loop."""

    async def task(**how):
        return [code.co_name for code, _ in walk(**how)]

    assert asyncio.run(task(within_task=True)) == ["task"]
    assert asyncio.run(task())[1:] == ["test_a_walk_can_stay_within_its_task"]


def test_a_deep_recursion_makes_a_path_of_bounded_length():
    """A path has at most a fixed number of call sites."""

    def dive(depth):
        return dive(depth - 1) if depth else walk()

    assert len(dive(200)) == 32


def test_recursion_has_one_shape_at_any_depth():
    """Of each function only the innermost call site is kept."""

    def dive(depth):
        return dive(depth - 1) if depth else walk()

    once, often = callsite.without_recursion(dive(0)), callsite.without_recursion(dive(5))

    assert once[0] == often[0]
    assert [code.co_name for code, _ in once] == [code.co_name for code, _ in often]


class _Watched:
    """Stores the call site that uses it."""

    def __init__(self):
        self.sites = []

    def __iter__(self):
        self.take()
        return iter(())

    @property
    def attribute(self):
        return self.take()

    def take(self):
        user = sys._getframe(2)
        self.sites.append((user.f_code, user.f_lasti))


def use(watched):
    """Call a class and read a property, which CPython specialises after some runs."""
    list(watched)
    _ = watched.attribute


def test_a_call_has_one_position_however_often_it_runs():
    """Specialising a call does not change its position. Two calls on one line have two positions."""
    watched = _Watched()
    for _ in range(50):
        use(watched)

    assert len({callsite.position_of(site) for site in watched.sites}) == 2
    assert callsite.position_of(watched.sites[0]) == callsite.position_of(watched.sites[-2])


def test_a_call_site_is_shown_relative_to_the_root():
    """A terminal makes a link of it."""
    path = (site("serialize", "/srv/app/campaigns/api.py", 31), site("view", "/srv/app/views.py", 7))

    assert shown.describe(path, Path("/srv/app")) == ["campaigns/api.py:31 serialize", "views.py:7 view"]


def test_a_call_site_outside_the_root_is_shown_whole():
    """It has its absolute path."""
    assert shown.location_of(site("f", "/srv/lib/a.py", 3), Path("/srv/app")) == "/srv/lib/a.py:3"


def test_a_nested_function_is_shown_by_its_own_name():
    """The enclosing function is left out."""

    def nested():
        return walk()

    assert shown.describe(nested(), HERE)[0].endswith(" nested")


@pytest.mark.parametrize(
    "call",
    [
        lambda: [path for _ in (1,) for path in walk()],
        lambda: tuple({None: walk() for _ in (1,)}.values())[0],
        lambda: next(walk() for _ in (1,)),
    ],
    ids=["list", "dict", "generator"],
)
def test_a_comprehension_is_shown_as_its_function(call):
    """Whether it has a frame of its own depends on Python's version."""
    lines = shown.describe(tuple(call()), HERE)

    assert [line.split()[-1] for line in lines] == [
        "<lambda>",
        "test_a_comprehension_is_shown_as_its_function",
    ]


def test_the_line_is_that_of_the_call():
    """The line is read from the instruction, as a traceback does it."""
    line = sys._getframe().f_lineno + 1
    path = walk()

    assert callsite.line_of(path[0]) == line


def test_an_instruction_without_a_line_is_shown_at_its_function():
    """Some instructions that Python makes up have no line."""
    code, _ = site("f", "a.py", 7)

    assert callsite.line_of((code, 10_000)) == 7

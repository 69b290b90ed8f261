"""A library's adapter around your function makes your hop, if you await it."""

import os
import sys
import threading
from functools import partial
from types import MethodType

import pytest

from pytest_dbperf.callsites.hop_adapters import adapts_your_call, is_given_by_you
from tests.unit.callsites.test_callsite import imported_from
from tests.unit.callsites.test_hop_origin import NOBODY, ORM, calling, file_of_django

LIBRARY = "/venv/lib/python3.13/site-packages/lib.py"
library = imported_from(
    LIBRARY,
    """
def call(f, *args):
    return f(*args)


def factory(f):
    def wrapper(*args):
        return f(*args)

    return wrapper


def work():
    pass


def around(f):
    def later():
        if f is None:
            return empty
        return f()

    if f is None:
        empty = None
        del empty

    return later
""",
)


class Book:
    """A class of yours."""

    def __call__(self):
        """Be called."""

    def save(self):
        """Be saved."""


def work():
    """A function of yours."""


def adapts_here(function, *, is_given=False):
    """Tell whether the caller of this awaits an adapter around your function."""
    return adapts_your_call("library:lib", sys._getframe(1), function, is_given=is_given)


@pytest.mark.parametrize(
    ("function", "unless_given", "if_given"),
    [
        (work, True, True),
        (Book().save, True, True),
        (Book, True, True),
        (Book(), True, True),
        # It inherits the method.
        (MethodType(library.work, Book()), True, True),
        (library.around(work), True, True),
        (library.around(Book().save), True, True),
        (library.work, False, False),
        (library.around(library.work), False, False),
        (library.around(None), False, False),
        (library.around("text"), False, False),
        (calling(file_of_django("db/models/query.py")), False, True),
        (len, False, True),
        (threading.Lock, False, True),
        (threading.Thread().join, False, True),
    ],
)
def test_you_await_an_adapter_around_a_function(function, unless_given, if_given):
    """Yours makes it your hop, the library's never. For others, it matters who gave it to the library."""
    assert adapts_here(function) == unless_given
    assert adapts_here(function, is_given=True) == if_given


@pytest.mark.parametrize(
    ("callers", "yours"),
    [
        ([library.factory], True),
        ([library.factory, library.factory], True),
        # The library calls your function by a function that is no adapter.
        ([partial(partial, library.call)], False),
        ([library.factory, partial(partial, library.call)], False),
        ([lambda f: partial(calling(ORM), f), library.factory], False),
        ([lambda f: partial(calling(ORM), f)], False),
    ],
)
def test_only_an_adapter_may_be_between_you_and_the_hop(callers, yours):
    """A function that a factory has defined is one."""
    call = adapts_here
    for wrap in reversed(callers):
        call = wrap(call)

    assert call(work) == yours


def test_without_your_code_the_library_hops():
    """The walk ends with the thread, and at pytest's frames."""
    found = []
    in_a_thread = imported_from(os.__file__, "def run(f, to):\n    to.append(f(None))").run
    thread = threading.Thread(target=in_a_thread, args=(library.factory(adapts_here), found))
    thread.start()
    thread.join()

    assert found == [False]
    assert not calling(NOBODY)(library.factory(adapts_here), work)


def makes():
    """Tell whether you gave the library a function to adapt, as a probe's wrapper finds it."""
    return is_given_by_you(sys._getframe(1))


def test_you_give_a_function_to_a_library():
    """You call its factory, perhaps by other functions of it."""
    assert library.call(makes)
    assert library.call(library.call, makes)
    assert not calling(ORM)(library.call, makes)
    assert not calling(NOBODY)(library.call, makes)


def test_a_library_makes_adapters_when_it_is_imported():
    """Your import statement gives it nothing."""
    module = compile("given = call(makes)", LIBRARY, "exec")
    scope = {"call": library.call, "makes": makes}
    exec(module, scope)

    assert scope["given"] is False

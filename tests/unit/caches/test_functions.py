"""The cache around a function is found by the function's code, and only if that is certain."""

import functools
import inspect
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from pytest_dbperf.caches.functions import CachedFunctions, Counts
from pytest_dbperf.callsites.shown import describe
from tests.factories import site


class Unlike(functools.partial):
    """A cache on an object instead of a function, as with async_lru."""

    def cache_info(self):
        """Tell what it has seen."""
        return SimpleNamespace(hits=1, misses=2, currsize=3)


def around(function):
    """A decorator of yours that says what it wraps."""

    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


def on_an_object(function):
    """A decorator whose cache lies on an object."""
    return functools.update_wrapper(Unlike(function), function)


def with_attributes(function):
    """A decorator whose cache is a function's attribute, as with cachetools."""
    call = around(function)
    call.cache_info = lambda: SimpleNamespace(hits=0, misses=0, currsize=0)
    return call


@functools.lru_cache
def setting(name):
    """A cached function."""
    return name


@around
@functools.cache
def decorated_outside():
    """A cache below another decorator."""


@functools.cache
@around
def decorated_inside():
    """A cache above another decorator."""


@on_an_object
def on_object():
    """Remembered by an object."""


@with_attributes
def on_function():
    """Remembered by a function."""


class Slotted:
    """A cache on an object that has no dictionary, as with async_lru."""

    __slots__ = ("__wrapped__",)

    def __init__(self, function):
        self.__wrapped__ = function

    def cache_info(self):
        """Tell what it has seen."""
        return SimpleNamespace(hits=0, misses=0, currsize=0)


@Slotted
def in_a_slot():
    """Remembered by an object without a dictionary."""


class Settings:
    """Methods that are remembered."""

    @functools.cache  # noqa: B019  # What users write.
    def method(self):
        """A method."""

    @classmethod
    @functools.cache
    def of_class(cls):
        """A method of the class."""

    @staticmethod
    @functools.cache
    def static():
        """A function."""

    @property
    @functools.cache  # noqa: B019  # What users write.
    def attribute(self):
        """A property."""

    @functools.cache  # noqa: B019  # What users write.
    def __private(self):
        """A method by a name that Python changes."""

    class Inner:
        """A class in a class."""

        @staticmethod
        @functools.cache
        def nested():
            """A function."""


def innermost(found):
    """The code of the function inside of all its wrappers."""
    found = getattr(found, "fget", found)
    return inspect.unwrap(found).__code__


@pytest.mark.parametrize(
    "function",
    [
        setting,
        decorated_outside,
        decorated_inside,
        on_object,
        on_function,
        in_a_slot,
        Settings.method,
        Settings.of_class,
        Settings.static,
        Settings.attribute,
        Settings._Settings__private,
        Settings.Inner.nested,
    ],
    ids=lambda function: innermost(function).co_qualname,
)
def test_the_cache_around_a_function_is_found(function):
    """Whatever other wrappers there are, and wherever it is defined."""
    assert CachedFunctions().of(innermost(function)) is not None


def test_a_cache_tells_what_it_has_seen():
    """They are read from `cache_info()`; nothing is wrapped."""
    setting.cache_clear()
    cached = CachedFunctions().of(innermost(setting))
    before = cached.counts
    setting("a")
    setting("a")

    assert (before, cached.counts) == (Counts(0, 0, 0), Counts(1, 1, 1))


def test_a_cache_has_the_name_of_its_package():
    """`lru_cache` and `cache` of functools are one."""
    kinds = [
        CachedFunctions().of(innermost(function)).made_by for function in (setting, on_object, on_function)
    ]

    assert kinds == ["lru_cache", "tests", "tests"]


def test_a_cache_is_where_its_function_begins():
    """It is the line of the first decorator, where a reader looks."""
    text = Path(__file__).read_text().splitlines()
    (place,) = describe((CachedFunctions().of(innermost(setting)).site,), Path(__file__).parent)

    assert place == f"test_functions.py:{text.index('def setting(name):')} setting"


def plain():
    """A function without a cache."""


def rebound():
    """A function whose name is another's later."""


CODE_OF_REBOUND = rebound.__code__


@functools.cache
def rebound():  # The point of it.
    """Another function, with a cache."""


def endless():
    """A function that says that it wraps itself."""


CODE_OF_ENDLESS = endless.__code__
endless = around(plain)
endless.__wrapped__ = endless


@on_an_object
def asks_for_more():
    """A function whose cache_info is something else."""


class Asking(Unlike):
    """Not a cache: its cache_info takes an argument."""

    def cache_info(self, name):
        """Tell about a name."""


CODE_OF_ASKING = innermost(asks_for_more)
asks_for_more = functools.update_wrapper(Asking(asks_for_more.func), asks_for_more.func)


class Wordless(Unlike):
    """Not a cache: its cache_info tells something else."""

    def cache_info(self):
        """Tell nothing."""
        return ()


@on_an_object
def says_nothing():
    """A function whose cache_info is something else."""


CODE_OF_SILENT = innermost(says_nothing)
says_nothing = functools.update_wrapper(Wordless(says_nothing.func), says_nothing.func)


class Lazy:
    """An object that does something when it is looked at, such as a query."""

    def __getattr__(self, name):
        raise AssertionError(name)

    @property
    def __class__(self):
        raise AssertionError("__class__")


def lazy():
    """A function whose name is a lazy object's later."""


CODE_OF_LAZY = lazy.__code__
lazy = Lazy()


def locally():
    """A function within a function, which cannot be looked up."""

    @functools.cache
    def local():
        """Remembered."""

    return local


@pytest.mark.parametrize(
    "code",
    [
        plain.__code__,
        CODE_OF_REBOUND,
        CODE_OF_ENDLESS,
        CODE_OF_ASKING,
        CODE_OF_SILENT,
        CODE_OF_LAZY,
        innermost(locally()),
        site("nowhere", "not/imported.py")[0],
        site("nowhere", __file__)[0],
    ],
    ids=lambda code: code.co_qualname,
)
def test_nothing_is_claimed_that_is_not_proven(code):
    """The function by that name must be the one that ran, and have a cache around it."""
    assert CachedFunctions().of(code) is None


def test_what_is_no_module_is_left_alone(monkeypatch):
    """`sys.modules` may contain a lazy object, and a module may have no file."""
    monkeypatch.setitem(sys.modules, "lazy_of_tests", Lazy())
    monkeypatch.setitem(sys.modules, "fileless_of_tests", ModuleType("fileless_of_tests"))

    assert CachedFunctions().of(innermost(setting)) is not None


def test_a_function_is_looked_for_once():
    """A run has the same call paths many times."""
    functions = CachedFunctions()

    assert functions.of(innermost(setting)) is functions.of(innermost(setting))


def test_a_module_that_is_imported_later_is_found(monkeypatch):
    """Django imports views when the first request comes."""
    functions = CachedFunctions()
    functions.of(plain.__code__)
    module = ModuleType("later_of_tests")
    module.__file__ = "later_of_tests.py"
    exec(
        compile("import functools\n@functools.cache\ndef late(): pass", module.__file__, "exec"),
        vars(module),
    )
    monkeypatch.setitem(sys.modules, "later_of_tests", module)

    assert functions.of(innermost(module.late)).wrapper is module.late

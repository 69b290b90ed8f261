"""A bug of the plugin is noted for the end of the run, and never raised in your code."""

from contextlib import contextmanager
from functools import partial

import pytest

from pytest_dbperf.probes import queries
from pytest_dbperf.recording.bugs import (
    BUGS,
    OURS,
    Bugs,
    Guard,
    GuardedContext,
    is_ours,
    name_of,
    owner_of_wrapper_in,
    remember_wrapper,
)


class Queryset:
    """An object that must not be shown: its repr() would run its query."""

    def __repr__(self):
        raise AssertionError


def divide():
    """Break."""
    return 1 / 0


def broken(error):
    """The error, with a traceback."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_a_bug_says_what_broke_and_where():
    """Its text has the type, the message and the lines."""
    bugs = Bugs()
    bugs.note("recording a query", broken(ValueError("too few")), test="test_it.py::test_a")

    (bug,) = bugs.take()
    assert (bug.owner, bug.during, bug.error) == (OURS, "recording a query", "ValueError: too few")
    assert (bug.test, bug.count) == ("test_it.py::test_a", 1)
    assert "in broken\n    raise error\n" in bug.traceback
    assert bugs.take() == []


def test_the_same_bug_is_counted():
    """A loop of queries must not fill the memory, nor the screen."""
    bugs = Bugs()
    for _ in range(3):
        bugs.note("recording a query", broken(ValueError("too few")))
    bugs.note("recording a hop", broken(ValueError("too few")))

    assert [(bug.during, bug.count) for bug in bugs.take()] == [
        ("recording a query", 3),
        ("recording a hop", 1),
    ]


def test_there_is_an_end_to_different_bugs():
    """A run with ten thousand broken tests tells the first ones."""
    bugs = Bugs()
    for number in range(200):
        bugs.note(f"recording query {number}", broken(ValueError()))

    assert len(bugs) == 100


def test_an_object_in_an_error_is_not_shown():
    """Its text would run code of yours, such as the query of a queryset."""
    bugs = Bugs()
    bugs.note("recording a query", broken(KeyError(Queryset())))
    bugs.note("recording a query", broken(ValueError()))

    assert [bug.error for bug in bugs.take()] == ["KeyError", "ValueError"]


def test_a_recursion_without_end_is_yours():
    """The last call of it happened to be one of ours."""
    bugs = Bugs()
    with pytest.raises(RecursionError):
        bugs.note("recording a query", broken(RecursionError()))

    assert bugs.take() == []


def test_bugs_since_a_moment():
    """A recording asks for those that were noted while it was open."""
    bugs = Bugs()
    bugs.note("recording a query", broken(ValueError()))
    before = len(bugs)
    bugs.note("recording a hop", broken(ValueError()))

    assert [bug.during for bug in bugs.since(before)] == ["recording a hop"]


def test_a_guard_notes_and_goes_on():
    """The code after the block runs."""
    with Guard("doing something", owner="the budget max_rows", test="test_it.py::test_a"):
        divide()

    (bug,) = BUGS.take()
    assert (bug.during, bug.owner, bug.test) == (
        "doing something",
        "the budget max_rows",
        "test_it.py::test_a",
    )


def test_a_guard_lets_pass_what_is_meant_for_you():
    """Errors that say what to change, and those that end a test or a run."""
    with pytest.raises(ZeroDivisionError), Guard("doing something", meant=lambda: (ZeroDivisionError,)):
        divide()
    with pytest.raises(KeyboardInterrupt), Guard("doing something"):
        raise KeyboardInterrupt
    with Guard("doing something"):
        pass

    assert BUGS.take() == []


@contextmanager
def breaking(*moments):
    """A context manager that breaks where it is entered or left."""
    if "entered" in moments:
        divide()
    try:
        yield
    finally:
        if "left" in moments:
            divide()


@pytest.mark.parametrize(("moments", "bugs"), [((), 0), (("entered",), 1), (("left",), 1)])
def test_a_broken_context_is_noted_around_your_code(moments, bugs):
    """Your code runs, whatever breaks around it."""
    ran = []
    with GuardedContext(partial(breaking, *moments), Guard("recording")):
        ran.append(True)

    assert ran == [True]
    assert len(BUGS.take()) == bugs


@pytest.mark.parametrize(("moments", "bugs"), [((), 0), (("entered",), 1), (("left",), 1)])
def test_your_error_comes_out_of_a_broken_context(moments, bugs):
    """It is the same one, and not replaced by ours."""
    error = LookupError("yours")
    with (
        pytest.raises(LookupError, match="yours") as caught,
        GuardedContext(partial(breaking, *moments), Guard("recording")),
    ):
        raise error

    assert caught.value is error
    assert len(BUGS.take()) == bugs


class Repeating:
    """A context manager that raises the error that it gets."""

    def __enter__(self):
        pass

    def __exit__(self, exc_type, error, traceback):
        raise error


def test_a_context_that_raises_your_error_again_is_not_broken():
    """It is still yours."""
    with pytest.raises(LookupError), GuardedContext(Repeating, Guard("recording")):
        raise LookupError

    assert BUGS.take() == []


def test_a_broken_budget_comes_out_of_a_context():
    """What is meant for you is raised where the context is left."""
    guard = Guard("recording", meant=lambda: (ZeroDivisionError,))
    with pytest.raises(ZeroDivisionError), GuardedContext(partial(breaking, "left"), guard):
        pass

    assert BUGS.take() == []


def test_an_addition_is_named_with_its_module():
    """A class, a function, one with arguments, and an object that can be called."""
    assert name_of(Queryset) == f"Queryset in {__name__}"
    assert name_of(partial(partial(divide))) == f"divide in {__name__}"
    assert name_of(Queryset()) == f"Queryset in {__name__}"
    assert [is_ours(each) for each in (queries.install, partial(queries.install), divide, Queryset())] == [
        *(True, True),
        *(False, False),
    ]


def test_a_wrapper_of_another_plugin_has_its_owner():
    """Its own error is the probe's, that of the function inside is not."""

    def make(original):
        def wrapper():
            original()
            return divide()

        return wrapper

    remember_wrapper(make, good := make(list))
    owner = f"the probe test_a_wrapper_of_another_plugin_has_its_owner in {__name__}"

    with pytest.raises(ZeroDivisionError) as caught:
        good()
    assert owner_of_wrapper_in(caught.value.__traceback__) == owner
    with pytest.raises(ZeroDivisionError) as caught:
        divide()
    assert owner_of_wrapper_in(caught.value.__traceback__) is None

    remember_wrapper(make, wrapped := make(partial(pytest.fail, "of the function")))
    with pytest.raises(pytest.fail.Exception) as caught:
        wrapped()
    assert owner_of_wrapper_in(caught.value.__traceback__) is None


def test_our_own_wrappers_are_not_remembered():
    """They have guards; and a class in a module has no code."""

    def wrapper():
        return divide()

    remember_wrapper(queries.install, wrapper)
    remember_wrapper(divide, Queryset)

    with pytest.raises(ZeroDivisionError) as caught:
        wrapper()
    assert owner_of_wrapper_in(caught.value.__traceback__) is None

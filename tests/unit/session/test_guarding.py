"""An error that came out of a test is ours if our code has raised it."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.core.exceptions import ImproperlyConfigured

from pytest_dbperf import NothingCounts
from pytest_dbperf.clients.json_body import with_json
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import BUGS, remember_wrapper
from pytest_dbperf.session.guarding import finalizer, guard, meant_for_you, note_own_error
from pytest_dbperf.violations.text import explain


def error_of(function, *args):
    """The error that a call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # Any.
        function(*args)
    return caught.value


def test_errors_that_say_what_to_change_are_raised():
    """Ours about a budget, and Django's about the settings."""
    for error in (NothingCounts("no database"), ImproperlyConfigured("no NAME")):
        with pytest.raises(type(error)), guard("opening connections"):
            raise error

    assert BUGS.take() == []


def test_without_django_there_are_those_of_the_plugin(monkeypatch):
    """It may be loaded in a run that never imports Django."""
    monkeypatch.delitem(sys.modules, "django.core.exceptions")

    assert ImproperlyConfigured not in meant_for_you()
    assert NothingCounts in meant_for_you()


def test_an_error_of_our_code_is_noted():
    """The standard library raises where our code has called it wrongly."""
    note_own_error(error_of(explain, [None], None), is_in_body=True)

    (bug,) = BUGS.take()
    assert (bug.during, bug.error.partition(":")[0]) == ("serving a fixture", "AttributeError")


@pytest.mark.parametrize(
    "error",
    [
        error_of(int, "x"),
        error_of(ThreadPoolExecutor, -1),
        error_of(cause.run_with, cause.Cause(), int, "x"),
        NothingCounts("no database"),
        KeyboardInterrupt(),
    ],
    ids=["yours", "a library's", "of a function that we call for you", "meant for you", "of the terminal"],
)
def test_other_errors_are_not_noted(error):
    """Nor are those that the plugin raises to tell what to change."""
    note_own_error(error, is_in_body=True)

    assert BUGS.take() == []


@pytest.mark.parametrize(("is_in_body", "bugs"), [(True, 0), (False, 1)])
def test_a_client_gets_arguments_from_a_test(is_in_body, bugs):
    """A wrong one is no bug of ours; in the setup of its fixture there are none yet."""
    error = error_of(partial(with_json(list), None, "/", "body", json="x"))
    note_own_error(error, is_in_body=is_in_body)

    assert len(BUGS.take()) == bugs


def test_an_error_of_another_plugins_probe_is_its_own():
    """Its wrapper runs in your call, so the error comes out of that."""

    def make(original):
        def wrapper():
            raise LookupError

        return wrapper

    remember_wrapper(make, wrapper := make(list))
    note_own_error(error_of(wrapper), is_in_body=True)
    note_own_error(KeyboardInterrupt(), is_in_body=True)

    (bug,) = BUGS.take()
    assert bug.owner == f"the probe test_an_error_of_another_plugins_probe_is_its_own in {__name__}"


def test_a_finalizer_of_ours_does_not_fail_a_fixture():
    """What it could not restore is noted."""
    finalizer(finalizer)()
    finalizer(list)()

    assert [bug.during for bug in BUGS.take()] == ["finishing a fixture by finalizer()"]

"""Which errors of our own code are meant for you? All others are bugs: they are noted and not raised."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec

from pytest_dbperf.recording.bugs import Guard, GuardedContext, note, owner_of_wrapper_in
from pytest_dbperf.session.explanation import OWN_ERRORS
from pytest_dbperf.session.verification import ConnectionsNotVerified

P = ParamSpec("P")

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"
_STANDARD_LIBRARY = f"{Path(os.__file__).parent}{os.sep}"
# Functions of these files call your code and that of libraries: an error inside may be due to either.
_CALLS_OTHERS = (f"{_PACKAGE}probes{os.sep}", f"{_PACKAGE}recording{os.sep}cause.py")
# These get arguments from your test. Where one is wrong, an error inside is no bug of ours.
_TAKES_ARGUMENTS = f"{_PACKAGE}clients{os.sep}"


def meant_for_you() -> tuple[type[BaseException], ...]:
    """Return the errors that tell you what to change: ours, and Django's about your settings."""
    meant = (*OWN_ERRORS, ConnectionsNotVerified)
    django = sys.modules.get("django.core.exceptions")
    return meant if django is None else (*meant, django.ImproperlyConfigured)


def guard(during: str, *, test: str = "") -> Guard:
    """Return a context manager that notes a bug of ours inside."""
    return Guard(during, test=test, meant=meant_for_you)


def guarded(
    during: str, make: Callable[P, AbstractContextManager[Any]], *args: P.args, **kwargs: P.kwargs
) -> GuardedContext:
    """Enter and leave the context manager that `make` returns around code of yours, whatever breaks in it."""
    return GuardedContext(partial(make, *args, **kwargs), guard(during))


def finalizer(function: Callable[..., object], *args: object) -> Callable[[], None]:
    """Return a function for pytest to call when a fixture ends."""

    def finalize() -> None:
        with guard(f"finishing a fixture by {function.__name__}()"):
            function(*args)

    return finalize


def note_own_error(error: BaseException, *, is_in_body: bool) -> None:
    """Note an error that failed a test if our code has raised it, or a probe of another plugin."""
    owner = owner_of_wrapper_in(error.__traceback__)
    if owner is not None and isinstance(error, Exception):
        note("wrapping a function", error, owner=owner)
    elif isinstance(error, Exception) and not isinstance(error, meant_for_you()):
        file = _file_that_raised(error.__traceback__)
        is_own = file.startswith(_PACKAGE) and not file.startswith(_CALLS_OTHERS)
        if is_own and not (is_in_body and file.startswith(_TAKES_ARGUMENTS)):
            note("serving a fixture", error)


def _file_that_raised(traceback: TracebackType | None) -> str:
    """Return the innermost file outside the standard library, which raises for mistakes of its callers."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        in_site_packages = "site-packages" in file or "dist-packages" in file
        if in_site_packages or not file.startswith(("<", _STANDARD_LIBRARY)):
            found = file
        traceback = traceback.tb_next
    return found

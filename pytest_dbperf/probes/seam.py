"""How is a seam wrapped and restored? No other code patches a library."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import Any

from pytest_dbperf.bugs import remember_wrapper

Undo = Callable[[], None]


class SeamGone(RuntimeError):
    """A library no longer has a function that a probe wraps. It is a bug in pytest-dbperf, not in a test."""


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> Undo:
    """Replace a function of a class or module by `make(original)`. Return a function that undoes it."""
    if name not in vars(owner):
        library = owner.__module__ if isinstance(owner, type) else owner.__name__
        raise SeamGone(
            f"{owner.__name__}.{name} is gone: this version of pytest-dbperf does not support the installed "
            f"version of {library}, and would count nothing. "
            "Please report it to pytest-dbperf, and pin the library until then."
        )
    original = vars(owner)[name]
    replacement = make(original)
    remember_wrapper(make, replacement)
    setattr(owner, name, replacement)

    def undo() -> None:
        # If other code has wrapped it since, our wrapper stays in use, but only forwards from now on.
        if vars(owner).get(name) is replacement:
            setattr(owner, name, original)

    return undo


def undo_all(*undos: Undo) -> Undo:
    """Combine functions that undo something; the last one is called first."""

    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


class WhileWanted:
    """A context manager for shared use: the first user installs something, the last one undoes it."""

    def __init__(self, install: Callable[[], Undo]) -> None:
        self._install = install
        self._lock = threading.Lock()
        self._wanted = 0
        self._undo: Undo = undo_all()

    def __enter__(self) -> None:
        with self._lock:
            if not self._wanted:
                self._undo = self._install()
            self._wanted += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._undo()


def is_installed(package: str) -> bool:
    """Tell whether a package could be imported, without importing it."""
    return importlib.util.find_spec(package) is not None

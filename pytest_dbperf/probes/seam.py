"""How is a seam wrapped, and unwrapped again? The only code that patches."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import Any

Undo = Callable[[], None]


class SeamGone(RuntimeError):
    """A library no longer has the function that a probe wraps: a bug of pytest-dbperf, not of its user."""


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> Undo:
    """Put `make(original)` in the place of a function of a class or module; hand back the way to undo it."""
    if name not in vars(owner):
        raise SeamGone(
            f"{owner.__name__}.{name} is gone: this pytest-dbperf does not know the installed version of "
            f"{owner.__module__ if isinstance(owner, type) else owner.__name__}. Nothing would be counted. "
            "Please report it to pytest-dbperf, and pin the library until then."
        )
    original = vars(owner)[name]
    replacement = make(original)
    setattr(owner, name, replacement)

    def undo() -> None:
        # Whoever wrapped it after us goes on using our replacement, which only forwards from now on.
        if vars(owner).get(name) is replacement:
            setattr(owner, name, original)

    return undo


def undo_all(*undos: Undo) -> Undo:
    """Undo several replacements, the last one first."""

    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


class WhileWanted:
    """A context manager for all who want something: the first one installs it, the last one undoes it."""

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

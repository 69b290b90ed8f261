"""How is a seam wrapped and restored? No other code patches a library."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import Any

from pytest_dbperf.probes.other_wrappers import callable_with_instance, code_of, silence, without_silenced
from pytest_dbperf.recording.bugs import remember_wrapper
from pytest_dbperf.recording.recorder import Recorder

Undo = Callable[[], None]


class SeamGone(RuntimeError):
    """A library no longer has a function that a probe wraps. It is a bug in pytest-dbperf, not in a test."""


class _Installation(threading.local):
    # What undoes the seams that a probe has wrapped so far, while it is installed.
    undos: list[Undo] | None = None


_installation = _Installation()


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> Undo:
    """Replace a function of a class or module by `make(original)`. Return a function that undoes it.

    `original` can be called with the instance as its first argument, whatever other code has put there.
    """
    if name not in vars(owner):
        library = owner.__module__ if isinstance(owner, type) else owner.__name__
        raise SeamGone(
            f"{owner.__name__}.{name} is gone: this version of pytest-dbperf does not support the installed "
            f"version of {library}, and would count nothing. "
            "Please report it to pytest-dbperf, and pin the library until then."
        )
    original = without_silenced(vars(owner)[name])
    replacement = make(callable_with_instance(original) if isinstance(owner, type) else original)
    remember_wrapper(make, replacement)
    code = code_of(replacement)
    setattr(owner, name, replacement)

    def undo() -> None:
        # If other code has wrapped it since, our wrapper stays in use, but only forwards from now on.
        silence(replacement, code, original)
        if vars(owner).get(name) is replacement and code_of(replacement) is code:
            setattr(owner, name, original)

    if _installation.undos is not None:
        _installation.undos.append(undo)
    return undo


def undo_all(*undos: Undo) -> Undo:
    """Combine functions that undo something; the last one is called first."""

    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


def all_or_none(install: Callable[[], Undo]) -> Undo:
    """Install a probe. If it fails, for example because a seam is gone, undo the seams before."""
    outer, _installation.undos = _installation.undos, []
    try:
        return install()
    except BaseException:
        undo_all(*_installation.undos)()
        raise
    finally:
        _installation.undos = outer


def keep_outermost(recorder: Recorder, owner: Any, name: str, install: Callable[[], Undo]) -> Undo:
    """Install a wrapper that has to see each call as your code made it, and undo it.

    If other code has wrapped the function since, ours moves around that before a recording opens.
    """
    installed = _Outermost(owner, name, install)
    recorder.before_opening.append(installed.renew)

    def undo() -> None:
        recorder.before_opening.remove(installed.renew)
        installed.undo()

    return undo


class _Outermost:
    def __init__(self, owner: Any, name: str, install: Callable[[], Undo]) -> None:
        self._owner = owner
        self._name = name
        self._install = install
        self._put()

    def _put(self) -> None:
        self.undo = self._install()
        self._ours = vars(self._owner)[self._name]
        self._code = code_of(self._ours)

    def renew(self) -> None:
        if vars(self._owner)[self._name] is not self._ours or code_of(self._ours) is not self._code:
            self.undo()
            self._put()


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
                self._undo = all_or_none(self._install)
            self._wanted += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._undo()


def is_installed(package: str) -> bool:
    """Tell whether a package could be imported, without importing it."""
    return importlib.util.find_spec(package) is not None

"""Which errors did the plugin itself raise? They are shown when the run ends. Your code gets none."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import CodeType, TracebackType
from typing import Any

OURS = "pytest-dbperf"

# An error with other arguments is told without them: str() would call their repr(), and that of a queryset
# runs its query.
_SHOWN = frozenset((bool, bytes, float, int, str, type(None)))
_MOST_FRAMES = 8
_MOST_BUGS = 100


@dataclass(frozen=True, slots=True)
class Bug:
    """An error inside the plugin: what it was doing (`recording a query`), and the error with its traceback.

    `owner` is `pytest-dbperf`, or names the budget, the probe or the report of another plugin. `test` is the
    test that ran, empty if none did. `count` tells how often it happened.
    """

    during: str
    error: str
    traceback: str
    owner: str = OURS
    test: str = ""
    count: int = 1


class Bugs:
    """The bugs of this process that no report has taken yet."""

    def __init__(self) -> None:
        self._noted: dict[object, Bug] = {}

    def note(self, during: str, error: Exception, *, owner: str = OURS, test: str = "") -> None:
        """Note an error. The same one again, from the same line, is only counted.

        Raises:
            RecursionError: The error is one: your code called itself too often, and the last call was ours.
        """
        if isinstance(error, RecursionError):
            raise error
        key = during, owner, test, type(error), _lines_of(error.__traceback__)
        known = self._noted.get(key)
        if known is not None:
            self._noted[key] = replace(known, count=known.count + 1)
        elif len(self._noted) < _MOST_BUGS:
            frames = traceback.format_tb(error.__traceback__)[-_MOST_FRAMES:]
            self._noted[key] = Bug(during, _text_of(error), "".join(frames), owner, test)

    def take(self) -> list[Bug]:
        """Return what was noted since the last time."""
        noted, self._noted = self._noted, {}
        return [*noted.values()]

    def since(self, number: int) -> list[Bug]:
        """Return the bugs that were noted after the first `number`."""
        return [*self._noted.values()][number:]

    def __len__(self) -> int:
        return len(self._noted)


# The names of the probes of other plugins, by the code of their wrappers.
_wrappers_of_others: dict[CodeType, str] = {}

BUGS = Bugs()
"""The bugs of this process. The probes note theirs from any thread."""

note = BUGS.note

Meant = Callable[[], tuple[type[BaseException], ...]]


def _nothing() -> tuple[type[BaseException], ...]:
    return ()


class Guard:
    """A context manager that notes an error of our own code inside, and goes on after the block.

    Errors of the types that `meant` returns are for you, and are raised. `during` says what the code does. It
    becomes text only if there is a bug.
    """

    __slots__ = ("_during", "_meant", "_owner", "_test")

    def __init__(self, during: object, *, owner: str = OURS, test: str = "", meant: Meant = _nothing) -> None:
        self._during = during
        self._owner = owner
        self._test = test
        self._meant = meant

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception) or self._is_meant(error):
            return False
        note(str(self._during), error, owner=self._owner, test=self._test)
        return True

    def _is_meant(self, error: Exception) -> bool:
        try:
            return isinstance(error, self._meant())
        except Exception as broken:  # noqa: BLE001  # Whatever it is, it must not come out of your code.
            note("telling bugs from errors that are meant for you", broken, test=self._test)
            return False


class GuardedContext:
    """A context manager of ours around code of yours: only errors of yours come out of it.

    `make` returns it. An error there, or where it is entered or left, is noted by the guard.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Any]], guard: Guard) -> None:
        self._make = make
        self._guard = guard
        self._ours: AbstractContextManager[Any] | None = None

    def __enter__(self) -> None:
        __tracebackhide__ = True
        with self._guard:
            ours = self._make()
            ours.__enter__()
            self._ours = ours

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        if self._ours is None:
            return
        try:
            self._ours.__exit__(exc_type, error, traceback)
        except BaseException as raised:
            if raised is not error:
                with self._guard:
                    raise


def name_of(addition: Callable[..., Any]) -> str:
    """Name a class or a function of another plugin, with its module: `MaxRows in acme_budgets`."""
    function = _unwrapped(addition)
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__qualname__.partition('.<locals>')[0]} in {named.__module__}"


def is_ours(addition: Callable[..., Any]) -> bool:
    """Tell whether a class or a function belongs to this plugin."""
    module = str(getattr(_unwrapped(addition), "__module__", ""))
    return module.partition(".")[0] == "pytest_dbperf"


def _unwrapped(addition: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(addition, functools.partial):
        addition = addition.func
    return addition


def remember_wrapper(make: Callable[..., Any], wrapper: object) -> None:
    """Remember a wrapper that a probe of another plugin made: its errors are bugs of that probe."""
    code = getattr(wrapper, "__code__", None)
    if code is not None and not is_ours(make):
        _wrappers_of_others[code] = f"the probe {name_of(make)}"


def owner_of_wrapper_in(where: TracebackType | None) -> str | None:
    """Name the probe of another plugin if its wrapper raised an error, None if other code did."""
    owner, file = None, ""
    while where is not None:
        code = where.tb_frame.f_code
        if code in _wrappers_of_others:
            owner, file = _wrappers_of_others[code], code.co_filename
        elif code.co_filename != file:
            owner = None
        where = where.tb_next
    return owner


def _lines_of(where: TracebackType | None) -> tuple[tuple[object, int], ...]:
    lines = []
    while where is not None:
        lines.append((where.tb_frame.f_code, where.tb_lineno))
        where = where.tb_next
    return tuple(lines)


def _text_of(error: Exception) -> str:
    name = type(error).__qualname__
    is_plain = all(type(each) in _SHOWN for each in error.args)
    return f"{name}: {error}" if is_plain and error.args else name

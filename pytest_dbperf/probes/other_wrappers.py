"""What if other code wraps the same function? Its wrapper gets its instance, and ours records once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from pytest_dbperf.recording.recorder import Recorder

# Originals of these types need no binding: a wrapper of ours calls them with the instance that it got.
_PLAIN = (FunctionType, BuiltinFunctionType, classmethod, staticmethod)

# A wrapper of ours has this recorder after its undo. It is never active.
_SILENT = Recorder()

# For each wrapper of ours after its undo: its code, and the function that it replaced.
_silenced: WeakKeyDictionary[FunctionType, tuple[object, Any]] = WeakKeyDictionary()


def callable_with_instance(original: Any) -> Any:
    """Return a function for what a class has, which takes the instance as its first argument.

    Python binds a function of a class to the instance (`__get__`), and calls a mock without the instance.
    A wrapper of wrapt, as in ddtrace, New Relic or OpenTelemetry, learns its instance only by being bound.
    """
    if type(original) in _PLAIN or isinstance(original, type):
        return original

    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return _bound(original, self, type(self))(*args, **kwargs)

    def call_of_class(cls: type, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return _bound(original, None, cls)(*args, **kwargs)

    return classmethod(call_of_class) if isinstance(original, classmethod) else call


def _bound(original: Any, instance: Any, owner: type) -> Callable[..., Any]:
    function: Callable[..., Any] = original
    if hasattr(type(original), "__get__"):
        function = original.__get__(instance, owner)
    return function


def code_of(wrapper: Any) -> object:
    """Return the code of a function. ddtrace wraps a function by replacing this, and not the function."""
    return getattr(_function_of(wrapper), "__code__", None)


def silence(wrapper: Any, code: object, original: Any) -> None:
    """Let a wrapper of ours only forward from now on, as other code may still call it.

    Most of our wrappers close over the recorder. A copy that other code has made shares this variable.
    """
    function = _function_of(wrapper)
    if isinstance(function, FunctionType):
        _silenced[function] = code, original
    # Of a class method, our wrapper has the function. What is below it goes on recording.
    functions, seen = [function], {id(original), id(_function_of(original))}
    while functions:
        function = functions.pop()
        if id(function) in seen or not isinstance(function, FunctionType):
            continue
        seen.add(id(function))
        for cell in function.__closure__ or ():
            with suppress(ValueError):  # The variable has no value yet.
                if isinstance(cell.cell_contents, Recorder):
                    cell.cell_contents = _SILENT
                functions.append(cell.cell_contents)


def without_silenced(function: Any) -> Any:
    """Return what is below wrappers of ours that only forward.

    A patch that replaced one of them, and has ended, has restored it.
    """
    while type(function) is FunctionType and function in _silenced:
        code, original = _silenced[function]
        if function.__code__ is not code:
            break  # Other code has wrapped it.
        function = original
    return function


def _function_of(wrapper: Any) -> Any:
    return wrapper.__func__ if isinstance(wrapper, classmethod) else wrapper

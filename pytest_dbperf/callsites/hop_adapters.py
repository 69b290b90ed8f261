"""Is a hop yours although a library made its adapter? It is if the adapter is around a function of yours."""

from __future__ import annotations

import sys
from types import CellType, FrameType, FunctionType, MethodType
from typing import Any

from pytest_dbperf.callsites.callsite import first_to_blame, role_of
from pytest_dbperf.callsites.ownership import PROJECT


def is_given_by_you(maker: FrameType) -> bool:
    """Tell whether a library makes an adapter because your code called the library. `maker` is its frame.

    A library also makes adapters of its own, when it is imported.
    """
    library = role_of(maker.f_code.co_filename)
    frame: FrameType | None = maker
    while frame is not None and role_of(frame.f_code.co_filename) == library:
        if frame.f_code.co_name == "<module>":
            return False
        frame = first_to_blame(frame.f_back)
    return _is_of_project(frame)


def adapts_your_call(library: str, frame: FrameType | None, function: Any, *, is_given: bool) -> bool:
    """Tell whether a library only adapted your call: you await its adapter, and it is around your function.

    Its own function that calls yours in a thread is no adapter: there the library decides to hop. `is_given`
    tells whether you gave the function to the library.
    """
    frame, is_within_adapter = first_to_blame(frame), False
    while frame is not None and role_of(frame.f_code.co_filename) == library:
        if "<locals>" not in frame.f_code.co_qualname:
            return False  # Only the functions that a factory defines are adapters.
        frame, is_within_adapter = first_to_blame(frame.f_back), True
    if not _is_of_project(frame):
        return False
    role = _role_of_function(function)
    return role == PROJECT or (role != library and (is_given or is_within_adapter))


def _is_of_project(frame: FrameType | None) -> bool:
    return frame is not None and role_of(frame.f_code.co_filename) == PROJECT


def _role_of_function(function: Any) -> str | None:
    """Return the role of a function's file, or `project` if it wraps your function. No code of yours runs."""
    if type(function) is MethodType:
        if _role_of_class(type(function.__self__)) == PROJECT:
            return PROJECT  # A method of your class, even if it inherits the method.
        function = function.__func__
    if type(function) is not FunctionType:
        return _role_of_class(function if issubclass(type(function), type) else type(function))
    # A library may put a function of its own around yours, which prepares the thread.
    inner = [_content_of(cell) for cell in function.__closure__ or ()]
    if any(_role_of_function(each) == PROJECT for each in inner if type(each) in (FunctionType, MethodType)):
        return PROJECT
    return role_of(function.__code__.co_filename)


def _content_of(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # The cell is empty.
        return None


def _role_of_class(cls: type) -> str | None:
    filename = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return None if filename is None else role_of(filename)

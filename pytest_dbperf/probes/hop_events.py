"""What is recorded of a hop? Its origin, its function, and when it ran in the other thread."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import Context
from itertools import count
from types import BuiltinFunctionType, FrameType, FunctionType, MappingProxyType, MethodType
from typing import Any, ParamSpec, TypeVar

from pytest_dbperf.callsites.callsite import CallPath, end_walks_in, project_frames_from
from pytest_dbperf.callsites.hop_adapters import adapts_your_call
from pytest_dbperf.callsites.hop_origin import origin_of_hop
from pytest_dbperf.callsites.ownership import LIBRARY, PROJECT
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.cause import Cause
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import Hop, HopEnded
from pytest_dbperf.recording.recorder import Recorder

# A walk from inside one of these functions ends there: the path outside is stored as the cause.
end_walks_in(__file__)

P = ParamSpec("P")
R = TypeVar("R")

NO_ADAPTER: Mapping[str, Any] = MappingProxyType({})

_RECORDING = Guard("recording a hop")

_numbers = count(1)
# A recording fills these in: where and how long it ran, and its queries.
_NOT_ENDED = ("", 0, None, None, 0)


def emit_hop(
    recorder: Recorder,
    via: str,
    function: Any,
    frame: FrameType | None,
    adapter: Mapping[str, Any] = NO_ADAPTER,
) -> Cause:
    """Emit the hop that a frame calls for, and return the cause of the code that runs in the hop.

    `adapter` is the dictionary of asgiref's object. It contains the file that made the adapter, and the
    middleware that it was made for.
    """
    so_far = cause.inherited.get()
    name, owner = name_and_owner_of(function)
    origin, part = origin_of_hop(
        frame, adapter.get("_dbperf_maker"), adapter.get("_dbperf_adapts", ""), owner, name
    )
    if origin.startswith(LIBRARY) and adapts_your_call(
        origin, frame, unwrapped(function), is_given=adapter.get("_dbperf_is_given", False)
    ):
        origin = PROJECT
    number, follows, path = 0, 0, so_far.path
    frames: CallPath = ()
    if recorder.wants_frames:
        number = next(_numbers)
        before, this_thread.hop_before = this_thread.hop_before, None
        if before is not None and before[1] is task_here():
            follows = before[0]
        frames = project_frames_from(frame, bool(path))
        if frames:
            path = (frames + path)[: cause.MOST_SITES]
    # Like Hop(), but half a microsecond faster.
    fields = (
        number,
        via,
        name,
        owner,
        origin,
        part,
        adapter.get("_thread_sensitive"),
        adapter.get("_dbperf_others_adapt", False),
        follows,
        perf_counter(),
        this_thread.name,
        frames,
        so_far,
        *_NOT_ENDED,
    )
    recorder.emit(tuple.__new__(Hop, fields))
    if not number:
        return so_far
    return tuple.__new__(Cause, (path, so_far.request, so_far.tasks, number, so_far.visit, so_far.is_in_view))


def run_and_emit_end(
    recorder: Recorder, inner_cause: Cause, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call the function of a hop and emit the hop's end, in a thread that may not inherit its cause."""
    __tracebackhide__ = True
    started = perf_counter()
    try:
        return function(*args, **kwargs)
    finally:
        with _RECORDING:
            emit_hop_end(recorder, inner_cause, started)


def emit_hop_end(recorder: Recorder, inner_cause: Cause, started: float) -> None:
    """Emit the end of a hop, in the thread that it ran in."""
    if recorder.wants_frames and inner_cause.hop:
        seconds = perf_counter() - started
        thread = this_thread
        fields = (inner_cause.hop, started, seconds, thread.name, thread.number, inner_cause)
        recorder.emit(tuple.__new__(HopEnded, fields))


def task_here() -> object:
    """Return the task that runs in this thread, None without one."""
    from asyncio import _get_running_loop, current_task

    return current_task() if _get_running_loop() is not None else None


def name_and_owner_of(function: Any) -> tuple[str, type | None]:
    """Return a function's name, and the class of the object if it is a bound method.

    It never takes the repr of anything: that of a bound QuerySet method would run the query.
    """
    function = unwrapped(function)
    owner: type | None = None
    if type(function) is MethodType:
        owner = type(function.__self__)
        function = function.__func__
    own_type = type(function)
    # Not isinstance(): for that, a lazy object would run its query.
    has_name = own_type is FunctionType or own_type is BuiltinFunctionType or issubclass(own_type, type)
    return str((function if has_name else own_type).__qualname__), owner


def unwrapped(function: Any) -> Any:
    """Return the function inside of partials, and of calls that only enter a context."""
    while type(function) is functools.partial:
        function = function.args[0] if context_of(function) is not None else function.func
    return function


def context_of(function: Any) -> Context | None:
    """Return the context of a call that `asyncio.to_thread` submits as `partial(context.run, function)`."""
    run: Any = function.func if type(function) is functools.partial and function.args else None
    context: Context | None = run.__self__ if enters_context(run) else None
    return context


def enters_context(function: Any) -> bool:
    """Tell whether a function is the `run` of a context."""
    is_builtin = type(function) is BuiltinFunctionType and function.__name__ == "run"
    return is_builtin and type(function.__self__) is Context

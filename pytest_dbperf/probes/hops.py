"""Where does work cross between an event loop and a thread? asgiref's adapters, executors, anyio."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from time import perf_counter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from pytest_dbperf import cause
from pytest_dbperf.callsite import DJANGO, PROJECT, end_walks_in, origin_of_caller
from pytest_dbperf.events import Cause, Hop
from pytest_dbperf.probes.seam import Undo, is_installed, replace, together
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import Recorder

# A walk from below one of these wrappers ends there: the wrapper has noted the path above it as the cause.
end_walks_in(__file__)

_MAKER = "_dbperf_maker"


def install(recorder: Recorder) -> Undo:
    """Wrap asgiref's adapters where they are made and called, executors, new tasks and, if there, anyio."""
    undos = [_adapters(recorder), _executors(recorder), _tasks(recorder)]
    if is_installed("anyio"):
        undos.append(_anyio(recorder))
    return together(*undos)


def origin_of(maker: str | None, caller: str | None) -> str:
    """Tell whose decision a hop was, from who made the adapter and who calls it.

    The caller alone is not to be trusted: a middleware of yours that calls `get_response()` calls an adapter
    that Django made.
    """
    if maker == DJANGO or (maker is None and caller == DJANGO):
        return DJANGO
    if PROJECT in (maker, caller):
        return PROJECT
    # Nobody known: rather yours by mistake than a hop that no budget sees.
    return maker or caller or PROJECT


def name_of(function: Any) -> str:
    """Name what crosses without touching it: the repr of a bound QuerySet method would run the query."""
    function = _innermost(function)
    if type(function) is MethodType:
        function = function.__func__
    named = type(function) in (FunctionType, BuiltinFunctionType)
    return str((function if named else type(function)).__qualname__)


def _innermost(function: Any) -> Any:
    while type(function) is functools.partial:
        function = function.args[0] if _context_of(function) is not None else function.func
    return function


def _context_of(function: Any) -> Context | None:
    """The context of a call that `asyncio.to_thread` submits as `partial(context.run, function)`."""
    run: Any = function.func if type(function) is functools.partial and function.args else None
    is_builtin = type(run) is BuiltinFunctionType and run.__name__ == "run"
    context: Any = run.__self__ if is_builtin else None
    return context if type(context) is Context else None


def _cross(recorder: Recorder, via: str, function: Any, maker: str | None) -> Cause:
    """Emit the hop that a wrapper was called for, and return the cause of what runs on the other side."""
    so_far = cause.current.get()
    frames = cause.frames_here(2) if recorder.wants_frames else ()
    origin = origin_of(maker, origin_of_caller(2))
    recorder.emit(Hop(via, name_of(function), origin, perf_counter(), this_thread.name, frames, so_far))
    return cause.extended(so_far, frames)


def _adapters(recorder: Recorder) -> Undo:
    from asgiref.sync import AsyncToSync, SyncToAsync

    def around_init(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            # Noted also when nobody listens: an adapter made at import is called in a test.
            setattr(self, _MAKER, origin_of_caller(1))

        return __init__

    def around_sync_to_async(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(original)
        async def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return await original(self, *args, **kwargs)
            onwards = _cross(recorder, "sync_to_async", self.func, vars(self).get(_MAKER))
            if onwards is cause.current.get():
                return await original(self, *args, **kwargs)
            token = cause.current.set(onwards)
            try:
                return await original(self, *args, **kwargs)
            finally:
                cause.leave(token)

        return __call__

    def around_async_to_sync(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return original(self, *args, **kwargs)
            maker = vars(self).get(_MAKER)
            token = cause.current.set(_cross(recorder, "async_to_sync", self.awaitable, maker))
            try:
                return original(self, *args, **kwargs)
            finally:
                cause.leave(token)

        return __call__

    return together(
        replace(SyncToAsync, "__init__", around_init),
        replace(SyncToAsync, "__call__", around_sync_to_async),
        replace(AsyncToSync, "__init__", around_init),
        replace(AsyncToSync, "__call__", around_async_to_sync),
    )


def _executors(recorder: Recorder) -> Undo:
    import asyncio

    from asgiref.sync import SyncToAsync

    def is_on_a_loop() -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def is_plumbing(function: Any) -> bool:
        if type(function) is MethodType and isinstance(function.__self__, SyncToAsync):
            return True  # This hop has been emitted where it was awaited.
        if type(function) not in (FunctionType, BuiltinFunctionType, MethodType):
            return False
        module = function.__module__ or ""
        # Name look-ups of the loop, and the loop that async_to_sync runs in a thread of its own.
        return module in ("socket", "_socket") or module.startswith("asyncio.")

    def around_submit(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active or is_plumbing(_innermost(fn)):
                return original(self, fn, *args, **kwargs)
            if is_on_a_loop():
                onwards = _cross(recorder, "executor", fn, None)
            else:
                frames = cause.frames_here(1) if recorder.wants_frames else ()
                onwards = cause.extended(cause.current.get(), frames)
            context = _context_of(fn)
            if context is not None:
                context.run(cause.current.set, onwards)
                return original(self, fn, *args, **kwargs)
            # A thread of an executor inherits no context: nobody would be to blame for its SQL.
            return original(self, cause.run_with, onwards, fn, *args, **kwargs)

        return submit

    return replace(ThreadPoolExecutor, "submit", around_submit)


def _tasks(recorder: Recorder) -> Undo:
    """Let a new task inherit the path of who made it: `gather(qs.acount())` has no frame of yours inside."""
    import asyncio

    def around_create_task(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.wants_frames:
                return original(self, coro, **kwargs)
            so_far = cause.current.get()
            onwards = cause.extended(so_far, cause.frames_here(1))
            context = kwargs.get("context")
            if context is not None:
                # asyncio.run() copies its caller's context and passes the copy. Others are not ours to touch.
                if context.get(cause.current, Cause()) == so_far:
                    context.run(cause.current.set, onwards)
                return original(self, coro, **kwargs)
            token = cause.current.set(onwards)
            try:
                return original(self, coro, **kwargs)
            finally:
                cause.leave(token)

        return create_task

    return replace(asyncio.BaseEventLoop, "create_task", around_create_task)


def _anyio(recorder: Recorder) -> Undo:
    from anyio._backends._asyncio import AsyncIOBackend

    def around_run(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
        function = original.__func__

        @functools.wraps(function)
        async def run_sync_in_worker_thread(cls: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return await function(cls, func, *args, **kwargs)
            token = cause.current.set(_cross(recorder, "anyio", func, None))
            try:
                return await function(cls, func, *args, **kwargs)
            finally:
                cause.leave(token)

        return classmethod(run_sync_in_worker_thread)

    return replace(AsyncIOBackend, "run_sync_in_worker_thread", around_run)

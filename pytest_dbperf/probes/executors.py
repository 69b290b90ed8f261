"""Where else does work leave an event loop? By executors, new tasks, and anyio's threads."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from pytest_dbperf import cause
from pytest_dbperf.callsite import end_walks_in
from pytest_dbperf.events import Cause
from pytest_dbperf.probes.crossing import context_of, cross, innermost, run
from pytest_dbperf.probes.seam import Undo, is_installed, replace, together
from pytest_dbperf.recording import Recorder

# A walk from below one of these wrappers ends there: the wrapper has noted the path above it as the cause.
end_walks_in(__file__)


def install(recorder: Recorder) -> Undo:
    """Wrap the executors of threads, new tasks and, if it is there, anyio."""
    undos = [_executors(recorder), _tasks(recorder)]
    if is_installed("anyio"):
        undos.append(_anyio(recorder))
    return together(*undos)


def _executors(recorder: Recorder) -> Undo:
    import asyncio

    from asgiref.sync import SyncToAsync

    def is_of_asgiref(fn: Any) -> bool:
        # Its hop has been emitted where it was awaited.
        function: Any = fn.func if type(fn) is functools.partial else fn
        return type(function) is MethodType and isinstance(function.__self__, SyncToAsync)

    def is_plumbing(function: Any) -> bool:
        if type(function) not in (FunctionType, BuiltinFunctionType, MethodType):
            return False
        module = function.__module__ or ""
        # Name look-ups of the loop, and the loop that async_to_sync runs in a thread of its own.
        return module in ("socket", "_socket") or module.startswith(("asyncio.", "asgiref."))

    def around_submit(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active or is_of_asgiref(fn) or is_plumbing(innermost(fn)):
                return original(self, fn, *args, **kwargs)
            context = context_of(fn)
            call: Callable[..., Any] = fn
            if asyncio._get_running_loop() is not None:
                onwards = cross(recorder, "executor", fn, sys._getframe(1))
                call = functools.partial(run, recorder, onwards, fn)
            else:
                frames = cause.frames_here(1) if recorder.wants_frames else ()
                onwards = cause.extended(cause.current.get(), frames)
            if context is not None:
                context.run(cause.current.set, onwards)
                return original(self, call, *args, **kwargs)
            # A thread of an executor inherits no context: nobody would be to blame for its SQL.
            return original(self, cause.run_with, onwards, call, *args, **kwargs)

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
            onwards = cross(recorder, "anyio", func, sys._getframe(1))
            token = cause.current.set(onwards)
            try:
                call = functools.partial(run, recorder, onwards, func)
                return await function(cls, call, *args, **kwargs)
            finally:
                cause.leave(token)

        return classmethod(run_sync_in_worker_thread)

    return replace(AsyncIOBackend, "run_sync_in_worker_thread", around_run)

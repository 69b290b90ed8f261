"""Where else does work leave an event loop? In executors and new tasks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any

from pytest_dbperf.callsites.callsite import end_walks_in
from pytest_dbperf.probes.hop_events import context_of, emit_hop, enters_context, run_and_emit_end
from pytest_dbperf.probes.seam import Undo, keep_outermost, undo_all, wrap
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.recorder import Recorder

# A walk from inside one of these wrappers ends there: the wrapper has stored the path outside as the cause.
end_walks_in(__file__)

_RECORDING = Guard("recording a hop")
# Two wrappers around a method may have this many frames.
_FRAMES_TO_SENDER = range(8)


def install(recorder: Recorder) -> Undo:
    """Wrap thread pool executors and new tasks."""
    return undo_all(
        # What it is given, and the frame that calls it, tell what it is: no other wrapper may be in between.
        keep_outermost(recorder, ThreadPoolExecutor, "submit", lambda: _executors(recorder)),
        _tasks(recorder),
    )


def _executors(recorder: Recorder) -> Undo:
    from asyncio import _get_running_loop, base_events

    from asgiref import sync

    # asyncio resolves host names in an executor, and asgiref starts event loops there. asgiref's own hops are
    # emitted where they are awaited.
    not_hopping = (base_events.__file__, sync.__file__)

    def around_submit(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active or (frame := _sender(sys._getframe(1), not_hopping)) is None:
                return original(self, fn, *args, **kwargs)
            context, call, inner_cause = None, fn, None
            with _RECORDING:
                if enters_context(fn) and args:
                    fn, args, kwargs = functools.partial(fn, *args, **kwargs), (), {}
                context, call = context_of(fn), fn
                if context is not None:
                    call = functools.partial(*fn.args, **fn.keywords)
                if _get_running_loop() is not None:
                    inner_cause = emit_hop(recorder, "executor", call, frame)
                    call = functools.partial(run_and_emit_end, recorder, inner_cause, call)
                else:
                    frames = cause.frames_here(1) if recorder.wants_frames else ()
                    inner_cause = cause.extended(cause.inherited.get(), frames)
            if inner_cause is None:
                return original(self, fn, *args, **kwargs)
            # A thread of an executor inherits no context: its SQL would have no call path. If the function
            # enters a context, the cause is set inside of that, and restored.
            if context is not None:
                return original(self, context.run, cause.run_with, inner_cause, call, *args, **kwargs)
            return original(self, cause.run_with, inner_cause, call, *args, **kwargs)

        return submit

    return wrap(ThreadPoolExecutor, "submit", around_submit)


def _sender(frame: FrameType, not_hopping: tuple[str, str]) -> FrameType | None:
    """Return the frame that sends work to an executor, None if that is no hop.

    A subclass of the executor, or code that wraps the method, may stand in between.
    """
    nearby: FrameType | None = frame
    for _ in _FRAMES_TO_SENDER:
        if nearby is None:
            break
        code = nearby.f_code
        if code.co_name == "run_in_executor":
            caller = nearby.f_back
            return None if caller is not None and caller.f_code.co_filename in not_hopping else nearby
        # uvloop's `run_in_executor` is written in C, and has no frame.
        if code.co_qualname == "SyncToAsync.__call__" and code.co_filename in not_hopping:
            return None
        nearby = nearby.f_back
    return None if frame.f_code.co_filename in not_hopping else frame


def _tasks(recorder: Recorder) -> Undo:
    """Let a new task inherit its creator's call path: `gather(qs.acount())` has no frame of yours inside."""
    import asyncio

    def around_create_task(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.wants_frames:
                return original(self, coro, **kwargs)
            inner_cause = None
            with _RECORDING:
                inner_cause = cause.extended(cause.inherited.get(), cause.frames_here(1))
            if inner_cause is None:
                return original(self, coro, **kwargs)
            context = kwargs.get("context")
            if context is not None:
                # asyncio.run() passes a copy of its caller's context, a Runner the same one each time. One
                # that is entered already raises: it is this one, or in use elsewhere.
                with suppress(RuntimeError):
                    context.run(cause.inherited.set, inner_cause)
                return original(self, coro, **kwargs)
            token = cause.inherited.set(inner_cause)
            try:
                return original(self, coro, **kwargs)
            finally:
                with _RECORDING:
                    cause.restore(token)

        return create_task

    return wrap(asyncio.BaseEventLoop, "create_task", around_create_task)

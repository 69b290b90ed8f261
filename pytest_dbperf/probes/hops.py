"""Where does asgiref hop between an event loop and a thread? In its two adapters."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from copy import copy
from sys import _getframe as getframe
from types import MethodType
from typing import Any

from pytest_dbperf.callsites.callsite import end_walks_in, first_to_blame, role_of
from pytest_dbperf.callsites.hop_adapters import is_given_by_you
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.callsites.ownership import LIBRARY
from pytest_dbperf.probes.hop_events import emit_hop, emit_hop_end, run_and_emit_end, task_here
from pytest_dbperf.probes.seam import Undo, keep_outermost, undo_all, wrap
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.recorder import Recorder

# A walk from inside one of these wrappers ends there: the wrapper has stored the path outside as the cause.
end_walks_in(__file__)

_RECORDING = Guard("recording a hop")


def install(recorder: Recorder) -> Undo:
    """Wrap asgiref's adapters where they are made, called and run, and where Django makes them."""
    from asgiref.sync import AsyncToSync, SyncToAsync

    # The frame that calls an adapter tells who hops: no other wrapper may be in between.
    return undo_all(
        _making(),
        keep_outermost(recorder, SyncToAsync, "__call__", lambda: _sync_to_async(recorder)),
        keep_outermost(recorder, AsyncToSync, "__call__", lambda: _async_to_sync(recorder)),
        _middlewares(),
    )


def _making() -> Undo:
    from asgiref.sync import AsyncToSync, SyncToAsync

    def around_init(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            # Also while nothing is recorded: a test may call an adapter that was made at import.
            with _RECORDING:
                blamed = first_to_blame(getframe(1))
                self._dbperf_maker = None if blamed is None else blamed.f_code.co_filename
                if blamed is not None and role_of(blamed.f_code.co_filename).startswith(LIBRARY):
                    self._dbperf_is_given = is_given_by_you(blamed)

        return __init__

    return undo_all(wrap(SyncToAsync, "__init__", around_init), wrap(AsyncToSync, "__init__", around_init))


def _sync_to_async(recorder: Recorder) -> Undo:
    from asyncio import get_running_loop

    from asgiref.sync import SyncToAsync

    def forget() -> None:
        this_thread.hop_before = None

    def around_call(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(original)
        async def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return await original(self, *args, **kwargs)
            inner_cause = None
            with _RECORDING:
                inner_cause = emit_hop(recorder, "sync_to_async", self.func, getframe(1), self.__dict__)
            if inner_cause is None or not recorder.wants_frames:
                return await original(self, *args, **kwargs)
            if self.__dict__.get("context") is not None:
                # The function runs in a context that your code passed, which lacks the cause of this hop.
                self = copy(self)  # The caller's own adapter stays unchanged.
                call = functools.partial(run_and_emit_end, recorder, inner_cause, self.func)
                self.func = functools.partial(cause.run_with, inner_cause, call)
                self._dbperf_is_timed = True
            token = cause.inherited.set(inner_cause)
            try:
                result = await original(self, *args, **kwargs)
            finally:
                with _RECORDING:
                    cause.restore(token)
            # If this task hops again before it awaits anything else, that hop follows this one. The next turn
            # of the event loop forgets it.
            with _RECORDING:
                this_thread.hop_before = inner_cause.hop, task_here()
                get_running_loop().call_soon(forget)
            return result

        return __call__

    def timed(function: Any, /, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        started = perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            with _RECORDING:
                emit_hop_end(recorder, cause.inherited.get(), started)

    def around_thread_handler(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def thread_handler(self: Any, *args: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.wants_frames or "_dbperf_is_timed" in self.__dict__:
                return original(self, *args)
            # asgiref calls the last one in the context that has the cause of the hop. It stays a partial:
            # New Relic removes an argument of its own from it.
            *how, child = args
            return original(self, *how, functools.partial(timed, child.func, *child.args, **child.keywords))

        return thread_handler

    return undo_all(
        wrap(SyncToAsync, "__call__", around_call),
        wrap(SyncToAsync, "thread_handler", around_thread_handler),
    )


def _async_to_sync(recorder: Recorder) -> Undo:
    from asyncio import _get_running_loop

    from asgiref.sync import AsyncToSync

    def around_call(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if (
                not recorder.active or _get_running_loop() is not None
            ):  # asgiref refuses it on a running loop.
                return original(self, *args, **kwargs)
            inner_cause = None
            with _RECORDING:
                inner_cause = emit_hop(recorder, "async_to_sync", self.awaitable, getframe(1), self.__dict__)
            if inner_cause is None:
                return original(self, *args, **kwargs)
            started = perf_counter()
            token = cause.inherited.set(inner_cause)
            try:
                return original(self, *args, **kwargs)
            finally:
                with _RECORDING:
                    cause.restore(token)
                with _RECORDING:
                    emit_hop_end(recorder, inner_cause, started)

        return __call__

    return wrap(AsyncToSync, "__call__", around_call)


def _middlewares() -> Undo:
    """Note on each adapter which middleware Django made it for."""
    from django.core.handlers.base import BaseHandler

    def around_load(original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def load_middleware(self: Any, is_async: bool = False) -> None:  # noqa: FBT002  # Django's signature
            with _RECORDING:
                self._dbperf_is_async = is_async
                self._dbperf_changed_by = ""
                self._dbperf_of_one_mode = _of_one_mode()
            original(self, is_async)

        return load_middleware

    def around_adapt(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def adapt_method_mode(self: Any, is_async: bool, method: Any, *args: Any, **kwargs: Any) -> Any:
            adapted = original(self, is_async, method, *args, **kwargs)
            if adapted is not method:
                with _RECORDING:
                    adapted._dbperf_others_adapt = self.__dict__.get("_dbperf_of_one_mode") == 1
                    adapted._dbperf_adapts = _adapted_for(self, is_async, method, kwargs.get("name"))
            return adapted

        return adapt_method_mode

    return undo_all(
        wrap(BaseHandler, "load_middleware", around_load),
        wrap(BaseHandler, "adapt_method_mode", around_adapt),
    )


def _of_one_mode() -> int:
    """Count the middlewares that do not support both sync and async."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    try:
        middlewares = [import_string(path) for path in settings.MIDDLEWARE]
    except ImportError:
        return 0  # Django is about to raise it.
    return sum(
        not (getattr(each, "sync_capable", True) and getattr(each, "async_capable", False))
        for each in middlewares
    )


def _adapted_for(handler: Any, is_async: bool, method: Any, name: str | None) -> str:
    """Name the middleware that an adapter was made for.

    A middleware that does not support the mode of the stack needs an adapter. So does the next one, to return
    to that mode, and that is due to the first middleware as well.
    """
    if type(method) is MethodType:  # `process_view` and its like
        return f"{MIDDLEWARE}{type(method.__self__).__name__}"
    noted = vars(handler)
    if name is not None and is_async is not noted.get("_dbperf_is_async"):
        handler._dbperf_changed_by = f"{MIDDLEWARE}{name.rpartition('.')[2]}"
    changed_by: str = noted.get("_dbperf_changed_by", "")
    return changed_by

"""Where do requests begin and end? In Django's handlers, under WSGI, ASGI, test clients and a live server."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from pytest_dbperf.callsites.callsite import end_walks_in
from pytest_dbperf.probes.seam import Undo, undo_all, wrap
from pytest_dbperf.probes.streaming import attribute_body
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard
from pytest_dbperf.recording.cause import Cause, Request
from pytest_dbperf.recording.clock import perf_counter
from pytest_dbperf.recording.events import Response
from pytest_dbperf.recording.recorder import Recorder

# A walk from inside one of these wrappers ends there: the wrapper has stored the path outside as the cause.
end_walks_in(__file__)

_RECORDING = Guard("recording a request")


def install(recorder: Recorder) -> Undo:
    """Wrap Django's handler where a request enters it, and where it has passed all middlewares.

    The visit is wrapped, too: all that a server or a test client does for a request, such as sending signals.
    """
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.base import BaseHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.client import AsyncClientHandler, ClientHandler

    numbers = count(1)

    def visit(*_: Any, **__: Any) -> Cause:
        outer = cause.inherited.get()
        if recorder.wants_frames:
            outer = cause.extended(outer, cause.frames_here(2))
        return outer._replace(request=None, visit=object(), is_in_view=False)

    def enter(request: Any) -> Cause:
        outer = cause.inherited.get()
        if recorder.wants_frames:
            outer = cause.extended(outer, cause.frames_here(2))
        entered = Request(
            next(numbers), request.method, request.path, perf_counter(), this_thread.name, outer
        )
        recorder.emit(entered)
        return outer._replace(request=entered, is_in_view=False)

    def leave(inner_cause: Cause, response: Any, request: Any) -> None:
        entered = inner_cause.request
        # The recording may have ended before the request.
        if entered is not None and recorder.active:
            match = request.resolver_match
            view = "" if match is None else match.route
            status = None if response is None else response.status_code
            seconds = perf_counter() - entered.started
            recorder.emit(
                Response(
                    entered.number, view, status, entered.started, seconds, this_thread.name, inner_cause
                )
            )
            attribute_body(response, inner_cause)

    def pass_middlewares(_: Any) -> Cause:
        # So the view's queries need not walk over the twenty frames of the handler and its middlewares.
        outer = cause.inherited.get()
        if recorder.wants_frames:
            outer = cause.extended(outer, cause.frames_here(2))
        return outer._replace(is_in_view=True)

    return undo_all(
        wrap(ASGIHandler, "handle", functools.partial(_around_async, recorder, visit)),
        wrap(AsyncClientHandler, "__call__", functools.partial(_around_async, recorder, visit)),
        wrap(WSGIHandler, "__call__", functools.partial(_around_sync, recorder, visit)),
        wrap(ClientHandler, "__call__", functools.partial(_around_sync, recorder, visit)),
        wrap(BaseHandler, "get_response", functools.partial(_around_sync, recorder, enter, leave=leave)),
        wrap(
            BaseHandler, "get_response_async", functools.partial(_around_async, recorder, enter, leave=leave)
        ),
        wrap(BaseHandler, "_get_response", functools.partial(_around_sync, recorder, pass_middlewares)),
        wrap(
            BaseHandler, "_get_response_async", functools.partial(_around_async, recorder, pass_middlewares)
        ),
    )


def _do_nothing(*_: Any, **__: Any) -> None:
    """Do nothing at the end of a request."""


def _around_sync(
    recorder: Recorder,
    cause_of: Callable[..., Cause],
    original: Callable[..., Any],
    *,
    leave: Callable[..., None] = _do_nothing,
) -> Callable[..., Any]:
    @functools.wraps(original)
    def handle(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if not recorder.active:
            return original(self, *args, **kwargs)
        inner_cause = None
        with _RECORDING:
            inner_cause = cause_of(*args, **kwargs)
        if inner_cause is None:
            return original(self, *args, **kwargs)
        token = cause.inherited.set(inner_cause)
        response = None
        try:
            response = original(self, *args, **kwargs)
            return response
        finally:
            with _RECORDING:
                leave(inner_cause, response, *args, **kwargs)
            with _RECORDING:
                cause.restore(token)

    return handle


def _around_async(
    recorder: Recorder,
    cause_of: Callable[..., Cause],
    original: Callable[..., Awaitable[Any]],
    *,
    leave: Callable[..., None] = _do_nothing,
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original)
    async def handle(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if not recorder.active:
            return await original(self, *args, **kwargs)
        inner_cause = None
        with _RECORDING:
            inner_cause = cause_of(*args, **kwargs)
        if inner_cause is None:
            return await original(self, *args, **kwargs)
        token = cause.inherited.set(inner_cause)
        response = None
        try:
            response = await original(self, *args, **kwargs)
            return response
        finally:
            with _RECORDING:
                leave(inner_cause, response, *args, **kwargs)
            with _RECORDING:
                cause.restore(token)

    return handle

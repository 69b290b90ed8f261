"""Where do requests enter? Django's handler, under WSGI, ASGI, the test clients and a live server."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from itertools import count
from time import perf_counter
from typing import Any

from pytest_dbperf import cause
from pytest_dbperf.callsite import end_walks_in
from pytest_dbperf.events import Cause, Request
from pytest_dbperf.probes.seam import Undo, replace, together
from pytest_dbperf.probes.threads import this_thread
from pytest_dbperf.recording import Recorder

# A walk from a view need not go on to the test: the wrapper has noted that part of the path.
end_walks_in(__file__)


def install(recorder: Recorder) -> Undo:
    """Wrap the two entrances of the handler; what happens behind them is caused by the request."""
    from django.core.handlers.base import BaseHandler

    numbers = count(1)

    def entering(request: Any) -> Cause:
        outer = cause.current.get()
        if recorder.wants_frames:
            outer = cause.extended(outer, cause.frames_here(2))
        entered = Request(
            next(numbers), request.method, request.path, perf_counter(), this_thread.name, outer
        )
        recorder.emit(entered)
        return outer._replace(request=entered)

    def around_sync(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def get_response(self: Any, request: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return original(self, request)
            token = cause.current.set(entering(request))
            try:
                return original(self, request)
            finally:
                cause.leave(token)

        return get_response

    def around_async(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(original)
        async def get_response_async(self: Any, request: Any) -> Any:
            __tracebackhide__ = True
            if not recorder.active:
                return await original(self, request)
            token = cause.current.set(entering(request))
            try:
                return await original(self, request)
            finally:
                cause.leave(token)

        return get_response_async

    return together(
        replace(BaseHandler, "get_response", around_sync),
        replace(BaseHandler, "get_response_async", around_async),
    )

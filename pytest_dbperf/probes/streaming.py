"""Which request does a streamed body belong to? The one that it answers, although it is read later."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from pytest_dbperf.recording import cause
from pytest_dbperf.recording.bugs import Guard, GuardedContext
from pytest_dbperf.recording.cause import Cause

_RECORDING = Guard("recording the body of a response")


def attribute_body(response: Any, of_request: Cause) -> None:
    """Let everything that happens while a streamed body is read belong to its request.

    A server reads it after Django's handler has returned, and so does a test.
    """
    if getattr(response, "streaming", False) is not True:
        return
    if getattr(response, "file_to_stream", None) is not None:
        # The setter would forget the file, and then a server could not send it by itself.
        response._iterator = _Body(response._iterator, of_request)
    else:
        body = _AsyncBody if response.is_async else _Body
        response.streaming_content = body(response.streaming_content, of_request)


class _OfRequest:
    """The cause of code that reads a body: its own, but with the request that the body answers."""

    __slots__ = ("_inner", "_of_request", "_outer")

    def __init__(self, of_request: Cause) -> None:
        self._of_request = of_request
        self._outer = self._inner = of_request

    @contextmanager
    def taken_over(self) -> Iterator[None]:
        """Let all that happens inside belong to the request."""
        token = cause.inherited.set(self._now())
        try:
            yield
        finally:
            cause.restore(token)

    def _now(self) -> Cause:
        outer = cause.inherited.get()
        if outer is not self._outer:
            # The same object for all parts of a body, so that the log can be compacted.
            request, visit = self._of_request.request, self._of_request.visit
            self._outer, self._inner = outer, outer._replace(request=request, visit=visit, is_in_view=True)
        return self._inner


class _Body(Iterator[Any]):
    def __init__(self, parts: Iterator[Any], of_request: Cause) -> None:
        self._parts = parts
        self._cause = _OfRequest(of_request)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        __tracebackhide__ = True
        with GuardedContext(self._cause.taken_over, _RECORDING):
            return next(self._parts)


class _AsyncBody(AsyncIterator[Any]):
    def __init__(self, parts: AsyncIterator[Any], of_request: Cause) -> None:
        self._parts = parts
        self._cause = _OfRequest(of_request)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        __tracebackhide__ = True
        with GuardedContext(self._cause.taken_over, _RECORDING):
            return await anext(self._parts)

"""How is a function or a coroutine run inside a context manager?"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


def run_inside(function: Callable[..., Any], around: Callable[[], AbstractContextManager[None]]) -> Any:
    """Return a function that runs this one inside what `around` returns. A coroutine stays a coroutine."""

    @functools.wraps(function)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with around():
            return await function(*args, **kwargs)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with around():
            return function(*args, **kwargs)

    return coroutine if inspect.iscoroutinefunction(function) else plain

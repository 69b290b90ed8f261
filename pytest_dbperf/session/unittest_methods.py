"""How is the method of a unittest measured alone? pytest's call phase also runs `setUp` and `tearDown`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


@contextmanager
def wrapping_method(item: Any, around: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """While this is open, run the test's method inside a context manager that `around` returns."""
    case, method, original = item.instance, getattr(item.instance, item.name), item.obj

    @functools.wraps(method)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with around():
            return await method(*args, **kwargs)

    @functools.wraps(method)
    def function(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        with around():
            return method(*args, **kwargs)

    # pytest calls `item.obj`, pytest-django the attribute of the instance.
    replacement = coroutine if inspect.iscoroutinefunction(method) else function
    item.obj = replacement
    vars(case)[item.name] = replacement
    try:
        yield
    finally:
        item.obj = original
        vars(case).pop(item.name, None)

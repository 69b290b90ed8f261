"""How is a method of a unittest reached alone? Its setUp and tearDown run in pytest's call phase, too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


@contextmanager
def wrapped(item: Any, around: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Have the method of a test run within what `around` makes, for as long as this is open."""
    case, method, whole = item.instance, getattr(item.instance, item.name), item.obj

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
        item.obj = whole
        vars(case).pop(item.name, None)

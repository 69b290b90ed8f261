"""How is the method of a unittest measured alone? pytest's call phase also runs `setUp` and `tearDown`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pytest_dbperf.session.functions import run_inside


@contextmanager
def wrapping_method(item: Any, around: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """While this is open, run the test's method inside a context manager that `around` returns."""
    case, method, original = item.instance, getattr(item.instance, item.name), item.obj
    # pytest calls `item.obj`, pytest-django the attribute of the instance.
    replacement = run_inside(method, around)
    item.obj = replacement
    vars(case)[item.name] = replacement
    try:
        yield
    finally:
        item.obj = original
        vars(case).pop(item.name, None)

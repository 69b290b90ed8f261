"""Can it be sent to another process, or written? Only built-in types can, and text that UTF-8 can encode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NUMBERS = (bool, int, float)


def plain(value: Any) -> Any:
    """Return a value of results as built-in types, with lone surrogates of its texts escaped.

    pytest-xdist refuses all other values, and then the whole report of the test is lost: a status that your
    view took from `http.HTTPStatus`, or SQL with half of a character.
    """
    if value is None or type(value) in _NUMBERS:
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    for number in (int, float):
        if isinstance(value, number):
            return number(value)
    return plain_text(value if isinstance(value, str) else str(value))


def plain_text(text: str) -> str:
    r"""Return a text with each lone surrogate written as an escape, such as `\udc80`."""
    exact = str.__str__(text)  # A subclass may override __str__.
    return exact if exact.isascii() else exact.encode("utf-8", "backslashreplace").decode()

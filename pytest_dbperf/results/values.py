"""Has a JSON document the values that a dataclass takes? If so, the dataclass is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Value = TypeVar("Value")
_Reader = Callable[[Any], Any]

_LONGEST_SHOWN = 60
_NAMES: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class WrongValue(ValueError):
    """A value is missing or is not what its field takes. The text begins with the path to it."""


def made_of(dataclass: type[Value], document: object) -> Value:
    """Make a dataclass of a JSON object. A key without a field is left out: later versions may write more.

    Raises:
        WrongValue: The text says where: `tests[3].groups[0].count takes a whole number, got 'x'`.
    """
    wanted: Any = dataclass
    value: Value = _reader_of(wanted)(document)
    return value


@cache
def _reader_of(wanted: Any) -> _Reader:
    if is_dataclass(wanted):
        return _reader_of_dataclass(wanted)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is UnionType:
        (other,) = (each for each in arguments if each is not NoneType)
        read = _reader_of(other)
        return lambda value: None if value is None else read(value)
    if origin is Sequence:
        return _reader_of_list(_reader_of(arguments[0]))
    if origin is Mapping:
        return _reader_of_object(_reader_of(arguments[1]))
    accepted = (int, float) if wanted is float else wanted

    def read_plain(value: Any) -> Any:
        # JSON's true is no number, although Python's is.
        if isinstance(value, accepted) and (wanted is bool or not isinstance(value, bool)):
            return value
        raise _wrong(_NAMES[wanted], value)

    return read_plain


def _reader_of_dataclass(wanted: Any) -> _Reader:
    types = get_type_hints(wanted)
    readers = [(field.name, _reader_of(types[field.name])) for field in fields(wanted)]
    required = {
        field.name
        for field in fields(wanted)
        if field.default is MISSING and field.default_factory is MISSING
    }

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        for name in required - value.keys():
            raise WrongValue(f".{name} is missing")
        return wanted(
            **{name: _within(f".{name}", read, value[name]) for name, read in readers if name in value}
        )

    return read


def _reader_of_list(read: _Reader) -> _Reader:
    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise _wrong("a list", value)
        return [_within(index, read, each) for index, each in enumerate(value)]

    return read_list


def _reader_of_object(read: _Reader) -> _Reader:
    def read_object(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        return {name: _within(f".{name}", read, each) for name, each in value.items()}

    return read_object


def _within(name: str | int, read: _Reader, value: Any) -> Any:
    try:
        return read(value)
    except WrongValue as error:
        raise WrongValue(f"{name if isinstance(name, str) else f'[{name}]'}{error}") from None


def _wrong(takes: str, got: object) -> WrongValue:
    shown = repr(got)
    return WrongValue(f" takes {takes}, got {shown if len(shown) < _LONGEST_SHOWN else type(got).__name__}")

"""What results consist of can be sent to another process, and written."""

import json
from collections import OrderedDict
from http import HTTPStatus
from types import MappingProxyType

import pytest

from pytest_dbperf.violations.plain import plain, plain_text


class Text(str):
    """A string that shows something else."""

    __slots__ = ()

    def __str__(self):
        return "something else"


class Seconds(float):
    """A number of seconds."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("é", "é"),
        ('SELECT "x\udc80"', 'SELECT "x\\udc80"'),
        (Text("mine"), "mine"),
        (HTTPStatus.NOT_FOUND, 404),
        (Seconds(2.5), 2.5),
        (MappingProxyType({Text("a"): ("\ud800",)}), {"a": ["\\ud800"]}),
        (OrderedDict(a=(1, 2)), {"a": [1, 2]}),
        (b"x", "b'x'"),
    ],
)
def test_a_value_becomes_plain(value, expected):
    """Only the built-in types themselves pass from a worker of xdist to its controller."""
    result = plain(value)

    assert (result, type(result)) == (expected, type(expected))
    assert json.loads(json.dumps(result)) == expected


def test_a_text_can_be_encoded():
    """Only what UTF-8 cannot encode is changed."""
    assert plain_text("\U0001f600 x\udcff").encode() == "\U0001f600 x\\udcff".encode()

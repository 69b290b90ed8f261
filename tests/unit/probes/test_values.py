"""Probes never run code of the objects that they record."""

import datetime
import decimal
from contextvars import copy_context
from functools import partial

import pytest
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString

from pytest_dbperf.probes.hop_events import name_and_owner_of
from pytest_dbperf.probes.parameters import hash_of, hash_of_asked
from pytest_dbperf.probes.queries import text_of
from pytest_dbperf.sql.asked import mark_of, without_mark


class Untouchable:
    """An object that must not be looked at."""

    def _fail(self, *args):
        raise AssertionError("a probe touched an object of the user")

    __repr__ = __str__ = __eq__ = __hash__ = __len__ = _fail


@pytest.mark.parametrize(
    "parameters",
    [
        (1, "a", None, True, 1.5, b"x"),
        [decimal.Decimal("1.5"), datetime.date(2030, 1, 1)],
        {"id": 1},
        ([1, 2], (3, 4)),
        (SafeString("a"),),
        (),
    ],
)
def test_parameters_of_built_in_types_are_told_apart_by_a_hash(parameters):
    """Equal values have equal hashes. The values themselves are not kept."""
    assert isinstance(hash_of(parameters), int)
    assert hash_of(parameters) == hash_of(parameters)


def test_subclasses_of_built_in_types_are_told_apart_too():
    """psycopg wraps whole numbers in types of its own."""
    assert hash_of((SafeString("a"),)) == hash_of((SafeString("a"),)) != hash_of((SafeString("b"),))


def test_different_parameters_have_different_hashes():
    """That is what the hash is for."""
    assert hash_of((1,)) != hash_of((2,))


def test_no_parameters_are_always_the_same():
    """A query without values can only repeat itself."""
    assert hash_of(None) == hash_of(None) == 0


@pytest.mark.parametrize(
    "parameters",
    [
        (Untouchable(),),
        [[Untouchable()]],
        iter([1]),
        (SimpleLazyObject(lambda: pytest.fail("a probe evaluated a lazy object")),),
    ],
)
def test_parameters_of_other_types_are_not_touched(parameters):
    """Hashing, comparing or printing another object could run any code."""
    assert hash_of(parameters) is None


class Signaling(decimal.Decimal):
    """A number of a type of its own."""


ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "parameters",
    [
        (decimal.Decimal("sNaN"),),
        {"nested": [1, decimal.Decimal("sNaN")]},
        [Signaling("sNaN")],
        (datetime.datetime(2030, 1, 1, tzinfo=datetime.tzinfo()),),
        ENDLESS,
    ],
)
def test_parameters_that_have_no_hash_are_not_told_apart(parameters):
    """A probe raises nothing, so that the driver's own error is shown."""
    assert hash_of(parameters) is None


class Broken:
    """A statement that cannot be written."""

    def as_string(self, cursor):
        """Fail, as psycopg does where it knows no way to write a value."""
        raise ValueError


def test_a_statement_that_cannot_be_written_is_named_by_its_type():
    """The driver raises the error, not the probe."""
    assert text_of(Broken(), None) == "<Broken>"


def load():
    """Something to be sent to a thread."""


class Shop:
    """Something with methods."""

    def save(self):
        """Something to be sent to a thread, too."""

    def __call__(self):
        """And so is this."""


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (load, "load"),
        (partial(load), "load"),
        (partial(partial(load)), "load"),
        (Shop().save, "Shop.save"),
        (Shop.save, "Shop.save"),
        (Shop(), "Shop"),
        (Shop, "Shop"),
        (list, "list"),
        (len, "len"),
        (partial([].append, 1), "list.append"),
        (partial(copy_context().run, load), "load"),
        (Untouchable(), "Untouchable"),
    ],
)
def test_the_function_of_a_hop_is_named_without_its_repr(function, name):
    """The repr of a bound QuerySet method would run the query."""
    assert name_and_owner_of(function)[0] == name


@pytest.mark.parametrize(
    ("sql", "parameters", "others"),
    [
        ("b = %s AND id IN (%s, %s)", (1, 2, 3), (1,)),
        ("b = %s AND id = ANY(%s)", [1, [2, 3]], (1,)),
        ("id IN (%s, %s)", (1, 2), (1, 2)),
        ("b = %s", (1,), (1,)),
        ("b = %s AND c < %s", (1, 2), (1, 2)),
        ("b = %s AND id > %s LIMIT 5", (1, 2), (1,)),
        ("b = %s AND id < %s LIMIT 5", (1, 2), (1,)),
        ("id IN (%(a)s, %(b)s)", {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ("id IN (1, 2)", None, None),
    ],
)
def test_what_a_loop_goes_over_is_hashed(sql, parameters, others):
    """Members of a list, and the key of a page, are left out if there are other parameters."""
    assert without_mark(hash_of_asked(sql, parameters)) == without_mark(hash_of(others))


@pytest.mark.parametrize("rest", [(), ("more",)])
def test_the_first_member_of_a_list_marks_its_hash(rest):
    """A list that grows keeps it. The hash of values that cannot be compared has no mark."""
    sql = f"id IN (%s, %s{', %s' * len(rest)})"

    assert mark_of(hash_of_asked(sql, (1, 2, *rest))) == mark_of(hash_of((1,)))
    assert hash_of_asked(sql, (1, object(), *rest)) is None
    assert hash_of_asked(f"{sql} AND b = %s", (object(), 2, *rest, 7)) == hash_of((7,))

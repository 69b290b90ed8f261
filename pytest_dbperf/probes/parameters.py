"""Are these the same values? Parameters are compared by hash, without running any code of yours."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

from pytest_dbperf.sql.asked import asked, marked

_HASHABLE: frozenset[type] = frozenset(
    (
        *(bool, bytes, float, int, str, type(None), decimal.Decimal, uuid.UUID),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta),
    )
)

_SEQUENCES = (tuple, list)


def hash_of_asked(sql: str, parameters: Any) -> int | None:
    """Hash the parameters that a loop would go over: not a list's members, nor a page's key, beside others.

    With a list, the hash is marked with the list's first member.
    """
    # Every query runs this, and most have one parameter.
    if type(parameters) not in _SEQUENCES or len(parameters) < 2:  # noqa: PLR2004
        return hash_of(parameters)
    # Django writes keywords in capitals, and people often in small letters.
    if (
        ("(%s," in sql and (" IN (" in sql or " in (" in sql))
        or "ANY(%s" in sql
        or "any(%s" in sql
        or ((">" in sql or "<" in sql) and (" LIMIT " in sql or " limit " in sql))
    ):
        values, first = asked(sql, parameters)
        own = hash_of(values)
        mark = hash_of(first) if first else None
        return own if own is None or mark is None else marked(own, mark)
    return hash_of(parameters)


def hash_of(parameters: Any) -> int | None:
    """Hash the parameters of a statement. Return None if hashing fails, or could run code of yours."""
    if parameters is None:
        return 0
    if type(parameters) is dict:
        parameters = tuple(parameters.values())
    elif type(parameters) is list:
        parameters = tuple(parameters)
    elif type(parameters) is not tuple:
        return None
    try:
        for value in parameters:
            if type(value) not in _HASHABLE:
                break
        else:
            return hash(parameters)
        hashes = tuple(map(_hash_of_value, parameters))
    except Exception:  # noqa: BLE001  # A signaling NaN has no hash, and a tzinfo may raise anything.
        return None
    return None if None in hashes else hash(hashes)


def _hash_of_value(value: Any) -> int | None:
    own_type = type(value)
    if own_type is list or own_type is tuple:
        return hash_of(value)
    # psycopg's Int8 and Django's SafeString are subclasses: the hash of the built-in type is enough. Not
    # isinstance(): for that, a lazy object would run its query.
    base: Any = next((base for base in _HASHABLE if base in own_type.__mro__), None)
    return None if base is None else int(base.__hash__(value))

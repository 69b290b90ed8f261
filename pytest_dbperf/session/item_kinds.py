"""What kind of test is it, and so what does it stand on?"""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

# pytest-django's fixtures that give a test a database; all others of its fixtures ask for one of these.
_DATABASE_FIXTURES = frozenset(
    ("db", "transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback")
)
_POSITION_OF_DATABASES = 2


def is_method_of_unittest(item: pytest.Item) -> bool:
    """Tell whether it is a method of a `unittest.TestCase`, whose setUp and tearDown run around it."""
    owner = getattr(item, "cls", None)
    return isinstance(owner, type) and issubclass(owner, unittest.TestCase)


def hops_to_asgiref_thread(item: pytest.Item) -> bool:
    """Tell whether it is a coroutine whose ORM calls run in asgiref's thread.

    Those of Django's own test cases do not: Django runs them from the main thread, and their ORM calls there.
    """
    function = getattr(item, "obj", None)
    return inspect.iscoroutinefunction(function) and not _is_a_django_test(item)


def databases_of(item: pytest.Item) -> Sequence[str]:
    """The aliases that a test may use, as pytest-django and Django's test cases tell it."""
    if _is_a_django_test(item):
        return _known(item.cls.databases)  # type: ignore[attr-defined]  # a method of a class has one
    marker = item.get_closest_marker("django_db")
    if marker is not None:
        args = marker.args[_POSITION_OF_DATABASES : _POSITION_OF_DATABASES + 1]
        databases = marker.kwargs.get("databases", args[0] if args else None)
    elif _DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        databases = None
    else:
        return ()
    return ("default",) if databases is None else _known(databases)


def _known(databases: Any) -> Sequence[str]:
    if databases != "__all__":
        return sorted(databases)
    from django.db import connections

    return list(connections)


def _is_a_django_test(item: pytest.Item) -> bool:
    owner = getattr(item, "cls", None)
    bases = owner.__mro__ if isinstance(owner, type) else ()
    return any(
        base.__qualname__ == "SimpleTestCase" and base.__module__ == "django.test.testcases" for base in bases
    )

"""What kind of test is an item, and which databases may it use?"""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

# The fixtures of pytest-django that give a test its database; its other fixtures request one of these.
_DATABASE_FIXTURES = frozenset(
    ("db", "transactional_db", "live_server", "django_db_reset_sequences", "django_db_serialized_rollback")
)
_POSITION_OF_DATABASES = 2


def is_unittest_method(item: pytest.Item) -> bool:
    """Tell whether it is a method of a `unittest.TestCase`, which has `setUp` and `tearDown`."""
    owner = getattr(item, "cls", None)
    return isinstance(owner, type) and issubclass(owner, unittest.TestCase)


def uses_asgiref_thread(item: pytest.Item) -> bool:
    """Tell whether it is a coroutine whose ORM calls run on asgiref's thread.

    Those of Django's test cases do not: Django runs both the coroutine and its ORM calls on the main thread.
    """
    function = getattr(item, "obj", None)
    return inspect.iscoroutinefunction(function) and not _is_django_test(item)


def databases_of(item: pytest.Item) -> Sequence[str]:
    """Return the aliases that a test may use, by the rules of pytest-django and of Django's test cases."""
    if _is_django_test(item):
        test_case: Any = getattr(item, "cls", None)
        return _aliases(test_case.databases)
    marker = item.get_closest_marker("django_db")
    if marker is not None:
        args = marker.args[_POSITION_OF_DATABASES : _POSITION_OF_DATABASES + 1]
        databases = marker.kwargs.get("databases", args[0] if args else None)
    elif _DATABASE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        databases = None
    else:
        return ()
    return ("default",) if databases is None else _aliases(databases)


def _aliases(databases: Any) -> Sequence[str]:
    if databases != "__all__":
        return sorted(databases)
    from django.db import connections

    return list(connections)


def _is_django_test(item: pytest.Item) -> bool:
    owner = getattr(item, "cls", None)
    bases = owner.__mro__ if isinstance(owner, type) else ()
    return any(
        base.__qualname__ == "SimpleTestCase" and base.__module__ == "django.test.testcases" for base in bases
    )


def id_of(item: pytest.Item) -> str:
    """Return the id of a test without the `@` and the group that xdist's `--dist=loadgroup` adds to it."""
    before, at_group, _ = item.nodeid.rpartition(f"::{item.name}@")
    return f"{before}::{item.name}" if at_group else item.nodeid

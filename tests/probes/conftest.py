"""What the tests of the probes share."""

import pytest
from django.db import connections


@pytest.fixture(params=["default", "sqlite"])
def using(request):
    """An alias: PostgreSQL (or what DATABASE_URL names), and SQLite in a file."""
    return request.param


@pytest.fixture
def raw_conninfo(postgres, transactional_db):
    """How to connect to the test's database without Django."""
    database = connections["default"].settings_dict
    parts = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    return {part: str(database[key]) for part, key in parts.items() if database.get(key)}

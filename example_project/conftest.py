"""What does the test header show, and which servers can the tests use?"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar
from urllib.parse import quote, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection

from throwaway_postgres import PostgresUnavailable
from throwaway_servers import redis
from throwaway_servers.processes import ProgramMissing

Served = TypeVar("Served")


def pytest_report_header() -> str:
    """Name the database: tests of features that it does not have are skipped."""
    started = "DATABASE_LOG" in os.environ
    return f"database: {connection.vendor}, {'started for this run' if started else 'chosen by DATABASE_URL'}"


@contextmanager
def or_skipped(serving: Callable[[], AbstractContextManager[Served]]) -> Iterator[Served]:
    """Skip a test that needs a missing program; in CI, where it must be installed, this is an error."""
    with ExitStack() as servers:
        try:
            served = servers.enter_context(serving())
        except (PostgresUnavailable, ProgramMissing) as missing:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(missing))
        yield served


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Clear what another test counted or cached."""
    cache.clear()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The CACHE_URL of a Redis for this test alone."""
    with or_skipped(redis.serving) as url:
        yield url


@pytest.fixture
def served_database_url(transactional_db: None) -> str:
    """The DATABASE_URL of the test's database, for server processes, which see committed rows."""
    if connection.vendor != "postgresql":
        pytest.skip(f"{connection.vendor} is in memory here: no other process can see it")
    name = quote(connection.settings_dict["NAME"], safe="")
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()

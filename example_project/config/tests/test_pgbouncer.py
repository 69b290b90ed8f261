"""Does the service work behind PgBouncer, which lends it a connection for one transaction at a time?"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

import throwaway_postgres
from config.database import database_settings
from config.environment import BASE_DIR, environment
from conftest import or_skipped
from throwaway_servers import pgbouncer

pytestmark = pytest.mark.services

# More than any test needs without PgBouncer, and fewer than the clients of `test_behind_pgbouncer`.
MAX_CONNECTIONS = 30
# As many as wait for each other in one test, and one that they wait for.
POOL_SIZE = 10
TOO_LONG = "canceling statement due to statement timeout"

Behind = Callable[..., str]


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the DATABASE_URL of a server with a small `max_connections`."""
    server = throwaway_postgres.start({"max_connections": str(MAX_CONNECTIONS)})
    try:
        yield server.url("postgres")
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """The DATABASE_URL that leads directly to a server for these tests alone."""
    with or_skipped(postgresql) as url:
        yield url


@pytest.fixture
def behind() -> Iterator[Behind]:
    """A function that puts a PgBouncer in front of a DATABASE_URL, and returns the URL through it."""
    with ExitStack() as stack:
        yield lambda url, **settings: stack.enter_context(
            or_skipped(partial(pgbouncer.serving, url, **settings))
        )


@contextmanager
def connection_of_the_site(url: str, *, pooler: bool = True) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection as the site has it with this DATABASE_URL."""
    settings = database_settings(replace(environment(), database_url=url, db_pooler=pooler, db_pool=0))
    with closing(ConnectionHandler({"default": settings})["default"]) as connection:
        yield connection


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project, with these database variables and no others."""
    others = ("DATABASE_", "DB_", "DJANGO_", "PYTEST_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env={**environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )


def suite(report: Path, **variables: str) -> dict[str, tuple[str, int]]:
    """Run all tests that start no servers, and return the outcome and the number of queries of each.

    Without a DATABASE_URL they start their own PostgreSQL.
    """
    which = ("-m", "not services", "--ignore=tests/test_throwaway_postgres.py")
    done = run(
        "-m", "pytest", "-q", *which, "-p", "no:cacheprovider", f"--dbperf-report=json:{report}", **variables
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tests = json.loads(report.read_text())["tests"]
    return {test["id"]: (test["outcome"], test["queries"]) for test in tests}


def test_the_suite_passes_behind_pgbouncer_and_costs_the_same(
    server_url: str, behind: Behind, tmp_path: Path
) -> None:
    """No test is skipped there that runs without it; tests of PgBouncer run only there."""
    pooled_url = behind(
        server_url,
        connect_query=f"SET statement_timeout = {environment().db_statement_timeout}",
        default_pool_size=POOL_SIZE,
        # DROP DATABASE, at the end, fails while a client is connected.
        server_idle_timeout=1,
    )

    with ThreadPoolExecutor() as both:
        behind_it = both.submit(suite, tmp_path / "pooled.json", DATABASE_URL=pooled_url, DB_POOLER="true")
        without = both.submit(suite, tmp_path / "direct.json")
    pooled, direct = behind_it.result(), without.result()

    about_pgbouncer = [test for test in pooled if "test_behind_pgbouncer.py" in test]
    assert {pooled.pop(test)[0] for test in about_pgbouncer} == {"passed"}
    assert {direct.pop(test)[0] for test in about_pgbouncer} == {"skipped"}
    # The pooler has its own timeout: see below.
    about_timeouts = [test for test in direct if "test_a_statement_that_takes_too_long" in test]
    assert {pooled.pop(test)[0] for test in about_timeouts} == {"skipped"}
    assert {direct.pop(test)[0] for test in about_timeouts} == {"passed"}
    assert pooled == direct


def test_the_pooler_can_set_the_statement_timeout(
    server_url: str, behind: Behind, django_db_blocker: DjangoDbBlocker
) -> None:
    """Each of its connections has the timeout before a client gets it."""
    url = behind(server_url, connect_query="SET statement_timeout = 100")

    with django_db_blocker.unblock(), connection_of_the_site(url) as connection:
        with pytest.raises(OperationalError, match=TOO_LONG), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")


def test_a_role_can_have_the_statement_timeout(
    server_url: str, behind: Behind, django_db_blocker: DjangoDbBlocker
) -> None:
    """PostgreSQL keeps it, and a client that resets the session does not lose it for the others."""
    with psycopg.connect(server_url, autocommit=True) as owner:
        owner.execute("CREATE ROLE hasty LOGIN")
        owner.execute("ALTER ROLE hasty SET statement_timeout = 100")
    url = behind(server_url.replace("postgres@", "hasty@"))

    with django_db_blocker.unblock(), connection_of_the_site(url) as connection:
        with pytest.raises(OperationalError, match=TOO_LONG), connection.cursor() as cursor:
            cursor.execute("RESET ALL")
            cursor.execute("SELECT pg_sleep(60)")


def test_a_site_that_does_not_know_of_the_pooler_is_refused(
    server_url: str, behind: Behind, django_db_blocker: DjangoDbBlocker
) -> None:
    """It sends its statement timeout, which PgBouncer would have to drop."""
    url = behind(server_url)

    with django_db_blocker.unblock(), connection_of_the_site(url, pooler=False) as connection:
        with pytest.raises(OperationalError, match="unsupported startup parameter"):
            connection.ensure_connection()


@pytest.mark.parametrize(
    ("connect_query", "found"),
    [
        ("SET statement_timeout = 5000", ""),
        ("SET statement_timeout = 0", "Statements may run for ever, and DB_STATEMENT_TIMEOUT says 5000 ms."),
    ],
)
def test_a_timeout_that_got_lost_is_found_by_the_checks(
    server_url: str, behind: Behind, connect_query: str, found: str
) -> None:
    """`migrate` runs the same checks."""
    url = behind(server_url, connect_query=connect_query)

    checks = run(
        *("manage.py", "check", "--database", "default", "--fail-level", "WARNING"),
        DATABASE_URL=url,
        DB_POOLER="true",
        DB_STATEMENT_TIMEOUT="5000",
    )

    assert checks.returncode == bool(found), checks.stderr
    assert found in checks.stderr

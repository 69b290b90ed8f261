"""The server's own count is compared with ours, and a difference is loud."""

import os
import sys
from contextlib import ExitStack

import pytest

from throwaway_servers import pgbouncer
from throwaway_servers.processes import ProgramMissing

pytestmark = pytest.mark.usefixtures("postgres")

# Read here: the suites of the tests do not know it.
IN_CI = "CI" in os.environ

# A separate process connects, as psql or a Celery worker would, and no probe sees it.
ELSEWHERE = f"""
import subprocess

def connect_elsewhere():
    database = connection.settings_dict
    code = "import psycopg, sys; psycopg.connect(sys.argv[1]).close()"
    url = "host={{HOST}} user={{USER}} dbname={{NAME}} port={{PORT}}".format_map(database)
    subprocess.run(["{sys.executable}", "-c", code, url], check=True)
"""


def test_a_count_that_is_right_is_silent(suite):
    """In every kind of test, and under xdist."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        """
@db
def test_rolled_back():
    queries(1)

@pytest.mark.django_db(databases=["default", "other", "sqlite"], transaction=True)
async def test_async():
    await Author.objects.using("other").acount()
    await asyncio.to_thread(lambda: (queries(1), connections.close_all()))

@committed
def test_requests(wsgi_client, database_settings):
    database_settings("default", CONN_MAX_AGE=0)
    for _ in range(5):
        wsgi_client.get("/books/")

@committed
def test_pool(asgi_client, database_settings):
    database_settings("default", pool=True)
    asgi_client.gather(["/books/"] * 20)

class TestDjango(TransactionTestCase):
    def test_threads(self):
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()))
        thread.start()
        thread.join()

def test_without_a_database(): pass
""",
        "-n",
        "2",
    )

    result.assert_outcomes(passed=6)


def test_a_connection_that_nobody_saw_is_an_error(suite):
    """With both numbers since the last test, and once: the next one begins anew."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        ELSEWHERE
        + """
@committed
def test_a_warm_up(): pass

@committed
def test_hidden():
    connect_elsewhere()

@committed
def test_next(): pass
"""
    )

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "dbperf_verify_connections: PostgreSQL counted 2 new sessions in 'test_suite_*', the plugin 1 "
            "new connections. Connections were opened that the plugin does not see: by another process or *"
        ]
    )
    result.stdout.no_fnmatch_line("*verification.py*")


def test_a_counter_that_was_reset_is_an_error(suite):
    """It cannot be compared with what it was."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        """
@committed
def test_reset():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_reset()")
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*The server's statistics were reset, by a crash or by pg_stat_reset()"])


def test_a_server_that_cannot_be_asked_is_a_warning(suite):
    """The user may have no access to the database that the monitor connects to."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        """
@pytest.fixture(autouse=True)
def nobody_may_ask(monkeypatch, db):
    from django.db.backends.postgresql.base import DatabaseWrapper

    original = DatabaseWrapper.get_connection_params
    elsewhere = lambda self: {**original(self), "port": "1"}
    monkeypatch.setattr(DatabaseWrapper, "get_connection_params", elsewhere)

@db
def test_it():
    queries(1)

@db
def test_again():
    queries(1)
""",
        "-W",
        "default::pytest_dbperf.session.verification.ConnectionsNotVerified",
    )

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*connections of 'default' are not verified: cannot connect to *"])


@pytest.fixture
def pooler(monkeypatch):
    """A PgBouncer before the tests' server, and DATABASE_URL that leads through it."""
    # The small project's settings ask the server to log statements, which is no affair of a pooler.
    serving = pgbouncer.serving(
        os.environ["DATABASE_URL"], default_pool_size=2, ignore_startup_parameters="options"
    )
    with ExitStack() as servers:
        try:
            url = servers.enter_context(serving)
        except ProgramMissing as missing:
            pytest.fail(str(missing)) if IN_CI else pytest.skip(str(missing))
        monkeypatch.setenv("DATABASE_URL", url)
        yield


def test_behind_a_pooler_nothing_is_verified_and_a_warning_says_why(suite, pooler):
    """Its sessions are those of the pooler; the client's connections are counted all the same."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        """
@committed
def test_it(dbperf):
    for _ in range(5):
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()))
        thread.start()
        thread.join()
    assert len(dbperf.new_connections) == 5
""",
        # PgBouncer keeps its sessions, and DROP DATABASE would wait for them.
        "--reuse-db",
        "-W",
        "default::pytest_dbperf.session.verification.ConnectionsNotVerified",
    )

    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*connections of 'default' are not verified: it goes through a pooler *"])


def test_it_is_off_unless_it_is_asked_for(suite):
    """A monitor costs a connection."""
    result = suite.run_tests(ELSEWHERE + "\n@committed\ndef test_hidden():\n    connect_elsewhere()\n")

    result.assert_outcomes(passed=1)

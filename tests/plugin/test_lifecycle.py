"""Connections as production has them: the clients, the budgets on them, and what a failure says."""

import json
import sys

import pytest

from tests.plugin.conftest import failure_of

AGES = """
@pytest.fixture(autouse=True)
def settings_of_production(database_settings):
    database_settings("default", CONN_MAX_AGE=AGE)
"""


def test_a_connection_a_request_is_told_with_its_cure(suite):
    """What costs, why, and what it would be with another setting."""
    result = suite.run_tests(
        AGES.replace("AGE)", "0)")
        + """
@committed
@pytest.mark.max_new_connections(1)
def test_churn(wsgi_client):
    for _ in range(10):
        wsgi_client.get("/books/")
"""
    )

    result.assert_outcomes(failed=1)
    lines = failure_of(result, "test_churn")
    assert lines[0].startswith("new connections 10 > 1 (+9)   max_new_connections(1) at test_it.py:")
    result.stdout.re_match_lines(
        [
            r"    9x  default, .* ms each, thread wsgi-worker-\d+_0.*CONN_MAX_AGE had closed the one before",
            r"        shop/views.py:\d+ titles_and_names  <- test_it.py:\d+ test_churn",
            r"    1x  default, .*first use in its thread",
            r"""  fix   set "CONN_MAX_AGE": 600 in DATABASES\\['default'\\]: 10 -> 1 connections""".replace(
                "\\\\", "\\"
            ),
        ]
    )


def test_persistent_connections_are_leaked_under_asgi(suite, postgres):
    """The advice that everybody follows, and what it does there."""
    result = suite.run_tests(
        AGES.replace("AGE)", "600)")
        + """
@committed
@pytest.mark.max_new_connections(4)
@pytest.mark.no_connection_leaks
def test_leak(asgi_client):
    for _ in range(10):
        asgi_client.get("/books/")
""",
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "new connections 10 > 4 (+6), leaked connections 10 > 0 (+10)",
            '  fix   set "CONN_MAX_AGE": 0, "OPTIONS": {"pool": True} (psycopg[[]pool]) in DATABASES*: '
            "10 -> 4 connections",
            '  fix   set "CONN_MAX_AGE": 0 under ASGI, where no later request uses the same thread',
        ]
    )
    (test,) = json.loads((suite.path / "run.json").read_text())["tests"]
    assert (test["new_connections"], test["closed_connections"], test["leaked_connections"]) == (10, 0, 10)
    assert test["reuse"] == 0


def test_a_pool_is_the_cure(suite, postgres):
    """In sync and in asynchronous tests, and as the advice has promised."""
    result = suite.run_tests(
        """
pytestmark = [committed, pytest.mark.max_new_connections(4), pytest.mark.no_connection_leaks]

@pytest.fixture(autouse=True)
def settings_of_production(database_settings):
    database_settings("default", pool=True)

def test_one_after_the_other(asgi_client):
    for _ in range(10):
        asgi_client.get("/books/")

def test_at_once(asgi_client, dbperf):
    asgi_client.gather(["/books/"] * 10)
    assert len(dbperf.checkouts) == 10

async def test_awaited(asgi_client):
    await asyncio.gather(*(asgi_client.aget("/count/") for _ in range(10)))

@pytest.mark.max_open_connections(4)
def test_wsgi(wsgi_client):
    wsgi_client.new(workers=8).gather(["/books/"] * 16)
""",
        "-W",
        "error",
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(passed=4)
    tests = json.loads((suite.path / "run.json").read_text())["tests"]
    assert {test["checkouts"] for test in tests} == {10, 16}
    assert all(test["pool_wait_ms"] >= 0 for test in tests)


def test_a_pool_is_refused_where_there_is_none(suite):
    """Django would say something about SQLite's arguments."""
    result = suite.run_tests(
        """
@pytest.mark.django_db(databases="__all__", transaction=True)
def test_it(database_settings):
    with pytest.raises(ValueError, match="'sqlite' cannot have a pool: Django has pools for"):
        database_settings("sqlite", pool=True)
    database_settings("sqlite", pool=False)
    queries(1, using="sqlite")
"""
    )

    result.assert_outcomes(passed=1)


def test_settings_are_those_of_one_test(suite, postgres):
    """Whatever it changed, the next one knows nothing of it, in any order."""
    result = suite.run_tests(
        """
pytestmark = committed

def current():
    return {**connections.settings["default"], "NAME": "", "TEST": ""}

before = current()

@pytest.mark.parametrize("changes", [{"CONN_MAX_AGE": 7}, {"pool": True}, {"CONN_HEALTH_CHECKS": True}])
def test_changed(database_settings, changes):
    queries(1)
    database_settings("default", **changes)
    queries(1)
    assert current() != before

async def test_changed_in_a_coroutine(database_settings, dbperf):
    await Author.objects.acount()
    database_settings("default", pool=True)
    await Author.objects.acount()
    assert len(dbperf.checkouts) == 1

def test_as_before():
    assert current() == before
    queries(1)

@pytest.mark.parametrize("alias, changes, complaint", [
    ("nobody", {"CONN_MAX_AGE": 7}, "DATABASES has no alias 'nobody', only default, other, sqlite"),
    ("default", {"HOST": "x"}, "can change CONN_MAX_AGE, CONN_HEALTH_CHECKS, pool, not HOST"),
])
def test_nonsense(database_settings, alias, changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        database_settings(alias, **changes)
""",
        "-W",
        "error",
    )

    result.assert_outcomes(passed=7)


def test_a_transaction_around_the_test_is_refused(suite, postgres):
    """In words that name the way out, and without the plugin's source."""
    result = suite.run_tests(
        """
@db
def test_wsgi(wsgi_client): pass

@db
async def test_asgi(asgi_client): pass

@db
def test_pool(database_settings):
    database_settings("default", pool=True)
"""
    )

    result.assert_outcomes(errors=2, failed=1)
    result.stdout.fnmatch_lines_random(
        [
            "wsgi_client: the test runs in a transaction on the database 'default', so requests in *",
            "asgi_client: the test runs in a transaction on the database 'default', so requests in *",
            "database_settings: the test runs in a transaction on the database 'default', *",
        ]
    )
    result.stdout.no_fnmatch_line("*conditions.py*")


def test_threads_and_executors_that_were_never_cleaned_are_leaks(suite):
    """The failure names the line that used the ORM there, and the line that started the thread."""
    result = suite.run_tests(
        """
from concurrent.futures import ThreadPoolExecutor

pytestmark = [committed, pytest.mark.no_connection_leaks]
executor = ThreadPoolExecutor(1)

def start(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def test_thread():
    start(lambda: queries(1))

def test_executor():
    executor.submit(queries, 1).result()

async def test_to_thread():
    await asyncio.to_thread(queries, 1)

def test_cleaned():
    start(lambda: (queries(1), connections.close_all()))

def test_main_thread():
    connection.close()
    queries(1)

@pytest.mark.no_connection_leaks(allowed=None, reason="by design")
def test_lifted():
    start(lambda: queries(1))

@pytest.fixture(scope="module", autouse=True)
def clean():
    yield
    executor.submit(connections.close_all).result()
    executor.shutdown()
""",
        "-W",
        "ignore",
    )

    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "leaked connections 1 > 0 (+1)   no_connection_leaks in test_it.py",
            "        the thread was started by test_it.py:* start  <- test_it.py:* test_thread",
            "  fix   call django.db.connections.close_all() at the end of the thread's work",
        ]
    )
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_executor - leaked connections 1 > 0 (+1)*"])


def test_most_connections_at_once_are_limited(suite):
    """Four workers, four connections, one too many."""
    result = suite.run_tests(
        AGES.replace("AGE)", "600)")
        + """
@committed
@pytest.mark.max_open_connections(3)
def test_peak(wsgi_client):
    wsgi_client.new(workers=4).gather(["/books/"] * 8)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "open connections 4 > 3 (+1)   max_open_connections(3) at test_it.py:*",
            "*x  default, * wsgi-worker-*",
        ]
    )


RESTART = """
import atexit, os, signal, subprocess, time
from pathlib import Path

DIRECTORY = Path(connections.settings["default"]["HOST"])

def postmaster():
    return int((DIRECTORY / "data" / "postmaster.pid").read_text().split()[0])

def restart():
    pid = postmaster()
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\\0").split("\\0")
    owner = os.stat(f"/proc/{pid}")
    os.kill(pid, signal.SIGINT)
    while (DIRECTORY / "data" / "postmaster.pid").exists():
        time.sleep(0.01)
    who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    log = (DIRECTORY / "server.log").open("ab")
    server = subprocess.Popen(command, stdout=log, stderr=log, cwd=DIRECTORY, **who)
    log.close()
    atexit.register(lambda: (server.send_signal(signal.SIGINT), server.wait()))
    status = DIRECTORY / "data" / "postmaster.pid"
    while not status.exists() or not status.read_text().endswith("ready   \\n"):
        time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the server's command line from /proc")
def test_a_server_that_restarts_in_the_middle_of_a_test(suite, monkeypatch, postgres):
    """The driver's own error, reconnects that are counted, and a plugin that goes on."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("DATABASE_LOG", raising=False)
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(
        RESTART
        + """
from django.db import OperationalError

@committed
@pytest.mark.max_new_connections(1)
def test_restart(wsgi_client, database_settings, dbperf):
    database_settings("default", CONN_MAX_AGE=600)
    wsgi_client.get("/books/")
    restart()
    with pytest.raises(OperationalError):
        wsgi_client.get("/books/")
    wsgi_client.get("/books/")
    with pytest.raises(OperationalError):
        queries(1)
    connection.close()
    queries(1)

@committed
@pytest.mark.max_new_connections(0)
def test_next():
    queries(1)
""",
        "-W",
        "default::pytest_dbperf.session.verification.ConnectionsNotVerified",
    )

    result.assert_outcomes(passed=1, failed=1, warnings=1)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_restart - new connections 3 > 1 (+2)*"])


POOLS = """
pytestmark = committed

async def test_a_pool_goes_with_its_settings(database_settings):
    database_settings("default", pool=True)
    await Author.objects.acount()
    database_settings("default", pool=False)

async def test_a_pool_can_be_changed(database_settings, dbperf):
    database_settings("default", pool={"min_size": 1, "max_size": 1})
    await Author.objects.acount()
    database_settings("default", pool={"min_size": 3, "max_size": 3})
    await Author.objects.acount()
    with dbperf.record():
        pass
    assert len(dbperf.new_connections) == 4

class TestTransaction(TransactionTestCase):
    @pytest.fixture(autouse=True)
    def of_plugin(self, database_settings, asgi_client):
        self.database_settings, self.asgi_client = database_settings, asgi_client

    async def test_async(self):
        self.database_settings("default", pool=True)
        await self.asgi_client.aget("/books/")

def test_what_was_never_given_back_is_closed(database_settings):
    database_settings("default", pool={"min_size": 1, "max_size": 1})
    thread = threading.Thread(target=lambda: queries(1))
    thread.start()
    thread.join()

@pytest.mark.parametrize("age", [600, None])
def test_nonsense_is_refused(database_settings, age):
    with pytest.raises(ValueError, match="pool needs CONN_MAX_AGE=0"):
        database_settings("default", CONN_MAX_AGE=age, pool=True)

def test_nothing_is_left():
    assert connections.settings["default"]["CONN_MAX_AGE"] == 0
    assert "pool" not in connections.settings["default"]["OPTIONS"]
    queries(1)
"""


def test_pools_go_with_their_tests(suite, postgres):
    """Whatever they gave out, on a loop as elsewhere: the database can be dropped."""
    result = suite.run_tests(POOLS, "-W", "error")

    result.assert_outcomes(passed=7)
    assert "being accessed by other users" not in result.stdout.str() + result.stderr.str()


def test_the_database_is_there_before_a_client(suite):
    """In whatever order a test names its fixtures."""
    result = suite.run_tests(
        """
async def test_asgi(asgi_client, db): pass
def test_wsgi(wsgi_client, db): pass
def test_committed(wsgi_client, transactional_db): pass
"""
    )

    result.assert_outcomes(passed=1, errors=2)

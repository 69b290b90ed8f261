"""Beside libraries that wrap the same functions, our counts are the server's, and their wrappers stay."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from tests.beside.libraries import LIBRARIES

HOME = Path(__file__).parents[2]
PATHS = (HOME, HOME / "example_project", HOME / "tests" / "project")

pytestmark = pytest.mark.skipif(
    "DATABASE_LOG" not in os.environ,
    reason="needs the log of a PostgreSQL that the tests have started; DATABASE_URL names another",
)

HOPS = [
    "executor in_a_thread",
    "executor in_a_thread",
    "sync_to_async count",
    "sync_to_async n_plus_one",
    "sync_to_async n_plus_one",
]
# What each piece of work does, by our own account: hops of the project and requests.
HOPS_AND_REQUESTS = {
    "orm": ([], []),
    "raw_cursor": ([], []),
    "threads": ([], []),
    "reconnect": ([], []),
    "request": ([], ["GET /books/"]),
    "async_request": (["sync_to_async count"], ["GET /count/"]),
    "hops": (HOPS, []),
    "hops_under_sync": (["async_to_sync hop", *HOPS], []),
}


def is_missing(module):
    """Tell whether a module is not installed; its package may be missing, too."""
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:
        return True


def in_a_process(*arguments):
    """Run Python in the tests' project, with a database that no other process uses."""
    environment = {
        **os.environ,
        "DBPERF_TEST_DATABASE": f"beside_{uuid4().hex[:12]}",
        "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=HOME,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def require(*modules):
    """Skip a test of a library that is not installed; where all have to be, that is an error."""
    if missing := [module for module in modules if is_missing(module)]:
        reason = f"{missing[0]} is not installed: the environment `beside` of tox.ini has it"
        pytest.fail(reason) if "DBPERF_TESTS_BESIDE" in os.environ else pytest.skip(reason)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_beside_a_library_that_wraps_before_or_after_us(name, order):
    """Counts are those of the server's log, and after our undo all wrappers of the library are there."""
    require(*LIBRARIES[name].modules)

    process = in_a_process("-m", "tests.beside.measure", name, order)

    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    for turn in ("first", "again"):
        for piece, result in found[turn].items():
            assert result["counted"] == result["logged"], (turn, piece)
            assert (result["hops"], result["requests"]) == HOPS_AND_REQUESTS[piece], (turn, piece)
            assert result["without_call_path"] == 0, (turn, piece)
        assert list(found[turn]) == list(HOPS_AND_REQUESTS)
    assert found["not_restored"] == []
    assert len(set(found["seen_by_it"])) == 1, found["seen_by_it"]


GREENLETS = """
import asyncio
import threading

import gevent
import pytest
from django.db import connection
from shop.models import Author

pytestmark = pytest.mark.django_db(transaction=True)


def twice():
    try:
        Author.objects.count()
        gevent.sleep()
        Author.objects.exists()
    finally:
        connection.close()


def test_greenlets(dbperf):
    gevent.joinall([gevent.spawn(twice) for _ in range(3)], raise_error=True)

    assert len(dbperf.queries) == 6
    assert len(dbperf.new_connections) == 3
    assert len({query.thread for query in dbperf.queries}) == 3
    assert all(query.call_path for query in dbperf.queries)


def test_threads(dbperf):
    thread = threading.Thread(target=twice)
    thread.start()
    thread.join()

    assert len(dbperf.queries) == 2
    assert len(dbperf.new_connections) == 1


@pytest.mark.max_thread_hops(1)
def test_hops(dbperf):
    async def run():
        await asyncio.to_thread(int)

    asyncio.run(run())

    assert [hop.function for hop in dbperf.hops] == ["int"]
"""


def test_on_an_interpreter_that_gevent_has_patched(tmp_path):
    """A run starts, and greenlets count as the threads that they replace."""
    require("gevent")
    (tmp_path / "pytest.ini").write_text("[pytest]\nDJANGO_SETTINGS_MODULE = settings\n")
    (tmp_path / "test_it.py").write_text(GREENLETS)
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-W", "ignore")

    process = in_a_process("-m", "gevent.monkey", "--module", "pytest", *quiet, str(tmp_path))

    assert "3 passed" in process.stdout, process.stdout + process.stderr

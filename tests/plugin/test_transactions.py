"""A transaction that stands open while nothing runs is found in every kind of test, with both ends of gaps.

A limit of 0 is broken by any gap, so no test has to wait.
"""

import re

import pytest

from tests.plugin.conftest import failure_of, line_of
from tests.plugin.test_reports import run_of

BLOCK = """
from django.db import transaction

def block():
    with transaction.atomic():
        Author.objects.count()
        Author.objects.create(name="Ada")
"""


def gaps_in(result, test):
    """The rows of a failure: what ran before each gap, where, and where it ended; without the times."""
    rows = [line.removeprefix("E").strip() for line in failure_of(result, test)]
    starts = [place for place, row in enumerate(rows) if re.match(r"\d+x  ", row)]
    return {
        (
            re.match(r"\d+x  after (\w+)", rows[start])[1],
            rows[start + 1].partition("  <- ")[0],
            rows[start + 2].partition("  <- ")[0],
        )
        for start in starts
    }


def gaps_of_block(suite, end):
    """The gaps of the block above, where it ends with this command."""
    opened, counted, created = (
        line_of(suite, text) for text in ("transaction.atomic()", "objects.count()", "objects.create")
    )
    return {
        ("SELECT", f"test_it.py:{counted} block", f"until INSERT at test_it.py:{created} block"),
        ("INSERT", f"test_it.py:{created} block", f"until {end} at test_it.py:{opened} block"),
    }


@pytest.mark.parametrize(("mark", "end"), [("db", "RELEASE"), ("committed", "COMMIT")])
def test_a_block_is_judged_in_both_kinds_of_tests(suite, mark, end):
    """What is a savepoint in the test's own transaction is a transaction in production."""
    result = suite.run_tests(f"""{BLOCK}
@{mark}
@pytest.mark.no_idle_in_transaction(0)
def test_it():
    block()
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*idle transaction *.* > 0 ms (+*)   no_idle_in_transaction(0) at test_it*"])
    assert gaps_in(result, "test_it") == gaps_of_block(suite, end)


def test_the_transaction_of_the_test_does_not_count(suite):
    """Nor does autocommit; and a transaction with one statement has no gap but before its end."""
    suite.ini("dbperf_no_idle_in_transaction = 0")

    suite.run_tests("""
@db
def test_in_its_transaction():
    queries(3)

@committed
def test_with_autocommit():
    queries(3)

class Test(TestCase):
    def setUp(self):
        queries(2)

    def test_it(self):
        queries(3)
""").assert_outcomes(passed=3)


def test_methods_of_unittest_are_judged(suite):
    """Of Django's two kinds of test case, also where they are asynchronous."""
    result = suite.run_tests(f"""{BLOCK}
@pytest.mark.no_idle_in_transaction(0)
class TestOne(TestCase):
    def test_one(self):
        block()

    async def test_two(self):
        await sync_to_async(block)()

@pytest.mark.no_idle_in_transaction(0)
class TestThree(TransactionTestCase):
    def test_three(self):
        block()
""")

    result.assert_outcomes(failed=3)
    for test, end in {
        "TestOne.test_one": "RELEASE",
        "TestOne.test_two": "RELEASE",
        "TestThree.test_three": "COMMIT",
    }.items():
        assert gaps_in(result, test) == gaps_of_block(suite, end)


def test_a_block_in_another_thread_is_judged(suite):
    """That of asgiref, where a coroutine sends it, and one of your own."""
    result = suite.run_tests(f"""{BLOCK}
@committed
@pytest.mark.no_idle_in_transaction(0)
async def test_coroutine():
    await sync_to_async(block)()

@committed
@pytest.mark.no_idle_in_transaction(0)
def test_thread():
    def work():
        block()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
""")

    result.assert_outcomes(failed=2)
    for test in ("test_coroutine", "test_thread"):
        assert gaps_in(result, test) == gaps_of_block(suite, "COMMIT")


def test_a_block_without_a_savepoint_is_seen_where_it_is_a_transaction(suite):
    """In the transaction of a test it leaves no trace; what it has inside is judged there."""
    result = suite.run_tests("""
from django.db import transaction

def block():
    with transaction.atomic(savepoint=False):
        queries(1)

@db
@pytest.mark.no_idle_in_transaction(0)
def test_savepoint():
    block()

@committed
@pytest.mark.no_idle_in_transaction(0)
def test_transaction():
    block()
""")

    result.assert_outcomes(passed=1, failed=1)
    [(before, _, until)] = gaps_in(result, "test_transaction")
    assert (before, until) == (
        "SELECT",
        f"until COMMIT at test_it.py:{line_of(suite, 'savepoint=False')} block",
    )


@pytest.mark.parametrize(
    ("mark", "client", "end"),
    [("db", "client", "RELEASE"), ("committed", "client", "COMMIT"), ("committed", "wsgi_client", "COMMIT")],
)
def test_a_request_may_be_a_transaction(suite, mark, client, end):
    """With ATOMIC_REQUESTS, the whole view is; its end has no line but that of the test."""
    suite.file(
        "atomic_requests.py",
        "from settings import *\nDATABASES['default']['ATOMIC_REQUESTS'] = True\n",
    )
    suite.tests(f"""
@{mark}
@pytest.mark.no_idle_in_transaction(0)
def test_it({client}):
    {client}.get("/books/")
""")
    result = suite.run("--ds=atomic_requests")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*idle transaction * no_idle_in_transaction(0) at test_it.py:*GET /books/"])
    [(before, place, until)] = gaps_in(result, "test_it")
    assert (before, until) == (
        "SELECT",
        f"until {end} at test_it.py:{line_of(suite, f'{client}.get')} test_it",
    )
    assert place.startswith("shop/views.py:")


def test_an_asynchronous_view_is_judged_where_its_block_runs(suite):
    """On asgiref's thread with a test client, on that of the request as a server has it."""
    suite.file(
        "publishing.py",
        """
from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpResponse
from django.urls import path
from shop.models import Author

def block():
    with transaction.atomic():
        Author.objects.count()

async def view(request):
    await sync_to_async(block)()
    return HttpResponse()

urlpatterns = [path("", view)]
""",
    )
    result = suite.run_tests("""
@committed
@pytest.mark.urls("publishing")
@pytest.mark.no_idle_in_transaction(0)
async def test_client(async_client):
    await async_client.get("/")

@committed
@pytest.mark.urls("publishing")
@pytest.mark.no_idle_in_transaction(0)
def test_server(asgi_client):
    asgi_client.get("/")
""")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*idle transaction * no_idle_in_transaction(0) at test_it.py:*   GET /"] * 2)
    begun, counted = (
        line_of(suite, text, "publishing.py") for text in ("transaction.atomic()", "objects.count()")
    )
    for test in ("test_client", "test_server"):
        assert gaps_in(result, test) == {
            ("SELECT", f"publishing.py:{counted} block", f"until COMMIT at publishing.py:{begun} block")
        }


def test_what_runs_on_commit_is_not_in_the_transaction(suite):
    """Neither in production nor where a test runs it itself."""
    suite.ini("dbperf_no_idle_in_transaction = 0")

    suite.run_tests("""
from django.db import transaction

def block():
    with transaction.atomic():
        transaction.on_commit(lambda: queries(2))

@committed
def test_on_commit():
    block()

@db
def test_captured(django_capture_on_commit_callbacks, dbperf):
    with django_capture_on_commit_callbacks(execute=True):
        block()
    assert len(dbperf.queries) == 2
""").assert_outcomes(passed=2)


def test_a_part_of_a_test_can_be_judged(suite):
    """With a fixture, of both kinds; None lifts the default of the suite."""
    suite.ini("dbperf_no_idle_in_transaction = 0")
    result = suite.run_tests(f"""{BLOCK}
@db
@pytest.mark.no_idle_in_transaction(None, reason="only its parts are judged")
def test_part(no_idle_in_transaction):
    block()
    with no_idle_in_transaction(60_000):
        block()
    with no_idle_in_transaction(0, using="default"):
        block()

@committed
@pytest.mark.no_idle_in_transaction(None)
async def test_coroutine(no_idle_in_transaction):
    async with no_idle_in_transaction(0):
        await sync_to_async(block)()
""")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*idle transaction * no_idle_in_transaction(0, using='default') at "
            f"test_it.py:{line_of(suite, 'transaction(0, using')}*"
        ]
    )


def test_the_time_of_statements_is_limited(suite):
    """By a marker, a fixture or the ini file; the slowest are shown."""
    suite.ini("dbperf_max_db_time = 0")
    result = suite.run_tests("""
@db
def test_default():
    queries(2)

@db
@pytest.mark.max_db_time(60_000)
def test_marker(max_db_time):
    queries(1)
    with max_db_time(0.001):
        queries(1)

@db
@pytest.mark.max_db_time(None, reason="slow by nature")
def test_lifted():
    queries(1)

@pytest.mark.max_db_time(0)
def test_without_statements():
    pass
""")

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*db time *.* > 0 ms (+*)   max_db_time(0) in pytest.ini"])
    result.stdout.fnmatch_lines(["*   2x  SELECT COUNT(*) * FROM shop_author   *.* ms"])
    result.stdout.fnmatch_lines(["*note  times vary with the machine and its load; query_budget(2) does not"])
    result.stdout.fnmatch_lines(["*db time *.* > 0.001 ms (+*)   max_db_time(0.001) at test_it.py:*"])


def test_the_report_has_milliseconds(suite):
    """They follow the published schema: a limit of time is no count."""
    suite.tests(f"""{BLOCK}
@db
@pytest.mark.max_db_time(0)
@pytest.mark.no_idle_in_transaction(0.001)
def test_it():
    block()
""")

    [test] = run_of(suite, "--dbperf=report")["tests"]

    idle, time = test["violations"]
    assert (idle["budget"], idle["limit"]) == ("no_idle_in_transaction", 0.001)
    assert (time["budget"], time["limit"]) == ("max_db_time", 0)
    assert idle["message"].startswith(f"idle transaction {idle['measured']} > 0.001 ms (+")
    assert time["message"].startswith(f"db time {time['measured']} > 0 ms (+")

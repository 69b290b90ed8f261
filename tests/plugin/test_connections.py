"""A test finds the connections that its kind stands on, so a budget of none means: my code opened none."""

STANDING = """
pytestmark = pytest.mark.max_new_connections(0)

@db
def test_rolled_back():
    queries(1)

@committed
def test_committed():
    queries(1)

@committed
async def test_async():
    await Author.objects.acount()
    await sync_to_async(queries)(1)

@committed
async def test_async_again():
    await Author.objects.acount()

@pytest.mark.django_db(databases=["default", "other"], transaction=True)
async def test_two_aliases():
    await Author.objects.using("other").acount()

@pytest.mark.django_db(databases="__all__", transaction=True)
async def test_all_aliases():
    await Author.objects.using("sqlite").acount()

@pytest.mark.django_db(True, False, ["default", "other"])
async def test_positional():
    await Author.objects.using("other").acount()

async def test_transactional_db(transactional_db):
    await Author.objects.acount()

@committed
def test_runs_a_loop():
    asyncio.run(Author.objects.acount())

@db
def test_runs_a_loop_again():
    asyncio.run(Author.objects.acount())

class TestDjango(TestCase):
    databases = "__all__"

    def test_sync(self):
        queries(1, using="sqlite")

    def test_runs_a_loop(self):
        asyncio.run(Author.objects.acount())

    async def test_async(self):
        await Author.objects.acount()

class TestTransaction(TransactionTestCase):
    def test_sync(self):
        queries(1)

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    pytestmark = committed

    async def test_async(self):
        await Author.objects.acount()
"""


def test_a_standing_connection_is_not_new(suite):
    """In any order, sync and async, on all aliases that the test may use."""
    suite.tests(STANDING)
    suite.run("-p", "randomly").assert_outcomes(passed=15)


def test_a_standing_connection_is_not_new_alone(suite):
    """No test needs another one to have gone before it."""
    suite.tests(STANDING)
    suite.run("-k", "test_async_again").assert_outcomes(passed=1, deselected=14)


def test_a_connection_that_your_code_opens_is_new(suite):
    """Also when the test stands on one."""
    result = suite.run_tests(
        """
@committed
@pytest.mark.max_new_connections(0)
def test_reconnect():
    connection.close()
    queries(1)

@committed
@pytest.mark.max_new_connections(0)
async def test_another_thread():
    await asyncio.to_thread(lambda: (queries(1), connections.close_all()))
"""
    )

    result.assert_outcomes(failed=2)


def test_what_was_opened_on_asgirefs_thread_is_closed_after_the_test(suite):
    """The next test does not find it, and DROP DATABASE does not wait for it: warnings are errors here."""
    result = suite.run_tests(
        """
from asgiref.sync import SyncToAsync

def on_asgiref_thread():
    return SyncToAsync.single_thread_executor.submit(lambda: connection.connection).result()

@committed
async def test_async():
    await Author.objects.acount()

@committed
def test_sync():
    assert on_asgiref_thread() is None
"""
    )

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*being accessed by other users*")


RUNS_A_LOOP = """
from asgiref.sync import SyncToAsync

peaks = []

@pytest.mark.max_new_connections(0)
@pytest.mark.parametrize("number", range(3))
@committed
def test_runs_a_loop(number, dbperf):
    asyncio.run(Author.objects.acount())
    asyncio.run(Author.objects.acount())
    peaks.append(dbperf.peak_connections)
    assert len(set(peaks)) == 1
    assert dbperf.new_connections == dbperf.leaked_connections == []

@committed
def test_reads_only():
    submit = SyncToAsync.single_thread_executor.submit
    assert submit(lambda: connection.connection).result() is None
"""


def test_a_sync_test_that_runs_a_loop_counts_the_same_in_any_order(suite):
    """The connection on asgiref's thread is standing for it, too. It is closed after the test."""
    suite.tests(RUNS_A_LOOP)

    for _ in range(2):
        result = suite.run("-p", "randomly")
        result.assert_outcomes(passed=4)
        result.stdout.no_fnmatch_line("*being accessed by other users*")
    suite.run("-k", "test_runs_a_loop and 1").assert_outcomes(passed=1, deselected=3)


def test_only_the_first_connection_of_a_loop_is_standing(suite):
    """What the test closes itself, and what it opens in other threads, counts as before."""
    result = suite.run_tests(
        """
def close():
    connection.close()

@committed
def test_opens_it_again(dbperf):
    asyncio.run(Author.objects.acount())
    asyncio.run(sync_to_async(close)())
    asyncio.run(Author.objects.acount())
    assert len(dbperf.new_connections) == 1

@committed
def test_closes_nothing(dbperf):
    asyncio.run(sync_to_async(close)())
    asyncio.run(Author.objects.acount())
    assert dbperf.new_connections == []

@committed
def test_another_thread(dbperf):
    asyncio.run(asyncio.to_thread(lambda: (queries(1), connections.close_all())))
    assert len(dbperf.new_connections) == 1
"""
    )

    result.assert_outcomes(passed=3)


def test_a_connection_that_a_fixture_opened_is_left_to_it(suite):
    """A fixture of a module may go on using its own."""
    result = suite.run_tests(
        """
import pytest_asyncio

@pytest_asyncio.fixture
async def author(transactional_db):
    return await Author.objects.acreate(name="Ada")

@pytest.mark.max_new_connections(0)
async def test_uses_it(author):
    assert await Author.objects.acount() == 1
"""
    )

    result.assert_outcomes(passed=1)


def test_a_transaction_on_asgirefs_thread_is_not_cut_off(suite):
    """What is in the middle of something is not closed."""
    result = suite.run_tests(
        """
from asgiref.sync import SyncToAsync
from django.db import transaction

submit = SyncToAsync.single_thread_executor.submit
block = transaction.atomic()

@committed
async def test_begins():
    await sync_to_async(block.__enter__)()

@committed
def test_ends():
    assert submit(lambda: connection.in_atomic_block).result()
    submit(block.__exit__, None, None, None).result()
"""
    )

    result.assert_outcomes(passed=2)


def test_a_test_without_a_database_opens_none(suite):
    """Nothing is opened that the test could not use."""
    result = suite.run_tests(
        """
def test_pure():
    assert connection.connection is None

@pytest.mark.max_new_connections(0)
async def test_async():
    await asyncio.sleep(0)
"""
    )

    result.assert_outcomes(passed=2)


def test_a_database_that_is_down_is_the_tests_to_meet(suite):
    """The error is the driver's, and not the plugin's."""
    result = suite.run_tests(
        """
@pytest.fixture
def down(transactional_db):
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "/no/such/database"
    yield
    connection.settings_dict["NAME"] = name

def test_down(down):
    queries(1)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E * django.db.utils.OperationalError: *"])
    assert "test_it.py" in result.stdout.str()

"""Every kind of test is measured: its body, and nothing else."""

import pytest


def test_methods_of_unittest_are_measured_without_set_up_and_tear_down(suite):
    """Each class queries in setUp and tearDown, each method once; a budget of one holds, of none does not."""
    result = suite.run_tests(
        """
class Mixin:
    databases = {"default"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        queries(3)

    def setUp(self):
        queries(5)

    def tearDown(self):
        queries(5)

    @pytest.mark.query_budget(1, at_least=1)
    def test_within(self):
        queries(1)

    @pytest.mark.query_budget(0)
    def test_over(self):
        queries(1)

    @pytest.mark.query_budget(1, at_least=1)
    async def test_async_within(self):
        await Author.objects.acount()

    @pytest.mark.query_budget(0)
    async def test_async_over(self):
        await Author.objects.acount()

class TestDjango(Mixin, TestCase):
    pass

class TestDjangoTransaction(Mixin, TransactionTestCase):
    pass

class TestIsolated(unittest.IsolatedAsyncioTestCase):
    pytestmark = committed

    async def asyncSetUp(self):
        await Author.objects.acount()

    @pytest.mark.query_budget(1, at_least=1)
    async def test_within(self):
        await Author.objects.acount()

    @pytest.mark.query_budget(0)
    async def test_over(self):
        await Author.objects.acount()

class TestPlain(unittest.TestCase):
    pytestmark = db

    def setUp(self):
        queries(5)

    @pytest.mark.query_budget(1, at_least=1)
    def test_within(self):
        queries(1)

    @pytest.mark.query_budget(0)
    def test_over(self):
        queries(1)
""",
        "-rA",
    )

    result.assert_outcomes(passed=6, failed=6)
    verdicts = {
        line.split("::")[-1].split(" - ")[0]: line for line in result.outlines if line.startswith("PASSED")
    }
    assert set(verdicts) == {"test_within", "test_async_within"}
    result.stdout.no_fnmatch_line("*< 1*")


def test_a_method_that_never_runs_breaks_no_budget(suite):
    """A skip or a failure in setUp is what it is."""
    result = suite.run_tests(
        """
class TestSetUp(TestCase):
    @pytest.mark.query_budget(9, at_least=1)
    def test_skipped(self):
        pass

    test_failed = test_skipped

    def setUp(self):
        if self._testMethodName == "test_skipped":
            self.skipTest("not here")
        raise ZeroDivisionError
"""
    )

    result.assert_outcomes(skipped=1, failed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*"])


def test_expected_failures_and_subtests_of_unittest(suite):
    """A budget is a failure like any other, and no second one after a failed subtest."""
    result = suite.run_tests(
        """
class TestExpected(TestCase):
    @unittest.expectedFailure
    @pytest.mark.query_budget(0)
    def test_expected(self):
        queries(1)

    @pytest.mark.query_budget(0)
    def test_subtests(self):
        for number in range(2):
            with self.subTest(number=number):
                queries(1)
                self.assertEqual(number, 0)
"""
    )

    result.stdout.no_fnmatch_line("*queries * > 0*BudgetExceeded")
    result.stdout.fnmatch_lines(["*AssertionError: 1 != 0"])
    assert "1 xfailed" in result.stdout.str()


def test_the_debugger_keeps_a_unittest_measured(suite):
    """pytest runs methods another way under --pdb."""
    suite.tests(
        """
class TestPlain(unittest.TestCase):
    pytestmark = db

    @pytest.mark.query_budget(0)
    def test_over(self):
        queries(1)
"""
    )

    result = suite.debug("continue")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1)*"])


def test_pytests_own_subtests_are_measured_as_one_test(suite):
    """The reports of the parts do not disturb that of the whole."""
    pytest.importorskip("_pytest.subtests", reason="pytest 9 has subtests")
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(3)
def test_parts(subtests):
    for number in range(3):
        with subtests.test(number=number):
            queries(1)
            assert number != 1

@db
def test_budget_in_a_part(subtests, query_budget):
    with subtests.test("part"), query_budget(0):
        queries(1)
""",
        "--dbperf-report=term",
    )

    result.stdout.fnmatch_lines_random(["*      3  *test_it.py::test_parts", "queries 1 > 0 (+1)*"])


@pytest.mark.parametrize("loop", ["asyncio", "anyio"])
def test_coroutines_of_both_plugins_are_measured(suite, loop):
    """pytest-asyncio's and anyio's; the connection of asgiref's thread is open for both."""
    marker = "" if loop == "asyncio" else "@pytest.mark.anyio"
    if marker:
        suite.file("pytest.ini", (suite.path / "pytest.ini").read_text().replace("= auto", "= strict"))
        suite.file("conftest.py", "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n")
    result = suite.run_tests(
        f"""
{marker}
@committed
@pytest.mark.query_budget(1, at_least=1)
@pytest.mark.max_new_connections(0)
@pytest.mark.no_sync_to_async
async def test_within():
    await Author.objects.acount()

{marker}
@committed
@pytest.mark.query_budget(0)
async def test_over():
    await Author.objects.acount()
"""
    )

    result.assert_outcomes(passed=1, failed=1)


def test_threads_executors_and_live_servers_are_measured(suite):
    """What every other counter reports as zero."""
    result = suite.run_tests(
        """
import urllib.request
from concurrent.futures import ThreadPoolExecutor

def count():
    try:
        return Author.objects.count()
    finally:
        connections.close_all()

@committed
@pytest.mark.query_budget(0)
def test_thread():
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()

@committed
@pytest.mark.query_budget(0)
def test_executor():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(count).result()

@committed
@pytest.mark.query_budget(0)
async def test_run_in_executor():
    await asyncio.get_running_loop().run_in_executor(None, count)

@committed
@pytest.mark.query_budget(0)
def test_live_server(live_server):
    urllib.request.urlopen(f"{live_server.url}/books/").close()

@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.query_budget(1)
def test_all_aliases():
    queries(1)
    queries(1, using="sqlite")
"""
    )

    result.assert_outcomes(failed=5)
    assert result.stdout.str().count("BudgetExceeded") == 5

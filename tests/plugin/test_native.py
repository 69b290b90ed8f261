"""What blocks a loop fails, and what psycopg is given directly counts where a suite asks for it."""

import pytest

BLOCKING = """
from django.contrib.auth import hashers

@pytest.fixture
def encoded(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return hashers.make_password("secret")

async def test_blocks(encoded, dbperf):
    assert hashers.check_password("secret", encoded)
    assert len(dbperf.blocking_calls) == 1
"""


def test_a_suite_can_forbid_to_block(suite):
    """The ini file has the default, a marker lifts it, a fixture holds for a part."""
    suite.ini("dbperf_no_blocking_calls = true")
    result = suite.run_tests(
        BLOCKING
        + """
@pytest.mark.no_blocking_calls(allow=["*"])
async def test_is_lifted(encoded):
    assert hashers.check_password("secret", encoded)

@pytest.mark.no_blocking_calls(allow=["test_it.py"])
async def test_part(encoded, no_blocking_calls):
    with no_blocking_calls(allow=["verify_*"]):
        assert hashers.check_password("secret", encoded)
    with no_blocking_calls():
        assert hashers.check_password("secret", encoded)

def test_has_no_loop(encoded):
    assert hashers.check_password("secret", encoded)
""",
        "-rf",
    )

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED test_it.py::test_blocks - blocking calls 1 > 0 (+1)   no_blocking_calls in pytest.ini*",
            "FAILED test_it.py::test_part - blocking calls 1 > 0 (+1)   no_blocking_calls at test_it.py:*",
            "    1x  verify_password   blocked the loop for *",
            "        test_it.py:* test_blocks",
        ]
    )


def test_wrong_arguments_are_a_usage_error(suite):
    """As those of every budget."""
    result = suite.run_tests("@pytest.mark.no_blocking_calls('connect')\ndef test_it(): pass")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no_blocking_calls: too many positional arguments*"])


RAW = """
@pytest.fixture
def raw(db):
    connection.ensure_connection()
    return connection.connection

def test_counts(raw, dbperf, query_budget):
    raw.execute("SELECT 1")
    queries(1)
    with query_budget(1) as budget, dbperf.record() as part:
        raw.execute("SELECT 2")
    print("counted", len(dbperf.queries), len(budget.queries), len(part.queries))
"""


@pytest.mark.parametrize(("ini", "counted"), [("false", "1 0 0"), ("true", "3 1 1")])
def test_a_suite_can_count_what_the_driver_is_given(suite, postgres, ini, counted):
    """In every window of a test."""
    suite.ini(f"dbperf_driver_queries = {ini}")

    result = suite.run_tests(RAW, "-s")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*counted {counted}*"])


def test_verification_is_not_a_query_of_the_test(suite, postgres):
    """The plugin asks the server itself, by the driver."""
    suite.ini("dbperf_driver_queries = true", "dbperf_verify_connections = true", "dbperf_query_budget = 1")
    result = suite.run_tests(
        """
@committed
def test_counts(dbperf):
    queries(1)

class TestCase(TransactionTestCase):
    async def test_counts(self):
        await Author.objects.acount()
"""
    )

    result.assert_outcomes(passed=2)

"""The nearest marker decides, as a whole."""

import pytest

from tests.plugin.conftest import line_of


def test_the_nearest_marker_wins(suite):
    """Parameter, function, class by MRO, module; each test runs 3 queries."""
    result = suite.run_tests(
        """
pytestmark = [db, pytest.mark.query_budget(2)]

def test_module_fails():
    queries(3)

@pytest.mark.query_budget(3)
def test_function_passes():
    queries(3)

@pytest.mark.parametrize("x", [pytest.param(0, marks=pytest.mark.query_budget(3)), 1])
@pytest.mark.query_budget(2)
def test_parameter(x):
    queries(3)

@pytest.mark.query_budget(2)
class Base:
    def test_inherited(self):
        queries(3)

    @pytest.mark.query_budget(3)
    def test_method(self):
        queries(3)

class TestBase(Base):
    pass

@pytest.mark.query_budget(3)
class TestDerived(Base):
    @pytest.mark.query_budget(2)
    class TestNested:
        def test_inner(self):
            queries(3)

class TestUnmarkedDerived(TestDerived):
    pass

class TestMarkedByAttribute:
    pytestmark = pytest.mark.query_budget(3)

    def test_attribute(self):
        queries(3)
""",
        "-rA",
    )

    verdicts = sorted(
        tuple(line.split(" - ")[0].replace("test_it.py::", "").split(" ", 1))
        for line in result.outlines
        if line.startswith(("PASSED", "FAILED"))
    )
    assert verdicts == [
        ("FAILED", "TestBase::test_inherited"),
        ("FAILED", "TestDerived::TestNested::test_inner"),
        ("FAILED", "TestUnmarkedDerived::TestNested::test_inner"),
        ("FAILED", "test_module_fails"),
        ("FAILED", "test_parameter[1]"),
        ("PASSED", "TestBase::test_method"),
        ("PASSED", "TestDerived::test_inherited"),
        ("PASSED", "TestDerived::test_method"),
        ("PASSED", "TestMarkedByAttribute::test_attribute"),
        ("PASSED", "TestUnmarkedDerived::test_inherited"),
        ("PASSED", "TestUnmarkedDerived::test_method"),
        ("PASSED", "test_function_passes"),
        ("PASSED", "test_parameter[0]"),
    ]
    result.stdout.fnmatch_lines_random(
        ["*query_budget(2) on Base", "*query_budget(2) in test_it.py", "*query_budget(2) on *TestNested"]
    )


def test_none_lifts_an_outer_budget(suite):
    """The exception says why."""
    result = suite.run_tests(
        """
pytestmark = [db, pytest.mark.query_budget(0), pytest.mark.no_sync_to_async]

@pytest.mark.query_budget(None, reason="bulk import")
def test_lifted():
    queries(3)

@pytest.mark.no_sync_to_async(allow=["*"])
async def test_free_to_hop():
    await sync_to_async(len)("abc")

def test_not_lifted():
    queries(3)
"""
    )

    result.assert_outcomes(passed=2, failed=1)


def test_different_budgets_add_up(suite):
    """One does not replace the other, from whatever level they come."""
    result = suite.run_tests(
        """
pytestmark = [db, pytest.mark.max_new_connections(9)]

@pytest.mark.query_budget(0)
class TestBoth:
    @pytest.mark.no_sync_to_async
    def test_queries(self):
        queries(1)
"""
    )

    result.stdout.fnmatch_lines(["queries 1 > 0 (+1)*"])


def test_equally_near_markers_hold_together(suite):
    """Two aliases of one test may have a budget each."""
    result = suite.run_tests(
        """
@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.query_budget(2, using="default")
@pytest.mark.query_budget(0, using="other")
def test_aliases():
    queries(2)
    queries(1, using="other")
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1)   query_budget(0, using='other') at test_it.py:*"])


def test_the_suite_has_defaults(suite):
    """An ini option holds for every test without a marker of its own."""
    suite.ini("dbperf_query_budget = 1", "dbperf_max_new_connections = 0", "dbperf_no_sync_to_async = true")
    result = suite.run_tests(
        """
@db
def test_over():
    queries(2)

@db
@pytest.mark.query_budget(2)
def test_marked():
    queries(2)

@db
@pytest.mark.query_budget(None)
def test_lifted():
    queries(2)

async def test_hop():
    await sync_to_async(len)("abc")
"""
    )

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        ["queries 2 > 1 (+1)   query_budget(1) in pytest.ini", "sync_to_async hops 1 > 0*in pytest.ini"]
    )


def test_a_default_can_be_switched_off(suite):
    """`false` is no budget."""
    suite.ini("dbperf_no_sync_to_async = false")
    result = suite.run_tests(
        """
async def test_hop():
    await sync_to_async(len)("abc")
"""
    )

    result.assert_outcomes(passed=1)


def test_markers_that_are_added_by_code_hold(suite):
    """By a conftest at collection, appended or put first, and by a fixture."""
    suite.file(
        "conftest.py",
        """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.query_budget(1))
        if "first" in item.name:
            item.add_marker(pytest.mark.query_budget(0), append=False)
        if "class" in item.name:
            item.parent.add_marker(pytest.mark.max_new_connections(0))

@pytest.fixture
def strict(request):
    request.node.add_marker(pytest.mark.no_sync_to_async)
""",
    )
    result = suite.run_tests(
        """
@db
def test_appended_is_a_default():
    queries(2)

@db
@pytest.mark.query_budget(2)
def test_own_marker_is_nearer():
    queries(2)

@db
@pytest.mark.query_budget(2)
def test_first_is_nearest():
    queries(1)

async def test_from_a_fixture(strict):
    await sync_to_async(len)("abc")

class TestClass:
    @committed
    def test_class_marker(self):
        thread = threading.Thread(target=lambda: (queries(1), connections.close_all()))
        thread.start()
        thread.join()
"""
    )

    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines_random(
        [
            "*query_budget(1) added to test_appended_is_a_default",
            "*query_budget(0) added to test_first_is_nearest",
            "*no_sync_to_async added to test_from_a_fixture",
            "*max_new_connections(0) in test_it.py::TestClass",
        ]
    )


WRONG = """
@pytest.mark.query_budget
def test_bare(): pass

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.query_budget(-1))])
def test_parameter(x): pass

@pytest.mark.max_new_connections(0, alias="default")
class TestClass:
    def test_method(self): pass
"""


@pytest.mark.parametrize(
    "how", [(), ("-n", "2"), ("--collect-only",)], ids=["alone", "xdist", "collect-only"]
)
def test_wrong_arguments_are_a_usage_error_at_collection(suite, how):
    """No test runs, the exit code is 4, and the error names each wrong marker, its test and its usage."""
    result = suite.run_tests(WRONG, *how)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    usage = "Usage: query_budget(limit, [*], at_least=0, select=None, *, using=None, reason='')"
    result.stderr.fnmatch_lines(
        [
            f"ERROR: test_it.py:{line_of(suite, 'query_budget')}: query_budget: "
            f"missing a required argument: 'limit'. {usage} (test_it.py::test_bare)",
            f"ERROR: test_it.py:{line_of(suite, '-1')}: query_budget limit must be >= 0, got -1. {usage} "
            "(test_it.py::test_parameter[[]1[]])",
            f"ERROR: test_it.py:{line_of(suite, 'alias')}: max_new_connections: unexpected 'alias'. "
            "Usage: max_new_connections(limit, [*], using=None, reason='') "
            "(test_it.py::TestClass::test_method)",
        ]
    )


def test_a_wrong_marker_from_a_fixture_is_an_error_of_its_test(suite):
    """It comes too late for the collection, and is no pass either."""
    result = suite.run_tests(
        """
@pytest.fixture
def wrong(request):
    request.node.add_marker(pytest.mark.query_budget("many"))

def test_it(wrong):
    pass
"""
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "query_budget limit must be a whole number or None, got str. Usage: *",
            f"test_it.py:{line_of(suite, 'many')}: WrongArguments",
        ]
    )


def test_wrong_arguments_of_a_fixture_fail_the_test(suite):
    """The line that gave them is in the traceback's place."""
    result = suite.run_tests(
        """
def test_it(query_budget):
    with query_budget(max=3):
        pass
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "query_budget: unexpected 'max'. Usage: *",
            f"test_it.py:{line_of(suite, 'max=3')}: WrongArguments",
        ]
    )


MISSPELT = """
few = pytest.mark.query_budget(limitt=3)

@db
@pytest.mark.query_budget(
    3,
    Using="default",
)
def test_argument(): pass

@few
def test_alias(): pass

@few
def test_alias_again(): pass

@pytest.mark.no_nplus_one
class TestName:
    def test_name(self): pass

@pytest.mark.slow
@pytest.mark.query_budgets
def test_others(): pass
"""


def test_the_line_of_a_misspelt_marker_is_told_once(suite):
    """Not the line of the test. A marker that is registered is another plugin's, however alike."""
    suite.ini("markers =", "    query_budgets(limit): of another plugin", "    slow")
    ini = (suite.path / "pytest.ini").read_text()
    suite.file("pytest.ini", ini.replace("= error", "= ignore::pytest.PytestUnknownMarkWarning"))
    result = suite.run_tests(MISSPELT)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line.startswith("ERROR: ")]
    using, few, name = (line_of(suite, text) for text in ("Using=", "few = ", "nplus"))
    assert [error.partition(" Usage")[0] for error in errors] == [
        f"ERROR: test_it.py:{using}: query_budget: unexpected 'Using' (did you mean 'using'?).",
        f"ERROR: test_it.py:{few}: query_budget: unexpected 'limitt' (did you mean 'limit'?).",
        f"ERROR: test_it.py:{name}: there is no marker 'no_nplus_one' (did you mean 'no_n_plus_one'?) "
        "(test_it.py::TestName::test_name)",
    ]


def test_a_wrong_marker_that_no_file_has_is_told_with_its_test(suite):
    """Such as one that a plugin adds."""
    suite.file("shop/adds.py", "import pytest\n\nWRONG = pytest.mark.query_budget(-1)\n")
    result = suite.run_tests(
        """
from shop.adds import WRONG

@WRONG
def test_it(): pass
"""
    )

    result.stderr.fnmatch_lines(["ERROR: test_it.py::test_it: query_budget limit must be >= 0, got -1. *"])

"""A budget holds for each example of a test by Hypothesis, and a failure names the example."""

import json

from tests.plugin.conftest import failure_of, line_of

GIVEN = """
import hypothesis.extra.django
from hypothesis import HealthCheck, example, given, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, rule

few = settings(max_examples=20, deadline=None, database=None, derandomize=True)
numbers = strategies.integers(0, 9)

"""


def test_each_example_is_checked_by_itself(suite):
    """The smallest example that breaks a budget is shown, however the test is written."""
    result = suite.run_tests(
        GIVEN
        + """
@db
@pytest.mark.query_budget(9, at_least=1)
@pytest.mark.no_n_plus_one(3)
@few
@given(numbers)
def test_within(number):
    queries(1)

@db
@pytest.mark.query_budget(2)
@few
@given(numbers)
def test_over(number):
    queries(number)

@db
@pytest.mark.query_budget(2)
@few
@example(4)
@given(strategies.just(0))
def test_explicit(number):
    queries(number)

@committed
@pytest.mark.query_budget(2)
@few
@given(number=numbers)
async def test_async(number):
    for _ in range(number):
        await Author.objects.acount()

@committed
@pytest.mark.query_budget(1)
@few
@given(number=numbers)
async def test_async_within(number):
    await Author.objects.acount()

class TestMethods(hypothesis.extra.django.TestCase):
    def setUp(self):
        queries(1)

    @pytest.mark.query_budget(1)
    @pytest.mark.no_idle_in_transaction(10_000)
    @few
    @given(numbers)
    def test_within(self, number):
        Author.objects.create(name="Ada")

    @pytest.mark.query_budget(2)
    @few
    @given(numbers)
    def test_over(self, number):
        queries(number)

@db
@pytest.mark.query_budget(2)
@few
@given(numbers)
def test_fails_anyway(number):
    queries(number)
    assert number < 1
""",
        "-rA",
    )

    result.assert_outcomes(passed=3, failed=5)
    for test, argument in (
        ("test_over", "number=3"),
        ("test_explicit", "number=4"),
        ("test_async", "number=3"),
    ):
        failure = "\n".join(failure_of(result, test))
        assert failure.startswith(f"queries {argument[-1]} > 2")
        assert argument in failure
    assert "number=3" in "\n".join(failure_of(result, "TestMethods.test_over"))
    assert "queries 1 > 2" not in result.stdout.str()
    assert any("assert 1 < 1" in line for line in failure_of(result, "test_fails_anyway"))
    result.stdout.fnmatch_lines([f"test_it.py:{line_of(suite, 'Author.objects.using')}: BudgetExceeded"])


def test_each_run_of_a_state_machine_is_checked_by_itself(suite):
    """It lasts from its constructor to its teardown."""
    result = suite.run_tests(
        GIVEN
        + """
class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.names = []

    @rule(name=strategies.sampled_from("ab"))
    def ask(self, name):
        self.names.append(name)
        if name == "b":
            queries(1)

    def teardown(self):
        assert "b" not in self.names or queries(0) is None

class Failing(Machine):
    def __init__(self):
        super().__init__()

    @rule()
    def fail(self):
        queries(9)
        raise ZeroDivisionError

class Broken(RuleBasedStateMachine):
    def __init__(self):
        raise ZeroDivisionError

    @rule()
    def nothing(self):
        pass

few_steps = settings(few, stateful_step_count=5, suppress_health_check=[*HealthCheck])
for machine in (Machine, Failing, Broken):
    machine.TestCase.settings = few_steps

class TestWithin(Machine.TestCase):
    pytestmark = [db, pytest.mark.query_budget(5)]

class TestOver(Machine.TestCase):
    pytestmark = [db, pytest.mark.query_budget(2)]

class TestFailing(Failing.TestCase):
    pytestmark = [db, pytest.mark.query_budget(5)]

class TestBroken(Broken.TestCase):
    pytestmark = [db, pytest.mark.query_budget(5)]

def test_that_the_classes_are_as_before():
    assert "__init__" in vars(Machine) and "teardown" in vars(Machine)
    assert "teardown" not in vars(Failing)
""",
    )

    result.assert_outcomes(passed=2, failed=3)
    failure = "\n".join(failure_of(result, "TestOver.runTest"))
    assert failure.startswith("queries 3 > 2 (+1)")
    assert failure.count("state.ask(name='b')") == 3
    assert "state.teardown()" in failure
    assert "BudgetExceeded" not in "\n".join(failure_of(result, "TestFailing.runTest"))


REPEATED = '@pytest.mark.no_repeated_queries(3, allow=["test_*", "nothing_*"])\n'
RESULTS = (
    GIVEN
    + f"""
@db
@pytest.mark.query_budget(2)
{REPEATED}@pytest.mark.no_n_plus_one
@few
@given(numbers)
def test_results(number):
    for _ in range(number):
        Author.objects.filter(name="Ada").exists()
"""
)


def run_with_a_report(suite, *args, tests=RESULTS):
    """Run the test, and return what the terminal showed, and the results of the test in the JSON report."""
    result = suite.run_tests(tests, "--dbperf-report=json:run.json", "-W", "default::UserWarning", *args)
    return result, json.loads((suite.path / "run.json").read_text())["tests"][0]


def test_the_report_has_each_finding_once(suite):
    """The queries are those of all examples, as the server received them."""
    _, results = run_with_a_report(suite)

    assert results["queries"] > 9
    assert [one["measured"] for one in results["violations"]] == [3]


def test_the_report_has_the_worst_example_if_nothing_fails(suite):
    """Hypothesis then looks for no smallest one."""
    result, results = run_with_a_report(suite, "--dbperf=report")

    assert results["outcome"] == "passed"
    assert [one["measured"] for one in results["violations"]] == [9]
    unused = [line for line in result.outlines if "unused allowance" in line]
    assert len(unused) == 1
    assert "nothing_*" in unused[0]


def test_the_report_has_a_warning_of_many_examples_once(suite):
    """Most examples repeat the query."""
    _, results = run_with_a_report(suite, "--dbperf=report", tests=RESULTS.replace(REPEATED, ""))

    assert len(results["warnings"]) == 1


def test_an_example_that_is_run_again_costs_the_same(suite):
    """Else Hypothesis would call the test flaky: Django's own caches are as they were before the example."""
    result = suite.run_tests(
        GIVEN
        + """
from django.contrib.contenttypes.models import ContentType

@db
@pytest.mark.query_budget(0)
@few
@given(numbers)
def test_content_type(number):
    ContentType.objects.get_for_model(Author)
"""
    )

    failure = "\n".join(failure_of(result, "test_content_type"))
    assert failure.startswith("queries 1 > 0 (+1)")
    assert "number=0" in failure


def test_windows_count_in_each_example(suite):
    """One that was entered in no example is an error, as in every test."""
    result = suite.run_tests(
        GIVEN
        + """
everything = settings(few, suppress_health_check=[*HealthCheck])

@db
@everything
@given(numbers)
def test_part(query_budget, number):
    queries(3)
    with query_budget(2):
        queries(number)

@db
@pytest.mark.query_budget(9)
@everything
@given(numbers)
def test_never_entered(max_db_time, number):
    max_db_time(5)
"""
    )

    result.assert_outcomes(failed=2)
    assert "number=3" in "\n".join(failure_of(result, "test_part"))
    assert any("never entered" in line for line in failure_of(result, "test_never_entered"))


def test_no_marker_is_suggested(suite):
    """The next run has other examples, and may have more queries."""
    result = suite.run_tests(
        GIVEN
        + """
@db
@few
@given(numbers)
def test_it(number):
    queries(number)
""",
        "--dbperf-suggest",
        "--dbperf-write=test_it.py",
    )

    result.stdout.fnmatch_lines(["*test_it.py::test_it*Hypothesis runs it with other examples each time*"])
    assert "query_budget" not in (suite.path / "test_it.py").read_text()


def test_hypothesis_is_imported_by_the_tests_that_use_it_only(suite):
    """The plugin works without it."""
    result = suite.run_tests(
        """
import sys

@db
@pytest.mark.query_budget(1)
def test_plain():
    queries(1)
    assert "hypothesis" not in sys.modules
""",
    )

    result.assert_outcomes(passed=1)

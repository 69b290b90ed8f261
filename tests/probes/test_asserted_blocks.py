"""The blocks of assertNumQueries are recorded, and each error is told apart from those of other code."""

import pytest
import pytest_django.fixtures
from django.db import connection
from django.test.testcases import TransactionTestCase, _AssertNumQueriesContext
from django.test.utils import CaptureQueriesContext

from pytest_dbperf.probes.asserted_blocks import close_left_open, failed_assertion_of, install
from pytest_dbperf.probes.listening import listening
from shop.models import Author

pytestmark = pytest.mark.django_db


# It only has the assertions of Django: the name that it gets is one of its methods.
assertions = TransactionTestCase("id")


@pytest.fixture
def recorder():
    """A recorder that records blocks."""
    with listening() as recorder:
        undo = install(recorder)
        yield recorder
        undo()


def failure_in(block):
    """The error that a block ends with."""
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError)) as caught, block:
        Author.objects.count()
    return failed_assertion_of(caught.value)


def test_the_seam_is_restored(recorder):
    """Afterwards Django's own functions are in place."""
    undo = install(recorder)
    undo()

    assert vars(CaptureQueriesContext)["__enter__"].__module__ == "django.test.utils"


def test_django_and_pytest_django_count_with_the_class_that_is_wrapped():
    """Another way to count would pass by our seam."""
    assert issubclass(_AssertNumQueriesContext, CaptureQueriesContext)
    assert "__exit__" in vars(_AssertNumQueriesContext)
    assert "__enter__" not in vars(_AssertNumQueriesContext)
    code = pytest_django.fixtures._assert_num_queries.__wrapped__.__code__
    assert "CaptureQueriesContext" in code.co_varnames
    assert {"num", "exact"} <= set(code.co_varnames)
    assert pytest_django.fixtures.__name__ == "pytest_django.fixtures"


def test_a_failed_assertion_has_its_name_its_expectation_and_its_block(
    recorder, django_assert_num_queries, django_assert_max_num_queries
):
    """Of Django and of pytest-django."""
    failed = [
        failure_in(assertions.assertNumQueries(3)),
        failure_in(django_assert_num_queries(2)),
        failure_in(django_assert_max_num_queries(0)),
    ]

    assert [(each.name, each.expected) for each in failed] == [
        ("assertNumQueries", 3),
        ("django_assert_num_queries", 2),
        ("django_assert_max_num_queries", 0),
    ]
    assert [len(each.block.queries) for each in failed] == [1, 1, 1]
    assert [each.block.counted_by_assertion for each in failed] == [1, 1, 1]
    assert failed[0].block.queries[0].call_path[0][0].co_name == "failure_in"


def test_a_failed_assertion_is_found_in_a_group(recorder):
    """A task group raises the errors of its tasks together."""
    with pytest.raises(AssertionError) as caught, assertions.assertNumQueries(3):
        pass
    group = BaseExceptionGroup("errors", [ValueError(), ExceptionGroup("inner", [caught.value])])

    assert failed_assertion_of(group).expected == 3
    assert failed_assertion_of(ExceptionGroup("errors", [ValueError()])) is None


def test_a_subclass_that_compares_itself_is_an_assertion(recorder):
    """Projects write such classes, for a range of numbers."""

    class Fewer(CaptureQueriesContext):
        def __exit__(self, *raised):
            super().__exit__(*raised)
            raise AssertionError(len(self))

    failed = failure_in(Fewer(connection))

    assert (failed.name, failed.expected, len(failed.block.queries)) == ("assertNumQueries", None, 1)


def test_a_block_that_only_reads_is_not_recorded(recorder):
    """Nothing is asserted at its end, and a recording costs time."""
    with CaptureQueriesContext(connection) as captured:
        assert recorder.open_recordings == []
        Author.objects.count()

    assert len(captured) == 1


def test_an_error_of_other_code_is_no_failed_assertion(recorder, django_assert_num_queries):
    """In the block or elsewhere, also where pytest-django or an `__exit__` raises it."""

    class Fails:
        def __enter__(self):
            pass

        def __exit__(self, *raised):
            raise ValueError

    def raises():
        with django_assert_num_queries(1):
            raise ValueError("cannot be used")

    def raises_in_pytest_django():
        with django_assert_num_queries(1, connection=connection, using="default"):
            pass

    assert failure_in(Fails()) is None
    for function in (raises, raises_in_pytest_django):
        with pytest.raises(ValueError, match="cannot be used") as caught:
            function()
        assert failed_assertion_of(caught.value) is None
    assert failed_assertion_of(ValueError()) is None
    assert recorder.open_recordings == []


def test_what_runs_after_the_block_is_not_in_it(recorder, django_assert_num_queries):
    """Django goes on counting where pytest-django's assertion fails."""
    failed = failure_in(django_assert_num_queries(5))
    Author.objects.count()

    assert failed.block.counted_by_assertion == 1
    assert len(failed.block.queries) == 1


def test_a_block_that_is_never_left_can_be_ended(recorder):
    """Other recordings stay open, and leaving the block later does no harm."""
    block = assertions.assertNumQueries(0)
    with recorder.record() as other:
        block.__enter__()
        close_left_open(recorder)

        assert recorder.open_recordings == [other]
        block.__exit__(None, None, None)

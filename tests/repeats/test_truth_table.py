"""Which queries are N+1, repeated or neither: case by case, on two databases, sync and async."""

from collections import Counter

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.diagnosis.loops import in_turns
from pytest_dbperf.diagnosis.repeats import n_plus_ones, repeated
from tests.repeats import loops, no_loops
from tests.repeats.table import CASES, GROWS, REPEATS, SILENT, Shelf

DATABASES = ["default", "sqlite"]


def cases(*, committed):
    """The cases that need committed rows, or those that do not."""
    chosen = [case for case in CASES if case.is_committed is committed]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


EVERY_DATABASE = pytest.mark.parametrize("using", DATABASES)


def check(case, recording):
    """Compare what was found with the verdict of the case."""
    queries = recording.queries
    findings, again = in_turns(n_plus_ones(queries)), repeated(queries)
    by_verdict = {
        GROWS: [finding.count for finding in findings],
        REPEATS: sorted((repeat.count for repeat in again), reverse=True),
    }

    assert by_verdict.pop(case.verdict, []) == sorted(case.queries, reverse=True)
    # What repeats itself besides, such as the rows that a case counts, is no N+1.
    assert case.verdict == GROWS or by_verdict.get(GROWS, []) == []
    assert case.verdict != SILENT or again == []
    assert (NoNPlusOne().check(recording) is not None) is (case.verdict == GROWS)
    assert (NoRepeatedQueries().check(recording) is not None) is bool(again)
    assert bool(NoNPlusOne().warnings(recording)) is bool(again)


def record(recorder, case, using):
    """Make rows, and record what the case does with them."""
    shelf = Shelf(using, case.rows)
    with recorder.record() as recording:
        case.function(shelf)
    return recording


@EVERY_DATABASE
@cases(committed=False)
@pytest.mark.django_db(databases=DATABASES)
def test_the_verdict_is_right(recorder, case, using):
    """In a test without a loop."""
    check(case, record(recorder, case, using))


@EVERY_DATABASE
@cases(committed=True)
@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_the_verdict_is_right_in_other_threads(recorder, case, using):
    """In threads that have connections of their own."""
    check(case, record(recorder, case, using))


@EVERY_DATABASE
@cases(committed=False)
@pytest.mark.django_db(databases=DATABASES)
async def test_the_verdict_is_right_in_the_thread_of_a_loop(recorder, case, using):
    """In asgiref's thread, called from a coroutine."""

    def in_transaction():
        with transaction.atomic(using=using):
            recording = record(recorder, case, using)
            transaction.set_rollback(True, using=using)
        return recording

    check(case, await sync_to_async(in_transaction)())


def test_the_table_is_large_and_balanced():
    """Half of the cases must find nothing."""
    verdicts = Counter(case.verdict for case in CASES)

    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert verdicts[GROWS] >= 30
    assert verdicts[SILENT] + verdicts[REPEATS] >= verdicts[GROWS]


def test_all_cases_are_in_the_table():
    """A function without `@case` would test nothing."""
    assert {case.function.__module__ for case in CASES} == {loops.__name__, no_loops.__name__}


@pytest.mark.parametrize("using", DATABASES)
def test_two_databases_are_meant(using):
    """The one of the settings and SQLite."""
    assert using in settings.DATABASES

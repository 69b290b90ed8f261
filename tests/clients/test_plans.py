"""Statements are explained with psycopg2 as with psycopg."""

import datetime
from pathlib import Path

import pytest
from django.db import connection

from pytest_dbperf.callsites.callsite import settle
from pytest_dbperf.plans.explain import CannotExplain, explain
from shop.models import Book

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("postgres")]
HOME = Path(__file__).parents[2]


@pytest.fixture
def recording(recorder):
    """A recording that wants samples."""
    undo = settle(HOME)
    recording = recorder.record()
    recording.has_samples = True
    yield recording
    undo()


def work():
    """Ask with parameters of some kinds, and once without."""
    Book.objects.filter(title="Notes", author__in=[1, 2]).count()
    Book.objects.filter(title__startswith="N").first()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE thing (born date, tags text[])")
        cursor.execute("SELECT 1 FROM thing WHERE born = %s", [datetime.date(2026, 1, 1)])
        cursor.execute("SELECT 1 FROM thing WHERE tags = %(tags)s", {"tags": ["a", "b"]})
        cursor.execute("SELECT 1 FROM thing WHERE tags::text LIKE '%x'")


def test_filters_are_found_and_indexes_proven(recording):
    """Within the transaction of the test, which goes on."""
    with recording:
        work()

    unserved = [each for plan in explain(recording, HOME) for each in plan.unserved]

    assert [each.table for each in unserved] == ["shop_book", "thing", "thing", "thing"]
    assert unserved[0].fix.startswith(
        'class Meta: indexes = [models.Index(fields=["title"], name="book_title_li'
    )
    assert Book.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_outside_of_transactions(recording):
    """A transaction is begun and rolled back."""
    with recording:
        Book.objects.filter(title="Notes").count()

    [plan] = explain(recording, HOME)

    assert len(plan.unserved) == 1
    assert connection.connection.info.transaction_status == 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_closed_is_an_error(recording):
    """The driver says so."""
    with recording:
        Book.objects.filter(title="Notes").count()
    connection.connection.close()

    with pytest.raises(CannotExplain, match="it was closed, by the test or by the server"):
        explain(recording, HOME)
    connection.close()

"""PostgreSQL can be asked for plans with psycopg2 as with psycopg."""

import datetime
from pathlib import Path

import pytest
from django.db import connection

from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.plans.explain import plans_of
from pytest_dbperf.plans.explain_session import CannotExplain
from shop.models import Book

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("postgres")]
HOME = Path(__file__).parents[2]


@pytest.fixture
def recording(recorder):
    """A recording with samples."""
    undo = set_project_root(HOME)
    yield recorder.record(samples=True)
    undo()


def work():
    """Run queries with parameters of several types, and one without."""
    Book.objects.filter(title="Notes", author__in=[1, 2]).count()
    Book.objects.filter(title__startswith="N").first()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE thing (born date, tags text[])")
        cursor.execute("SELECT 1 FROM thing WHERE born = %s", [datetime.date(2026, 1, 1)])
        cursor.execute("SELECT 1 FROM thing WHERE tags = %(tags)s", {"tags": ["a", "b"]})
        cursor.execute("SELECT 1 FROM thing WHERE tags::text LIKE '%x'")


def test_filters_are_found_and_indexes_proven(recording):
    """It happens inside the transaction of the test, which goes on afterwards."""
    with recording:
        work()

    unserved = [each for plan in plans_of(recording, HOME) for each in plan.unserved]

    assert [each.table for each in unserved] == ["shop_book", "thing", "thing", "thing"]
    assert unserved[0].index.text.startswith('models.Index(fields=["title"], name="book_title_li')
    assert Book.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_outside_of_transactions(recording):
    """A transaction is started and rolled back."""
    with recording:
        Book.objects.filter(title="Notes").count()

    [plan] = plans_of(recording, HOME)

    assert len(plan.unserved) == 1
    assert connection.connection.info.transaction_status == 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_closed_is_an_error(recording):
    """The driver raises the error."""
    with recording:
        Book.objects.filter(title="Notes").count()
    connection.connection.close()

    with pytest.raises(CannotExplain, match="it was closed, by the test or by the server"):
        plans_of(recording, HOME)
    connection.close()

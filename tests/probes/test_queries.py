"""Every statement that passes Django's cursor is recorded, whichever thread sends it."""

import pytest
from django.db import connections, transaction
from shop.models import Author

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(params=["default", "sqlite"])
def using(request):
    """An alias: PostgreSQL (or what DATABASE_URL names), and SQLite."""
    return request.param


def test_a_query_is_recorded_with_its_alias(recorder, using):
    """A recording names the alias that a statement went to."""
    with recorder.record() as recording:
        Author.objects.using(using).count()

    assert [query.using for query in recording.queries] == [using]

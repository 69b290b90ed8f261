"""A native asynchronous backend: its queries count as the driver's, and nothing hops."""

import django
import pytest
from django.conf import settings

from pytest_dbperf.probes.seam import is_installed
from shop.models import Author
from tests.factories import functions_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("postgres"),
    pytest.mark.skipif(
        django.VERSION < (6, 1) or not is_installed("django_async_backend"),
        reason="django-async-backend 6.1 is for Django 6.1 and Python 3.12",
    ),
]


async def work():
    """By the backend's cursor, and by its ORM."""
    from django_async_backend.db import async_connections
    from django_async_backend.db.models.query import QuerySet

    async with await async_connections["default"].cursor() as cursor:
        await cursor.execute("INSERT INTO shop_author (name) VALUES (%s)", ["Ada"])
    assert (await QuerySet(Author).aget(name="Ada")).name == "Ada"
    assert [author.name async for author in QuerySet(Author).all()] == ["Ada"]


async def test_its_queries_count_and_do_not_hop(recorder, monkeypatch):
    """This is why a team would move to such a backend."""
    from django_async_backend.db import async_connections

    monkeypatch.setitem(
        settings.DATABASES["default"], "ENGINE", "django_async_backend.db.backends.postgresql"
    )
    native = async_connections["default"]
    await native.ensure_connection()
    try:
        with recorder.record() as without, recorder.record(driver_queries=True) as recording:
            await work()
    finally:
        await native.close()

    assert [query.statement.kind for query in recording.queries] == ["insert", "select", "select"]
    assert {functions_of(query)[0] for query in recording.queries} == {"work"}
    assert recording.hops == []
    assert recording.blocking_calls == []
    assert without.queries == []

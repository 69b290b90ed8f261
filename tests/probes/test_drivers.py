"""Statements that psycopg executes without Django count on request, and Django's own still count once."""

import asyncio

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from shop.models import Author
from tests.factories import functions_of

pytestmark = [
    pytest.mark.django_db(databases="__all__", transaction=True),
    pytest.mark.usefixtures("postgres"),
]

NAMES = [("Ada",), ("Bob",), ("Cyd",)]
INSERT = "INSERT INTO shop_author (name) VALUES (%s)"


def execute(connection):
    """With parameters, and with psycopg's `sql` classes."""
    connection.execute("SELECT %s", [1])
    connection.cursor().execute(sql.SQL("SELECT {}").format(2))


def executemany(connection):
    """One call, three statements."""
    connection.cursor().executemany(INSERT, NAMES)


def copy(connection):
    """In both directions."""
    with connection.cursor().copy("COPY shop_author (name) FROM STDIN") as rows:
        rows.write_row(("Ada",))
    with connection.cursor().copy("COPY shop_author (name) TO STDOUT") as rows:
        assert len(list(rows.rows())) == 1


def stream(connection):
    """Read to the end, not at all, and only begun."""
    cursor = connection.cursor()
    assert list(cursor.stream("SELECT generate_series(1, %s)", [3])) == [(1,), (2,), (3,)]
    assert list(cursor.stream("SELECT 1 WHERE false")) == []
    begun = cursor.stream("SELECT generate_series(1, 3)")
    assert next(begun) == (1,)
    begun.close()


def server_cursor(connection):
    """A cursor of the server's, which needs a transaction."""
    with connection.transaction(), connection.cursor("portal") as cursor:
        cursor.execute("SELECT generate_series(1, %s)", [3])
        assert len(cursor.fetchall()) == 3


async def async_execute(connection):
    """As above."""
    await connection.execute("SELECT %s", [1])
    await connection.cursor().execute(sql.SQL("SELECT {}").format(2))


async def async_executemany(connection):
    """As above."""
    await connection.cursor().executemany(INSERT, NAMES)


async def async_copy(connection):
    """As above."""
    async with connection.cursor().copy("COPY shop_author (name) FROM STDIN") as rows:
        await rows.write_row(("Ada",))
    async with connection.cursor().copy("COPY shop_author (name) TO STDOUT") as rows:
        assert len([row async for row in rows.rows()]) == 1


async def async_stream(connection):
    """As above."""
    cursor = connection.cursor()
    assert [row async for row in cursor.stream("SELECT generate_series(1, %s)", [3])] == [(1,), (2,), (3,)]
    assert [row async for row in cursor.stream("SELECT 1 WHERE false")] == []
    begun = cursor.stream("SELECT generate_series(1, 3)")
    assert await anext(begun) == (1,)
    await begun.aclose()


async def async_server_cursor(connection):
    """As above."""
    async with connection.transaction(), connection.cursor("portal") as cursor:
        await cursor.execute("SELECT generate_series(1, %s)", [3])
        assert len(await cursor.fetchall()) == 3


STREAMED = [
    "SELECT generate_series(1, %s)",
    "SELECT 1 WHERE false",
    "SELECT generate_series(1, 3)",
]
COPIED = ["COPY shop_author (name) FROM STDIN", "COPY shop_author (name) TO STDOUT"]
WAYS = [
    (execute, async_execute, ["SELECT %s", "SELECT 2"]),
    (executemany, async_executemany, [INSERT]),
    (copy, async_copy, COPIED),
    (stream, async_stream, STREAMED),
    (server_cursor, async_server_cursor, ["SELECT generate_series(1, %s)"]),
]


@pytest.mark.parametrize(("work", "statements"), [(work, statements) for work, _, statements in WAYS])
@pytest.mark.parametrize("call_sites", [True, False])
def test_raw_psycopg_counts(recorder, raw_conninfo, work, statements, call_sites):
    """Each statement once, with its call site, on a connection without an alias."""
    with psycopg.connect(**raw_conninfo, autocommit=True) as connection:
        with recorder.record(driver_queries=True, call_sites=call_sites) as recording:
            work(connection)

    assert [query.sql for query in recording.queries] == statements
    assert {query.using for query in recording.queries} == {None}
    assert {functions_of(query)[:1] == [work.__name__] for query in recording.queries} == {call_sites}
    assert sum(query.executions for query in recording.queries) == len(
        NAMES if work is executemany else statements
    )


@pytest.mark.parametrize(("work", "statements"), [(work, statements) for _, work, statements in WAYS])
async def test_asynchronous_psycopg_counts_and_does_not_hop(recorder, raw_conninfo, work, statements):
    """A team that moves to native async can prove it."""
    async with await psycopg.AsyncConnection.connect(**raw_conninfo, autocommit=True) as connection:
        with recorder.record(driver_queries=True) as recording:
            await work(connection)

    assert [query.sql for query in recording.queries] == statements
    assert [functions_of(query)[0] for query in recording.queries] == [work.__name__] * len(statements)
    assert recording.hops == []
    assert recording.blocking_calls == []


@pytest.mark.parametrize(("work", "async_work"), [(work, async_work) for work, async_work, _ in WAYS])
def test_statements_of_the_driver_are_not_counted_unless_asked_for(recorder, raw_conninfo, work, async_work):
    """Nor is anything else changed."""

    async def connect_and_work():
        async with await psycopg.AsyncConnection.connect(**raw_conninfo, autocommit=True) as connection:
            await async_work(connection)

    with recorder.record() as recording:
        with psycopg.connect(**raw_conninfo, autocommit=True) as connection:
            work(connection)
            connection.execute("DELETE FROM shop_author")
        asyncio.run(connect_and_work())

    assert recording.statements == []


def test_what_fails_was_sent(recorder, raw_conninfo):
    """As by Django's cursor."""
    with psycopg.connect(**raw_conninfo) as connection, recorder.record(driver_queries=True) as recording:
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT * FROM no_such_table")

    assert len(recording.queries) == 1


def test_a_block_that_fails_ends_the_copy(recorder, raw_conninfo):
    """The error of the block reaches psycopg, and then the caller."""
    with psycopg.connect(**raw_conninfo, autocommit=True) as connection:
        with recorder.record(driver_queries=True) as recording, pytest.raises(ZeroDivisionError):
            with connection.cursor().copy("COPY shop_author (name) FROM STDIN"):
                raise ZeroDivisionError
        assert connection.execute("SELECT count(*) FROM shop_author").fetchone() == (0,)

    assert len(recording.queries) == 1


def test_what_djangos_cursor_counts_is_not_counted_twice(recorder):
    """All methods of the cursor are covered."""

    def work():
        list(Author.objects.all())
        list(Author.objects.iterator(chunk_size=1))
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.executemany(INSERT, NAMES)
            cursor.callproc("lower", ["ADA"])

    with recorder.record() as recording:
        work()
    with recorder.record(driver_queries=True) as with_drivers:
        work()

    assert [query.sql for query in with_drivers.queries] == [query.sql for query in recording.queries]
    assert {query.using for query in with_drivers.queries} == {"default"}


def test_what_passes_djangos_cursor_by_has_the_alias_of_its_connection(recorder):
    """COPY, the driver's cursor, the health check."""
    connection = connections["default"]
    connection.ensure_connection()
    with recorder.record(driver_queries=True) as recording:
        with connection.cursor() as cursor, cursor.copy("COPY shop_author TO STDOUT") as rows:
            list(rows)
        connection.connection.execute("SELECT 2")
        connection.is_usable()

    assert [(query.sql, query.using) for query in recording.queries] == [
        ("COPY shop_author TO STDOUT", "default"),
        ("SELECT 2", "default"),
        ("SELECT 1", "default"),
    ]


def test_a_query_in_a_wrapper_of_djangos_is_one_of_its_own(recorder):
    """It comes before the statement that it wraps, which is still Django's."""
    connection = connections["default"]
    connection.ensure_connection()

    def explain(execute, statement, params, many, context):
        connection.connection.execute("SELECT 'raw'")
        return execute(statement, params, many, context)

    def count(execute, statement, params, many, context):
        if "shop_book" not in statement:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM shop_book")
        return execute(statement, params, many, context)

    with recorder.record(driver_queries=True) as recording:
        with connection.execute_wrapper(explain):
            Author.objects.count()
        with connection.execute_wrapper(count):
            Author.objects.count()

    assert len(recording.queries) == 4

"""The plugin counts exactly the statements and connections in PostgreSQL's own log."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction
from django.db.models import F
from django.test import AsyncClient, Client

from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from pytest_dbperf.sql.fingerprint import is_bookkeeping
from shop.models import Author, Book
from tests.probes.server_log import ServerLog

pytestmark = [
    pytest.mark.django_db(databases=["default", "other"], transaction=True),
    pytest.mark.skipif(
        "DATABASE_LOG" not in os.environ,
        reason="needs the log of a PostgreSQL that the tests have started; DATABASE_URL names another",
    ),
]

ALIASES = ("default", "other")
NAMES = [("Ada",), ("Bob",), ("Cyd",)]


@pytest.fixture
def authors(transactional_db):
    """Some rows to work on, made before anything is measured."""
    authors = [Author.objects.create(name=name) for (name,) in NAMES]
    Book.objects.bulk_create(Book(author=author, title=f"By {author.name}") for author in authors)
    return authors


def in_threads(count, function):
    """Run it in plain threads at the same time, each with its own connection."""

    def work():
        try:
            function()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def orm():
    """Ordinary calls of Django's ORM."""
    author = Author.objects.create(name="Eve")
    Book.objects.bulk_create(Book(author=author, title=title) for title in "abc")
    list(Book.objects.select_related("author"))
    list(Author.objects.prefetch_related("books"))
    Author.objects.filter(name="Ada").update(name=F("name"))
    Author.objects.get_or_create(name="Fay")
    Book.objects.filter(title="a").exists()
    author.delete()


def n_plus_one():
    """One query for the books, and one for the author of each."""
    for book in Book.objects.all():
        str(book.author.name)


def executemany():
    """One call, three statements."""
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", NAMES)


def atomic():
    """A transaction, one within it, and one that is rolled back."""
    with transaction.atomic():
        Author.objects.count()
        with transaction.atomic():
            Author.objects.create(name="Gus")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Author.objects.create(name="Hal")
        raise ZeroDivisionError


def iterator():
    """A server-side cursor, read in portions of one row."""
    assert len(list(Author.objects.iterator(chunk_size=1))) == len(NAMES)


def raw_cursor():
    """Django's cursor without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [1])
        cursor.execute("SELECT '%'")
        cursor.callproc("lower", ["ADA"])


def two_aliases():
    """Two databases on one server."""
    Author.objects.using("other").create(name="Ida")
    Author.objects.using("default").count()
    with transaction.atomic(using="other"):
        Author.objects.using("other").count()


def plain_threads():
    """Three threads, which find no connection and open their own."""
    in_threads(3, Author.objects.count)


def thread_pool():
    """One thread of a pool, used twice."""

    def close():
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(Author.objects.count).result()
        pool.submit(n_plus_one).result()
        pool.submit(close).result()


def reconnect():
    """A connection that is closed and opened again."""
    for _ in range(3):
        connection.close()
        Author.objects.count()


def request():
    """A request to a view, on the test's connection."""
    Client().get("/books/")


def request_to_async_view():
    """A sync client, an async view: the ORM runs on this thread."""
    Client().get("/count/")


def async_orm():
    """Coroutines, whose queries run on asgiref's thread."""

    async def run():
        await Author.objects.acount()
        async for _ in Book.objects.all():
            pass
        await asyncio.gather(Author.objects.acount(), Author.objects.aexists())
        await sync_to_async(n_plus_one)()

    asyncio.run(run())
    close_on_asgiref_thread()


def async_request():
    """An async client and an async view, on asgiref's thread."""

    async def run():
        await AsyncClient().get("/count/")

    asyncio.run(run())
    close_on_asgiref_thread()


def async_to_sync_orm():
    """Coroutines under a sync caller: their queries run on the caller's thread."""

    async def run():
        await Author.objects.acount()
        await sync_to_async(n_plus_one)()

    async_to_sync(run)()


def executors_of_the_loop():
    """Threads of asyncio's own, which asgiref does not know."""

    def count():
        try:
            return Author.objects.count()
        finally:
            connections.close_all()

    async def run():
        await asyncio.to_thread(count)
        await asyncio.get_running_loop().run_in_executor(None, count)

    asyncio.run(run())


@pytest.mark.parametrize(
    "work",
    [
        orm,
        n_plus_one,
        executemany,
        atomic,
        iterator,
        raw_cursor,
        two_aliases,
        plain_threads,
        thread_pool,
        reconnect,
        request,
        request_to_async_view,
        async_orm,
        async_request,
        async_to_sync_orm,
        executors_of_the_loop,
    ],
)
def test_the_server_received_what_was_counted(recorder, authors, work):
    """The numbers of statements, bookkeeping included, and of connections are equal, and the backends too."""
    for alias in ALIASES:
        connections[alias].ensure_connection()
    log = ServerLog(connections[alias].settings_dict["NAME"] for alias in ALIASES)

    with recorder.record() as recording:
        work()

    heard = log.heard()
    assert sum(query.executions for query in recording.statements) == len(heard.statements), heard
    assert {opened.backend_pid for opened in recording.new_connections} == set(heard.connections)
    assert len(recording.new_connections) == len(heard.connections)
    assert len(recording.queries) > 0


def test_the_server_received_the_same_statements(recorder, authors):
    """The texts and their order are equal, too."""
    log = ServerLog([connection.settings_dict["NAME"]])

    with recorder.record() as recording, transaction.atomic():
        Author.objects.filter(name="Ada").delete()

    def begun(statements):
        return [statement.split(" WHERE")[0] for statement in statements]

    assert begun(query.sql for query in recording.statements) == begun(log.heard().statements)


@pytest.mark.parametrize(("min_size", "max_size"), [(1, 1), (2, 2)])
def test_a_pool_opens_what_the_server_saw(recorder, authors, min_size, max_size):
    """Many checkouts, few connections."""
    database = connection.settings_dict
    options = {**database["OPTIONS"], "pool": {"min_size": min_size, "max_size": max_size, "timeout": 60}}
    pooled = type(connections["default"])({**database, "OPTIONS": options, "CONN_MAX_AGE": 0}, alias="pooled")
    log = ServerLog([database["NAME"]])

    with recorder.record() as recording:
        for _ in range(20):
            with pooled.cursor() as cursor:
                cursor.execute("SELECT 1")
            pooled.close()
        pooled.pool.wait(10)
    pooled.close_pool()

    heard = log.heard()
    assert len(recording.checkouts) == 20
    assert {opened.backend_pid for opened in recording.new_connections} == set(heard.connections)
    assert len(recording.new_connections) == len(heard.connections) == min_size
    assert len(recording.statements) == len(heard.statements) == 20


def empty_atomic():
    """psycopg sends BEGIN with the first statement, and here there is none."""
    with transaction.atomic():
        pass


def copy():
    """COPY goes through the driver's cursor only."""
    with connection.cursor() as cursor, cursor.copy("COPY shop_author TO STDOUT") as rows:
        list(rows)


def raw_psycopg():
    """The driver's connection of Django, used directly."""
    connection.ensure_connection()
    connection.connection.execute("SELECT 1")


def health_check():
    """Django asks whether a connection still works, by the driver's cursor."""
    connection.is_usable()


@pytest.mark.parametrize(
    ("work", "counted", "heard"),
    [(empty_atomic, 2, 0), (copy, 0, 1), (raw_psycopg, 0, 1), (health_check, 0, 1)],
)
def test_statements_that_bypass_django_are_a_known_gap(recorder, authors, work, counted, heard):
    """The documentation lists these gaps."""
    log = ServerLog([connection.settings_dict["NAME"]])

    with recorder.record() as recording:
        work()

    assert (len(recording.statements), len(log.heard().statements)) == (counted, heard)


def raw_transaction(conninfo):
    """psycopg's own transaction, with a server-side cursor and a COPY in it."""
    with psycopg.connect(**conninfo) as raw:
        raw.execute("SELECT %s", [1])
        raw.cursor().executemany("INSERT INTO shop_author (name) VALUES (%s)", NAMES)
        with raw.cursor("portal") as cursor:
            cursor.execute("SELECT name FROM shop_author")
            assert len(cursor.fetchall()) == 2 * len(NAMES)
        with raw.cursor().copy("COPY shop_author (name) FROM STDIN") as rows:
            rows.write_row(("Ivy",))
        assert len(list(raw.cursor().stream("SELECT name FROM shop_author"))) == 2 * len(NAMES) + 1


def native_transaction(conninfo):
    """The same on an event loop, without blocking it."""

    async def run():
        async with await psycopg.AsyncConnection.connect(**conninfo) as native:
            await native.execute("SELECT %s", [1])
            await native.cursor().executemany("INSERT INTO shop_author (name) VALUES (%s)", NAMES)
            async with native.cursor("portal") as cursor:
                await cursor.execute("SELECT name FROM shop_author")
                assert len(await cursor.fetchall()) == 2 * len(NAMES)
            async with native.cursor().copy("COPY shop_author (name) FROM STDIN") as rows:
                await rows.write_row(("Ivy",))
            found = [row async for row in native.cursor().stream("SELECT name FROM shop_author")]
            assert len(found) == 2 * len(NAMES) + 1

    asyncio.run(run())


def all_of_djangos(conninfo):
    """All statements of Django's cursor, and some that bypass it."""
    orm()
    executemany()
    iterator_in_atomic()
    raw_cursor()
    copy()
    raw_psycopg()
    health_check()


def iterator_in_atomic():
    """A server-side cursor within a transaction."""
    with transaction.atomic():
        list(Author.objects.iterator(chunk_size=1))


@pytest.mark.parametrize("work", [raw_transaction, native_transaction, all_of_djangos])
def test_with_the_drivers_queries_all_statements_count(recorder, authors, raw_conninfo, work):
    """All but the bookkeeping, which psycopg sends by itself."""
    log = ServerLog([connection.settings_dict["NAME"]])

    with recorder.record(driver_queries=True) as recording:
        work({**raw_conninfo, "options": "-c log_statement=all"})

    heard = [statement for statement in log.heard().statements if not is_bookkeeping(statement)]
    assert sum(query.executions for query in recording.queries) == len(heard), heard
    assert len(heard) >= 7
    assert recording.hops == []
    assert recording.blocking_calls == []

"""A synchronous call in the thread of a running loop is recorded once, with its call path."""

import asyncio

import django
import psycopg
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import hashers
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, connections, transaction

from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author
from tests.factories import functions_of

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def unsafe(monkeypatch):
    """Let Django's ORM run in the thread of a loop."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def encoded(settings):
    """A hashed password."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return hashers.make_password("secret")


def on_a_loop(function, *args):
    """Call it in the thread of a running loop, with connections of its own."""

    async def call():
        try:
            return function(*args)
        finally:
            connections.close_all()

    return asyncio.run(call())


def calls_of(recording):
    """The blocking calls: library, function and alias."""
    return [(call.via, call.what, call.using) for call in recording.blocking_calls]


def test_the_orm_on_a_loop_blocks(recorder, unsafe, using):
    """The connection and the query, each once, although the driver's calls are wrapped as well."""

    def load():
        return list(Author.objects.using(using).filter(name="Ada"))

    with recorder.record() as recording:
        on_a_loop(load)

    connect, query = recording.blocking_calls
    assert calls_of(recording) == [("django", "connect", using), ("django", "execute", using)]
    assert query.name.startswith("SELECT")
    assert (connect.name, query.thread) == ("connect", "MainThread")
    assert query.seconds > 0
    assert connect.seconds > 0
    assert functions_of(query)[0] == functions_of(connect)[0] == "load"
    assert len(recording.queries) == 1


def test_without_call_sites_a_blocking_call_is_recorded(recorder, unsafe, using):
    """Counting alone is cheaper."""
    with recorder.record(call_sites=False) as recording:
        on_a_loop(Author.objects.using(using).count)

    assert [call.call_path for call in recording.blocking_calls] == [(), ()]


def test_without_a_loop_nothing_blocks(recorder, using):
    """A thread may block."""

    async def count():
        await Author.objects.using(using).acount()
        await sync_to_async(Author.objects.using(using).count)()

    with recorder.record() as recording:
        Author.objects.using(using).count()
        async_to_sync(count)()
        asyncio.run(count())
    close_on_asgiref_thread()

    assert len(recording.queries) == 5
    assert recording.blocking_calls == []


def test_no_blocking_call_while_nothing_is_recorded(recorder, unsafe, encoded, using):
    """An idle probe only forwards."""
    on_a_loop(Author.objects.using(using).count)
    assert on_a_loop(hashers.check_password, "secret", encoded)

    assert recorder.log == []


def test_what_django_refuses_does_not_block(recorder, monkeypatch, using):
    """It blocked nothing."""
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)

    async def count():
        Author.objects.using(using).count()

    with recorder.record() as recording:
        with pytest.raises(SynchronousOnlyOperation):
            asyncio.run(count())
        with pytest.raises(SynchronousOnlyOperation):
            on_a_loop(lambda: type(connections[using]).connect(connections[using]))

    assert recording.blocking_calls == []


def test_a_connection_that_fails_has_blocked(recorder, unsafe, using):
    """The loop waited for the refusal."""

    def connect():
        broken = type(connections[using])(
            {**connections[using].settings_dict, "NAME": "/no/such/directory"}, alias=using
        )
        broken.ensure_connection()

    with recorder.record() as recording, pytest.raises(DatabaseError):
        on_a_loop(connect)

    assert calls_of(recording) == [("django", "connect", using)]


def test_executemany_is_one_blocking_call(recorder, unsafe, using):
    """As it is one query."""

    def insert():
        with connections[using].cursor() as cursor:
            cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", [("Ada",), ("Bob",)])

    with recorder.record() as recording:
        on_a_loop(insert)

    assert calls_of(recording)[1:] == [("django", "executemany", using)]


def test_a_stored_procedure_is_one_blocking_call(recorder, unsafe, postgres):
    """The SELECT that psycopg executes for it is not recorded again."""

    def call():
        with connections["default"].cursor() as cursor:
            cursor.callproc("lower", ["ADA"])

    with recorder.record() as recording:
        on_a_loop(call)

    assert calls_of(recording)[1:] == [("django", "callproc", "default")]
    assert recording.blocking_calls[1].name == "CALL lower"


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_the_end_of_a_transaction_blocks(recorder, unsafe, postgres, error):
    """Its beginning is not: psycopg sends BEGIN with the first statement."""

    def work():
        with transaction.atomic():
            Author.objects.count()
            if error:
                raise error

    with recorder.record() as recording:
        if error:
            with pytest.raises(error):
                on_a_loop(work)
        else:
            on_a_loop(work)

    end = "rollback" if error else "commit"
    assert calls_of(recording)[1:] == [("django", "execute", "default"), ("psycopg", end, "default")]


def test_an_empty_transaction_does_not_block(recorder, unsafe, postgres):
    """Nothing is sent for it."""

    def work():
        connections["default"].ensure_connection()
        with transaction.atomic():
            pass

    with recorder.record() as recording:
        on_a_loop(work)

    assert calls_of(recording) == [("django", "connect", "default")]


def raw_execute(connection):
    """The shortest way."""
    connection.execute("SELECT 1")


def raw_executemany(connection):
    """One call, two statements."""
    connection.cursor().executemany("INSERT INTO shop_author (name) VALUES (%s)", [("Ada",), ("Bob",)])


def raw_copy(connection):
    """COPY, which ends with the block."""
    with connection.cursor().copy("COPY shop_author (name) FROM STDIN") as rows:
        rows.write_row(("Ada",))


def raw_stream(connection):
    """Rows one after the other."""
    assert list(connection.cursor().stream("SELECT generate_series(1, 3)")) == [(1,), (2,), (3,)]


def raw_server_cursor(connection):
    """A cursor of the server's, which needs a transaction."""
    with connection.transaction(), connection.cursor("portal") as cursor:
        cursor.execute("SELECT generate_series(1, %s)", [3])
        assert len(cursor.fetchall()) == 3


RAW = {
    raw_execute: ["execute"],
    raw_executemany: ["executemany"],
    raw_copy: ["copy"],
    raw_stream: ["stream"],
    raw_server_cursor: ["execute"],
}


@pytest.mark.parametrize("work", RAW)
def test_raw_psycopg_on_a_loop_blocks(recorder, raw_conninfo, work):
    """Django does not see it, and so does not refuse it."""

    def connect_and_work():
        with psycopg.connect(**raw_conninfo, autocommit=True) as connection:
            work(connection)

    with recorder.record() as recording:
        on_a_loop(connect_and_work)

    assert calls_of(recording) == [("psycopg", what, None) for what in ["connect", *RAW[work]]]
    assert recording.blocking_calls[0].seconds is None
    assert all("connect_and_work" in functions_of(call) for call in recording.blocking_calls)
    assert recording.queries == []


@pytest.mark.parametrize("work", RAW)
def test_raw_psycopg_in_a_thread_blocks_nothing(recorder, raw_conninfo, work):
    """It blocks no event loop."""
    with recorder.record() as recording, psycopg.connect(**raw_conninfo, autocommit=True) as connection:
        work(connection)
        connection.rollback()

    assert recording.blocking_calls == []


def test_a_raw_transaction_ends_on_the_loop(recorder, raw_conninfo):
    """The statement begins it, the block ends it."""

    def work():
        with psycopg.connect(**raw_conninfo) as connection:
            connection.execute("SELECT 1")
            connection.commit()
            connection.commit()

    with recorder.record() as recording:
        on_a_loop(work)

    assert [call.what for call in recording.blocking_calls] == ["connect", "execute", "commit"]


def test_djangos_connection_has_its_alias_behind_djangos_back(recorder, unsafe, postgres):
    """The fix for it differs from that of a raw connection."""

    def work():
        connections["default"].ensure_connection()
        connections["default"].connection.execute("SELECT 1")

    with recorder.record() as recording:
        on_a_loop(work)

    assert calls_of(recording) == [("django", "connect", "default"), ("psycopg", "execute", "default")]


async def test_asynchronous_psycopg_does_not_block(recorder, raw_conninfo):
    """Other tasks run meanwhile."""
    with recorder.record() as recording:
        async with await psycopg.AsyncConnection.connect(**raw_conninfo) as connection:
            await connection.execute("SELECT 1")
            await connection.commit()

    assert recording.blocking_calls == []


async def test_verifying_a_password_on_a_loop_blocks(recorder, encoded):
    """It is slow on purpose."""

    def log_in():
        return hashers.check_password("secret", encoded)

    with recorder.record() as recording:
        assert log_in()

    assert calls_of(recording) == [("hashers", "verify_password", None)]
    assert functions_of(recording.blocking_calls[0])[0] == "log_in"


async def test_verifying_a_password_in_a_thread_blocks_nothing(recorder, encoded):
    """That blocks no event loop."""
    with recorder.record() as recording:
        assert await sync_to_async(hashers.check_password)("secret", encoded)

    assert recording.blocking_calls == []


async def test_django_5_verifies_passwords_on_the_loop(recorder, encoded):
    """`await acheck_password()` blocks there, and hops from Django 6.0."""
    with recorder.record() as recording:
        assert await hashers.acheck_password("secret", encoded)

    blocks = [("hashers", "acheck_password", None)]
    assert calls_of(recording) == (blocks if django.VERSION < (6, 0) else [])
    assert len(recording.hops) == (0 if django.VERSION < (6, 0) else 1)

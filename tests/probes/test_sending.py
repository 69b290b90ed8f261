"""What was sent counts: a statement may be refused, or sent again by an `execute_wrapper`."""

import asyncio
import os
import threading
from contextlib import suppress

import pytest
from asgiref.sync import sync_to_async
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.transaction import TransactionManagementError

from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author, Book
from tests.factories import functions_of
from tests.probes.server_log import ServerLog

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

with_server_log = pytest.mark.skipif(
    "DATABASE_LOG" not in os.environ,
    reason="needs the log of a PostgreSQL that the tests have started; DATABASE_URL names another",
)


def refuse(execute, sql, params, many, context):
    """An `execute_wrapper` as in Django's documentation."""
    raise RuntimeError("no database here")


def answer(execute, sql, params, many, context):
    """A wrapper that has the result already."""
    return


def send_three_times(execute, sql, params, many, context):
    """A wrapper that does not trust its network."""
    for _ in range(2):
        execute(sql, params, many, context)
    return execute(sql, params, many, context)


def send_by_keyword(execute, sql, params, many, context):
    """A wrapper that names the arguments that have names."""
    return execute(sql=sql, params=params)


def rewrite(execute, sql, params, many, context):
    """A wrapper that adds a comment, as sqlcommenter does."""
    return execute(f"{sql} /*route='authors'*/", params, many, context)


def explain_first(execute, sql, params, many, context):
    """A wrapper that sends a statement of its own in the same way."""
    execute(f"EXPLAIN {sql}", params, many, context)
    return execute(sql, params, many, context)


def send_in_a_thread(execute, sql, params, many, context):
    """A wrapper that could give up waiting."""
    results = []
    thread = threading.Thread(target=lambda: results.append(execute(sql, params, many, context)))
    thread.start()
    thread.join()
    return results[0]


def send_again_after_an_error():
    """Make a wrapper that sends a statement again if the server refuses it."""
    failures = iter([True, True, False])

    def wrapper(execute, sql, params, many, context):
        while True:
            broken = sql.replace("shop_author", "no_such_table") if next(failures, False) else sql
            try:
                return execute(broken, params, many, context)
            except DatabaseError:
                continue

    return wrapper


def run(connection, sql="SELECT count(*) FROM shop_author", params=None):
    """Execute a statement, and pass over an error."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql, params)
        except (RuntimeError, DatabaseError):
            return


@with_server_log
@pytest.mark.parametrize(
    ("wrappers", "sent"),
    [
        ([refuse], 0),
        ([answer], 0),
        ([send_three_times], 3),
        ([send_by_keyword], 1),
        ([rewrite], 1),
        ([explain_first], 2),
        ([send_again_after_an_error()], 3),
        ([refuse, send_three_times], 0),
        ([send_three_times, rewrite], 3),
        ([rewrite, send_three_times], 3),
        ([send_three_times, send_three_times], 9),
    ],
)
def test_what_wrappers_send_is_what_the_server_received(recorder, wrappers, sent):
    """The outermost wrapper is the last. The server's log decides."""
    connection = connections["default"]
    connection.ensure_connection()
    log = ServerLog([connection.settings_dict["NAME"]])
    connection.execute_wrappers[:] = wrappers
    try:
        with recorder.record() as recording:
            run(connection)
    finally:
        connection.execute_wrappers.clear()

    heard = log.heard().statements
    assert [query.sql for query in recording.queries] == heard
    assert len(heard) == sent
    assert len(recording.not_sent) == (sent == 0)
    assert sum(query.is_sent_again for query in recording.queries) == max(0, sent - 1)


@with_server_log
def test_a_wrapper_of_executemany_sends_each_row_again(recorder):
    """The server has a statement for each row, and the plugin one for each call."""
    connection = connections["default"]
    log = ServerLog([connection.settings_dict["NAME"]])
    with recorder.record() as recording, connection.execute_wrapper(send_three_times):
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", [("Ada",), ("Bob",)])

    assert [query.executions for query in recording.queries] == [2, 2, 2]
    assert len(log.heard().statements) == 6


@with_server_log
def test_in_another_thread_and_in_a_coroutine(recorder):
    """Each thread has its own connection, with its own wrappers."""
    log = ServerLog([connections["default"].settings_dict["NAME"]])

    def work():
        with connections["default"].execute_wrapper(send_three_times):
            Author.objects.count()

    def work_and_close():
        work()
        connections.close_all()

    with recorder.record() as recording:
        thread = threading.Thread(target=work_and_close)
        thread.start()
        thread.join()
        asyncio.run(sync_to_async(work)())
    close_on_asgiref_thread()

    assert len(recording.queries) == len(log.heard().statements) == 6


@with_server_log
@pytest.mark.parametrize(
    ("sql", "params", "sent"),
    [
        ("SELECT * FROM no_such_table", None, 1),
        ("SELECT 1 / 0", None, 1),
        ("SELECT %s", [], 0),
        ("SELECT %s, %s", [1], 0),
        ("SELECT %s", [object()], 0),
        ("SELECT %s", ["\0"], 0),
    ],
)
def test_what_the_driver_refuses_was_not_sent(recorder, sql, params, sent):
    """An error of the server comes after the statement, an error of psycopg may come before."""
    connection = connections["default"]
    connection.ensure_connection()
    log = ServerLog([connection.settings_dict["NAME"]])

    with recorder.record(driver_queries=True) as recording:
        with connection.cursor() as cursor, pytest.raises(Exception, match=r"."):
            cursor.execute(sql, params)
        with pytest.raises(Exception, match=r"."):
            connection.connection.execute(sql, params)

    assert len(recording.queries) == len(log.heard().statements) == 2 * sent


def test_a_prepared_statement_that_fails_was_sent(recorder, postgres):
    """psycopg prepares a statement after it has run a few times."""
    connection = connections["default"]
    connection.ensure_connection()
    threshold, connection.connection.prepare_threshold = connection.connection.prepare_threshold, 0
    try:
        with recorder.record(driver_queries=True) as recording, pytest.raises(Exception, match="zero"):
            connection.connection.execute("SELECT 1 / %s", [0])
    finally:
        connection.connection.prepare_threshold = threshold

    assert len(recording.queries) == 1


@pytest.mark.parametrize(
    ("sql", "params", "sent"), [("SELECT * FROM no_such_table", (), 1), ("SELECT %s", (1, 2), 0)]
)
def test_what_sqlite_executes_counts_as_sent(recorder, sql, params, sent):
    """Python's module refuses wrong arguments before."""
    with recorder.record() as recording, connections["sqlite"].cursor() as cursor:
        with pytest.raises(DatabaseError):
            cursor.execute(sql, params)

    assert (len(recording.queries), len(recording.not_sent)) == (sent, 1 - sent)


def test_an_error_of_a_driver_that_is_not_known_counts(recorder, using, monkeypatch):
    """In doubt a statement was sent."""
    connection = connections[using]
    with recorder.record() as recording, connection.cursor() as cursor:
        with monkeypatch.context() as patched, pytest.raises(AttributeError):
            patched.setattr(cursor, "cursor", object())
            cursor.execute("SELECT 1")

    assert len(recording.queries) == 1


def test_a_cursor_that_is_closed_sends_nothing(recorder, postgres):
    """psycopg refuses to use it."""
    with recorder.record() as recording:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        with pytest.raises(InterfaceError):
            cursor.execute("SELECT 2")

    assert [query.sql for query in recording.queries] == ["SELECT 1"]


def test_executemany_without_rows_sends_nothing(recorder, using):
    """There is nothing to execute."""
    with recorder.record() as recording, connections[using].cursor() as cursor:
        cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", [])

    assert (len(recording.queries), len(recording.not_sent)) == (0, 1)


@with_server_log
def test_a_broken_transaction_sends_nothing(recorder):
    """Django refuses further statements, and `callproc` too, until the block ends."""
    connection = connections["default"]
    author = Author.objects.create(name="Ada")
    log = ServerLog([connection.settings_dict["NAME"]])

    with recorder.record() as recording, pytest.raises(TransactionManagementError), transaction.atomic():
        with pytest.raises(IntegrityError):
            Author.objects.create(pk=author.pk, name="Bob")
        with pytest.raises(TransactionManagementError):
            Author.objects.count()
        with connection.cursor() as cursor, pytest.raises(TransactionManagementError):
            cursor.callproc("lower", ["ADA"])
        Author.objects.exists()

    assert len(recording.statements) == len(log.heard().statements) == 3  # BEGIN, INSERT, ROLLBACK
    assert len(recording.not_sent) == 3


def test_a_statement_that_is_not_sent_blocks_no_loop(recorder, using, monkeypatch):
    """So it is no blocking call, and the next one is."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

    async def work():
        connection = connections[using]
        connection.ensure_connection()
        with connection.execute_wrapper(refuse):
            run(connection, "SELECT 1")
        run(connection, "SELECT 2")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", [])
            connection.needs_rollback = True
            with pytest.raises(TransactionManagementError):
                cursor.callproc("lower", ["ADA"])
            connection.needs_rollback = False
        connection.close()

    with recorder.record() as recording:
        asyncio.run(work())

    assert [call.sql for call in recording.blocking_calls if call.sql] == ["SELECT 2"]


def test_a_raw_statement_that_is_not_sent_blocks_no_loop(recorder, postgres, raw_conninfo):
    """That holds for psycopg without Django."""
    import psycopg

    async def work():
        with psycopg.connect(**raw_conninfo) as raw:
            with pytest.raises(psycopg.ProgrammingError):
                raw.execute("SELECT %s", [])

    with recorder.record() as recording:
        asyncio.run(work())

    assert "execute" not in [call.what for call in recording.blocking_calls]


@pytest.mark.parametrize("wrapper", [send_three_times, rewrite, send_in_a_thread])
def test_a_statement_belongs_to_the_line_that_executed_it(recorder, wrapper):
    """Not to the wrapper's line."""
    connection = connections["sqlite"]

    def load():
        list(Author.objects.using("sqlite"))

    connection.inc_thread_sharing()
    try:
        with recorder.record() as recording, connection.execute_wrapper(wrapper):
            load()
    finally:
        connection.dec_thread_sharing()

    assert {functions_of(query)[0] for query in recording.queries} == {"load"}


def test_a_relation_is_known_through_a_wrapper_that_makes_queries_of_its_own(recorder, using):
    """Its queries before and after do not fetch the rows."""
    author = Author.objects.using(using).create(name="Ada")
    Book.objects.using(using).create(author=author, title="Notes")

    def audit(execute, sql, params, many, context):
        if "shop_book" not in sql:
            return execute(sql, params, many, context)
        list(Author.objects.using(using).filter(name="before"))
        result = execute(sql, params, many, context)
        list(Author.objects.using(using).filter(name="after"))
        return result

    with recorder.record() as recording, connections[using].execute_wrapper(audit):
        (book,) = Book.objects.using(using).all()
        str(book.author.name)

    assert [query.load and query.load.name for query in recording.queries] == [None, None, None, "author"]
    (of_book, of_author) = (recording.queries[1], recording.queries[3])
    assert "shop_book" in of_book.sql
    assert of_author.load.batch.evaluated == of_book.call_path


def test_rows_that_a_wrapper_answers_belong_to_no_query(recorder, using):
    """Not to the query before."""
    Author.objects.using(using).create(name="Ada")

    def answer_with_a_row(execute, sql, params, many, context):
        context["cursor"].cursor.execute("SELECT 7, 'Bob', NULL")

    with recorder.record() as recording:
        (ada,) = Author.objects.using(using).only("name")
        with connections[using].execute_wrapper(answer_with_a_row):
            authors = list(Author.objects.using(using).only("name")[:1])

    assert len(recording.queries) == 1
    assert ada.name == "Ada"
    assert [author.name for author in authors] == ["Bob"]


def test_what_the_driver_refuses_below_a_wrapper_was_not_sent(recorder, using):
    """It is one call of `execute()`, although the wrapper tries three times."""

    def insist(execute, sql, params, many, context):
        for _ in range(3):
            with suppress(DatabaseError):
                execute(sql, params, many, context)

    with recorder.record() as recording, connections[using].execute_wrapper(insist):
        run(connections[using], "SELECT %s, %s", [1])

    assert (len(recording.queries), len(recording.not_sent)) == (0, 1)


def test_a_wrapper_may_end_the_recording(recorder, using):
    """Then nothing is recorded of the statement, and it is sent all the same."""
    recording = recorder.record()

    def end(execute, sql, params, many, context):
        recording.__exit__()
        return execute(sql, params, many, context)

    recording.__enter__()
    with connections[using].execute_wrapper(end):
        assert Author.objects.using(using).count() == 0

    assert (recording.statements, recording.not_sent, recorder.log) == ([], [], [])


def test_without_a_recording_a_wrapper_is_called_as_django_calls_it(recorder, using):
    """The probe only forwards."""
    calls = []

    def wrapper(execute, sql, params, many, context):
        calls.append(sorted(context))
        return execute(sql, params, many, context)

    with connections[using].execute_wrapper(wrapper):
        Author.objects.using(using).count()

    assert calls == [["connection", "cursor"]]
    assert recorder.log == []


def test_the_error_of_a_statement_passes_a_wrapper_unchanged(recorder, using):
    """A wrapper may decide by its type whether to send a statement again."""
    seen = []

    def wrapper(execute, sql, params, many, context):
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            seen.append(error)
            raise

    with recorder.record() as recording, connections[using].execute_wrapper(wrapper):
        with (
            pytest.raises((OperationalError, DatabaseError)) as raised,
            connections[using].cursor() as cursor,
        ):
            cursor.execute("SELECT * FROM no_such_table")

    assert seen == [raised.value]
    assert len(recording.queries) == 1

"""Every statement of Django's cursor is recorded, in any thread."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import SafeString

from pytest_dbperf.callsites.shown import describe
from pytest_dbperf.recording.compaction import MOST_UNCOMPACTED
from pytest_dbperf.recording.groups import groups_of_queries
from pytest_dbperf.recording.loads import LoadedVia
from shop.models import Author, Book
from tests.factories import functions_of

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_a_query_is_recorded_with_alias_thread_and_time(recorder, using):
    """What ran, where, in which thread, for how long."""
    with recorder.record() as recording:
        Author.objects.using(using).count()

    (query,) = recording.queries
    assert (query.using, query.thread, query.executions) == (using, "MainThread", 1)
    assert query.seconds > 0
    assert query.statement.tables == ("shop_author",)


def test_no_query_without_a_recording(recorder, using):
    """An idle probe only forwards."""
    Author.objects.using(using).create(name="Ada")
    with transaction.atomic(using=using):
        pass

    assert recorder.log == []


def test_a_query_is_blamed_on_your_code(recorder, using, pytestconfig):
    """The innermost call site is the line that ran the query."""

    def load():
        return list(Author.objects.using(using).all())

    with recorder.record() as recording:
        load()

    (query,) = recording.queries
    sites = [line.split(":")[0] for line in describe(query.call_path, pytestconfig.rootpath)]
    assert sites == ["tests/probes/test_queries.py"] * 2
    assert functions_of(query)[0] == "load"


def test_without_call_sites_nothing_is_blamed(recorder, using):
    """Counting alone is cheaper."""
    with recorder.record(call_sites=False) as recording:
        Author.objects.using(using).count()

    (query,) = recording.queries
    assert query.call_path == ()
    assert query.parameters is None


def test_executemany_is_one_query_of_several_executions(recorder, using):
    """As Django's own assertNumQueries counts it."""
    with recorder.record() as recording, connections[using].cursor() as cursor:
        names = [("Ada",), ("Bob",), ("Cyd",)]
        cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", names)
        cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", iter(names))

    assert [query.executions for query in recording.queries] == [3, 1]
    assert Author.objects.using(using).count() == 6


def test_a_statement_that_fails_counts(recorder, using):
    """The server received it."""
    with recorder.record() as recording, pytest.raises(DatabaseError), connections[using].cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")

    assert len(recording.queries) == 1


def test_transaction_control_is_bookkeeping(recorder, using):
    """BEGIN and COMMIT are recorded on every backend, and do not count."""
    with recorder.record() as recording, transaction.atomic(using=using):
        Author.objects.using(using).create(name="Ada")

    assert len(recording.queries) == 1
    assert [query.sql for query in recording.bookkeeping] == ["BEGIN", "COMMIT"]


def test_a_rollback_is_bookkeeping(recorder, using):
    """So is what undoes a transaction."""
    with recorder.record() as recording, pytest.raises(ZeroDivisionError), transaction.atomic(using=using):
        raise ZeroDivisionError

    assert [query.sql for query in recording.bookkeeping] == ["BEGIN", "ROLLBACK"]


def test_savepoints_are_bookkeeping(recorder, using):
    """A nested transaction is a savepoint."""
    with recorder.record() as recording, transaction.atomic(using=using), transaction.atomic(using=using):
        Author.objects.using(using).create(name="Ada")

    assert len(recording.queries) == 1
    assert [query.statement.fingerprint for query in recording.bookkeeping] == [
        "BEGIN",
        "SAVEPOINT",
        "RELEASE SAVEPOINT",
        "COMMIT",
    ]


def test_no_transaction_control_without_a_recording(recorder, using):
    """A recording that begins inside has the end of the transaction only."""
    recording = recorder.record()
    with transaction.atomic(using=using):
        recording.__enter__()
    recording.__exit__()

    assert [query.sql for query in recording.bookkeeping] == ["COMMIT"]


def test_a_stored_procedure_counts(recorder, postgres):
    """Django's own query log does not have it."""
    with recorder.record() as recording, connections["default"].cursor() as cursor:
        cursor.callproc("lower", ["ADA"])
        assert cursor.fetchone() == ("ada",)

    assert [query.sql for query in recording.queries] == ["CALL lower"]


def test_an_idle_probe_forwards_a_stored_procedure(recorder, postgres):
    """While nothing is recorded, the wrapped function works as before."""
    with connections["default"].cursor() as cursor:
        cursor.callproc("lower", ["ADA"])
        assert cursor.fetchone() == ("ada",)


def test_composed_sql_is_recorded_as_text(recorder, postgres):
    """psycopg's SQL objects are written out, values and all."""
    from psycopg import sql

    with recorder.record() as recording, connections["default"].cursor() as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("shop_author")))
        cursor.execute(SafeString("SELECT 1"))
        cursor.execute(b"SELECT 2")

    texts = [query.sql for query in recording.queries]
    assert texts == ['SELECT * FROM "shop_author"', "SELECT 1", "SELECT 2"]
    assert {type(text) for text in texts} == {str}


def test_the_numbers_are_those_of_djangos_own_log(recorder, using):
    """On one connection and one thread there is something to compare with."""
    connection = connections[using]
    with CaptureQueriesContext(connection) as captured, recorder.record() as recording:
        author = Author.objects.using(using).create(name="Ada")
        Book.objects.using(using).bulk_create(Book(author=author, title=title) for title in "abc")
        Author.objects.using(using).get_or_create(name="Bob")
        with transaction.atomic(using=using):
            Author.objects.using(using).filter(name="Ada").update(name="Eve")
        list(Book.objects.using(using).select_related("author").iterator())
        author.delete()

    assert len(recording.statements) == len(captured)
    assert len(recording.queries) >= 7


@pytest.mark.parametrize("size, expected", [(1, LoadedVia.BATCH_OF_ONE), (2, None), (None, None)])
def test_a_bulk_method_that_was_asked_for_batches_of_one_is_known(recorder, using, size, expected):
    """A batch of one object that is simply the last one, or the only one, was not asked for."""
    author = Author.objects.using(using).create(name="Ada")
    books = [Book(author=author, title=title) for title in "abc"]
    with recorder.record() as recording:
        Book.objects.using(using).bulk_create(books, batch_size=size)
        Book.objects.using(using).bulk_update(Book.objects.using(using), ["title"], batch_size=size)
        Book.objects.using(using).bulk_create([Book(author=author, title="d")], batch_size=size and 1)

    writes = [each for each in recording.queries if each.statement.kind in ("insert", "update")]
    vias = [None if each.load is None else each.load.via for each in writes]
    assert vias == [expected] * (len(writes) - 1) + [None]
    assert {each.load.name for each in writes if each.load} == (
        {"bulk_create", "bulk_update"} if expected else set()
    )


def in_a_thread(function):
    """Run it in a plain thread, with its own connection."""
    thread = threading.Thread(target=function, name="worker")
    thread.start()
    thread.join()


def in_an_executor(function):
    """Run it in a thread of a pool."""
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        pool.submit(function).result()


def by_sync_to_async(function):
    """Await it from a loop, through asgiref's thread."""
    asyncio.run(sync_to_async(function)())


def by_to_thread(function):
    """Await it from a loop, through a thread of the loop's."""
    asyncio.run(asyncio.to_thread(function))


def by_run_in_executor(function):
    """Await it from a loop, in a thread that inherits no context."""

    async def run():
        await asyncio.get_running_loop().run_in_executor(None, function)

    asyncio.run(run())


def in_a_gathered_task(function):
    """Await it in a task that `gather()` creates."""

    async def run():
        await asyncio.gather(sync_to_async(function)())

    asyncio.run(run())


@pytest.mark.parametrize(
    "run",
    [in_a_thread, in_an_executor, by_sync_to_async, by_to_thread, by_run_in_executor, in_a_gathered_task],
)
def test_a_query_in_another_thread_counts_and_is_blamed(recorder, using, run):
    """It counts in any thread, and its call path leads to your code."""

    def count_authors():
        try:
            return Author.objects.using(using).count()
        finally:
            connections.close_all()

    with recorder.record() as recording:
        run(count_authors)

    (query,) = recording.queries
    assert query.thread != "MainThread"
    assert functions_of(query)[0] == "count_authors"


@pytest.mark.parametrize("run", [in_an_executor, by_sync_to_async, by_to_thread, by_run_in_executor])
def test_a_query_without_a_frame_of_yours_is_blamed_on_the_submitting_line(recorder, using, run):
    """The worker's stack has no line of yours, so the line that submitted the work is used."""
    library = {}
    source = "def work(queries, close):\n    try:\n        queries.count()\n    finally:\n        close()"
    exec(compile(source, "/venv/lib/python3.13/site-packages/library.py", "exec"), library)
    with recorder.record() as recording:
        run(partial(library["work"], Author.objects.using(using), connections.close_all))

    (query,) = recording.queries
    assert query.thread != "MainThread"
    assert run.__name__ in functions_of(query)


async def test_an_async_query_is_blamed_on_the_line_that_awaits(recorder):
    """asgiref's thread has no frame of yours at all."""
    with recorder.record() as recording:
        await Author.objects.acount()
        await asyncio.gather(Author.objects.acount(), Author.objects.aexists())

    names = [functions_of(query)[0] for query in recording.queries]
    assert names == ["test_an_async_query_is_blamed_on_the_line_that_awaits"] * 3


def test_a_statement_that_cannot_be_written_raises_what_django_raises(recorder, postgres):
    """The probe needs its text as well, but leaves the error to the driver."""
    from psycopg import sql

    statement = sql.SQL("SELECT {}").format(sql.Literal(object()))

    with recorder.record() as recording, connections["default"].cursor() as cursor:
        with pytest.raises(DatabaseError):
            cursor.execute(statement)

    # It was not sent.
    assert recording.statements == []
    assert [statement.sql for statement in recording.not_sent] == ["<Composed>"]


def a_template(*parts):
    """What t"..." makes since Python 3.14, also where Python has no such strings."""
    from psycopg._compat import Interpolation, Template

    interpolated = [
        part if isinstance(part, str) else Interpolation(*part, "value", None, "") for part in parts
    ]
    if hasattr(Template, "values"):
        return Template(*interpolated)

    class Standin(Template):
        def __iter__(self):
            return iter(interpolated)

    return object.__new__(Standin)  # Template.__new__() of psycopg calls itself.


def test_a_template_string_has_the_text_that_psycopg_sends(recorder, postgres):
    """Its values are values: it is one statement for all of them."""
    from psycopg import sql

    if not hasattr(sql, "as_string"):
        pytest.skip("psycopg reads template strings since 3.3")
    with recorder.record() as recording, connections["default"].cursor() as cursor:
        for title in ("it's", "so"):
            cursor.execute(a_template("SELECT id FROM shop_book WHERE title = ", (title,)))

    assert [query.sql for query in recording.queries] == [
        "SELECT id FROM shop_book WHERE title = 'it''s'",
        "SELECT id FROM shop_book WHERE title = 'so'",
    ]
    (group,) = groups_of_queries(recording.queries)
    assert (group.statement.fingerprint, group.distinct) == ("SELECT id FROM shop_book WHERE title = %s", 2)


def test_a_composed_statement_has_the_text_that_psycopg_sends(recorder, postgres):
    """It is not the text that Python prints for it."""
    from psycopg import sql

    statement = sql.SQL("SELECT {} FROM shop_book WHERE id = {}").format(sql.Identifier("id"), sql.Literal(7))
    with recorder.record() as recording, connections["default"].cursor() as cursor:
        cursor.execute(statement)

    assert [query.statement.fingerprint for query in recording.queries] == [
        "SELECT id FROM shop_book WHERE id = %s"
    ]


def test_what_is_no_statement_is_named_by_its_class(recorder, using):
    """The driver refuses it."""
    with recorder.record() as recording, connections[using].cursor() as cursor:
        with pytest.raises(Exception, match=r"object"):
            cursor.execute(object())

    assert [query.sql for query in recording.statements] == ["<object>"]


@pytest.mark.parametrize("call_sites", [True, False])
def test_a_long_test_is_compacted_while_it_runs(recorder, using, call_sites):
    """Queries in a loop share an object, and keep their own values."""
    most = MOST_UNCOMPACTED + 10
    with recorder.record(call_sites=call_sites) as recording, connections[using].cursor() as cursor:
        for number in range(most):
            cursor.execute("SELECT %s", [number])

    queries = recording.queries
    assert len(queries) == most
    assert len({id(query) for query in queries}) < 20
    assert groups_of_queries(queries)[0].distinct == (most if call_sites else None)
    started = [query.started for query in recording.each_statement()]
    assert started == sorted(started)
    assert len(set(started)) == most


def test_transaction_control_is_compacted_too(recorder, using):
    """It uses another seam."""
    with recorder.record() as recording:
        for _ in range(MOST_UNCOMPACTED // 2 + 1):
            with transaction.atomic(using=using):
                pass

    assert len(recording.bookkeeping) >= MOST_UNCOMPACTED + 2
    assert len({id(query) for query in recording.bookkeeping}) < 10

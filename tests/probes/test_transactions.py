"""A transaction has gaps where PostgreSQL says `idle in transaction`, and on SQLite the same ones."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import TestCase

from pytest_dbperf.recording.transactions import transactions_of
from shop.models import Author, Book

committed = pytest.mark.django_db(databases="__all__", transaction=True)

IDLE_IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


@pytest.fixture
def look(raw_conninfo):
    """Look at the test's connection from another one, and note when and what state it is in."""
    looks = []
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**raw_conninfo, autocommit=True) as observer:

        def look():
            [state] = observer.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
            looks.append((perf_counter(), state))

        look.looks = looks
        yield look


def plain(look):
    """Before its first statement, the transaction has not begun for PostgreSQL."""
    look()
    with transaction.atomic():
        look()
        Author.objects.count()
        look()
        Author.objects.create(name="Ada")
        look()
    look()
    Author.objects.count()
    look()


def empty(look):
    """Nothing ran."""
    with transaction.atomic():
        look()
    look()


def nested(look):
    """A savepoint is a first statement like any other."""
    with transaction.atomic():
        look()
        with transaction.atomic():
            look()
            Author.objects.count()
            look()
        look()
        with transaction.atomic(savepoint=False):
            look()
    look()


def durable_block(look):
    """It is the outermost one."""
    with transaction.atomic(durable=True):
        Author.objects.count()
        look()


def locking(look):
    """What is locked stays so."""
    author = Author.objects.create(name="Ada")
    look()
    with transaction.atomic():
        Author.objects.select_for_update().get(id=author.id)
        look()
        author.save()
        look()


def rolled_back(look):
    """By an error of your own."""
    with suppress(ZeroDivisionError), transaction.atomic():
        Author.objects.count()
        look()
        with suppress(LookupError), transaction.atomic():
            Author.objects.create(name="Ada")
            look()
            raise LookupError
        look()
        raise ZeroDivisionError
    look()


def failed(look):
    """By an error of the server's."""
    with suppress(DatabaseError), transaction.atomic():
        try:
            connection.cursor().execute("SELECT no_such_column")
        finally:
            look()
    look()


def on_commit(look):
    """The transaction has ended."""
    with transaction.atomic():
        transaction.on_commit(lambda: (look(), Author.objects.count(), look()))
        Author.objects.count()
        look()


def of_the_orm(look):
    """The ORM has transactions of its own."""
    author, _ = Author.objects.get_or_create(name="Ada", defaults={"name": "Ada"})
    look()
    Author.objects.update_or_create(name="Bob")
    Book.objects.bulk_create([Book(author=author, title="A")])
    author.delete()
    look()


def by_hand(look):
    """Without atomic()."""
    transaction.set_autocommit(autocommit=False)
    look()
    Author.objects.count()
    look()
    transaction.commit()
    transaction.set_autocommit(autocommit=True)
    look()


def closed(look):
    """Closing the connection ends the transaction."""
    with suppress(DatabaseError), transaction.atomic():
        Author.objects.count()
        look()
        connection.close()


@committed
@pytest.mark.parametrize(
    "block",
    [
        plain,
        empty,
        nested,
        durable_block,
        locking,
        rolled_back,
        failed,
        on_commit,
        of_the_orm,
        by_hand,
        closed,
    ],
)
def test_a_gap_is_where_the_server_is_idle_in_transaction(recorder, look, block):
    """Wherever the block looks at the server's state, it agrees."""
    with recorder.record() as recording:
        block(look)

    gaps = [
        (gap.before.started + gap.before.seconds, gap.seconds)
        for found in transactions_of(recording.events, recording.periods)
        for gap in found.gaps
    ]
    told = [
        (state, any(start <= at <= start + seconds for start, seconds in gaps)) for at, state in look.looks
    ]
    assert told
    assert told == [(state, state in IDLE_IN_TRANSACTION) for state, _ in told]


def work(using):
    """A block with another in it, and what is outside of both."""
    Author.objects.using(using).count()
    with transaction.atomic(using=using):
        Author.objects.using(using).count()
        with transaction.atomic(using=using):
            Author.objects.using(using).create(name="Ada")
    Author.objects.using(using).count()
    with suppress(ZeroDivisionError), transaction.atomic(using=using):
        Author.objects.using(using).count()
        raise ZeroDivisionError


def shape_of(recording):
    """What ran in each transaction, and between which commands it had gaps."""
    return [
        (
            [command(query) for query in found.statements],
            [(command(gap.before), command(gap.after)) for gap in found.gaps],
        )
        for found in transactions_of(recording.events, recording.periods)
    ]


def command(query):
    """Its first word. COMMIT and RELEASE count as one, and so do the two that roll back."""
    words = query.sql.split()
    return " ".join(words[:2]) if words[0] == "ROLLBACK" else words[0]


@committed
def test_blocks_are_transactions(recorder, using):
    """On SQLite, where BEGIN is a statement, as elsewhere."""
    with recorder.record() as recording:
        work(using)

    assert shape_of(recording) == [
        (
            ["SELECT", "SAVEPOINT", "INSERT", "RELEASE", "COMMIT"],
            [("SELECT", "SAVEPOINT"), ("SAVEPOINT", "INSERT"), ("INSERT", "RELEASE"), ("RELEASE", "COMMIT")],
        ),
        (["SELECT", "ROLLBACK"], [("SELECT", "ROLLBACK")]),
    ]


class TestInATransaction(TestCase):
    """What the outermost block is here is a savepoint."""

    databases = "__all__"

    def test_blocks_are_the_same_transactions(self):
        """All but the last statement of each."""
        from pytest_dbperf.probes.listening import RECORDER

        for using in ("default", "sqlite"):
            with RECORDER.record() as recording:
                work(using)

            assert shape_of(recording) == [
                (
                    ["SELECT", "SAVEPOINT", "INSERT", "RELEASE", "RELEASE"],
                    [
                        ("SELECT", "SAVEPOINT"),
                        ("SAVEPOINT", "INSERT"),
                        ("INSERT", "RELEASE"),
                        ("RELEASE", "RELEASE"),
                    ],
                ),
                (["SELECT", "ROLLBACK TO"], [("SELECT", "ROLLBACK TO")]),
            ]


@committed
def test_sqlite_locks_at_once_where_it_is_told_to(recorder, monkeypatch):
    """With `transaction_mode`, the block begins with BEGIN."""
    connections["sqlite"].ensure_connection()
    monkeypatch.setattr(connections["sqlite"], "transaction_mode", "IMMEDIATE")

    with recorder.record() as recording, transaction.atomic(using="sqlite"):
        pass

    assert shape_of(recording) == [(["BEGIN", "COMMIT"], [("BEGIN", "COMMIT")])]


@committed
@pytest.mark.parametrize(("driver_queries", "copied"), [(True, ["COPY", "COMMIT"]), (False, ["COMMIT"])])
def test_copy_is_a_statement_where_those_of_the_driver_are_counted(
    recorder, postgres, driver_queries, copied
):
    """The driver runs it; without the driver's statements the transaction would look idle."""
    with (
        recorder.record(driver_queries=driver_queries) as recording,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1")
        with cursor.copy("COPY shop_author (name) FROM STDIN") as copy:
            copy.write_row(["Ada"])

    [(statements, _)] = shape_of(recording)
    assert statements == ["SELECT", *copied]


@committed
def test_threads_of_one_name_are_idle_each_in_its_own_transaction(recorder, using):
    """The one that waits is idle, although the other executes statements."""
    first, go_on = threading.Event(), threading.Event()

    def wait():
        with transaction.atomic(using=using):
            Author.objects.using(using).exists()
            first.set()
            go_on.wait(30)
            Author.objects.using(using).count()
        connections.close_all()

    def work():
        with transaction.atomic(using=using):
            Book.objects.using(using).exists()
        connections.close_all()

    with ThreadPoolExecutor(1, "db") as one, ThreadPoolExecutor(1, "db") as other:
        with recorder.record() as recording:
            waiting = one.submit(wait)
            first.wait(30)
            other.submit(work).result()
            go_on.set()
            waiting.result()

    assert {query.thread for query in recording.statements} == {"db_0"}
    assert len({opened.thread_number for opened in recording.new_connections}) == 2
    found = transactions_of(recording.events, recording.periods)
    assert sorted(len(transaction.statements) for transaction in found) == [2, 3]

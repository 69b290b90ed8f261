"""Each statement is explained by the real server, run by none, and leaves nothing behind."""

import asyncio
import datetime
import decimal
import os
import uuid
from pathlib import Path

import psycopg
import pytest
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Exists, FilteredRelation, OuterRef, Q
from psycopg.types.json import Jsonb

from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.plans import explain_session, proving
from pytest_dbperf.plans.explain import plans_of
from pytest_dbperf.plans.explain_session import CannotExplain, root_of
from shop.models import Author, Book
from tests.probes.server_log import ServerLog

pytestmark = [
    pytest.mark.usefixtures("postgres"),
    pytest.mark.django_db(databases=["default", "sqlite"]),
]
HOME = Path(__file__).parents[2]
committed = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)
with_log = pytest.mark.skipif(
    "DATABASE_LOG" not in os.environ,
    reason="needs the log of a PostgreSQL that the tests have started; DATABASE_URL names another",
)

THINGS = """
CREATE TEMPORARY TABLE thing (
    id serial PRIMARY KEY, made_at date, seen timestamptz, at time, lasts interval, key uuid, price numeric,
    tags text[], body jsonb, raw bytea, flag boolean, size int, note text, near float
)
"""


@pytest.fixture(autouse=True)
def yours():
    """Models of the small project are yours, as they are to the plugin."""
    undo = set_project_root(HOME)
    yield
    undo()


@pytest.fixture
def explained(recorder):
    """Do something, and explain what it asked."""

    def explained(work):
        with recorder.record(samples=True) as recording:
            work()
        return plans_of(recording, HOME)

    return explained


@pytest.fixture
def found(explained):
    """Do something, and tell the tables and conditions that had no index."""

    def found(work):
        return [(each.table, each.shown) for plan in explained(work) for each in plan.unserved]

    return found


@pytest.fixture
def fixes(explained):
    """Do something, and tell the indexes that are proposed."""

    def fixes(work):
        unserved = [each for plan in explained(work) for each in plan.unserved]
        return [
            f"{each.index.before}{each.index.text}{each.index.after}" if each.index else ""
            for each in unserved
        ]

    return fixes


@pytest.fixture
def books():
    """Two rows: to read them all is the cheapest there is."""
    ada = Author.objects.create(name="Ada")
    return [ada.books.create(title=title) for title in ("Notes", "Letters")]


def ask(sql, parameters=None, using="default"):
    """Run a statement."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)


def answer(sql):
    """The one value of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


NAME, TITLE = ("shop_author", "(name)::text = 'Ada'::text"), ("shop_book", "(title)::text = 'Notes'::text")


@pytest.mark.parametrize(
    "work, expected",
    [
        (lambda: list(Book.objects.filter(title="Notes")), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").count(), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").exists(), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").first(), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").order_by("-pk")[:1].get(), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").update(title="Other"), [TITLE]),
        (lambda: Book.objects.filter(title="Notes").select_for_update().get(), [TITLE]),
        (lambda: Book.objects.filter(title="Notes")._raw_delete("default"), [TITLE]),
        (lambda: list(Book.objects.filter(title="Notes").iterator()), [TITLE]),
        (lambda: list(Book.objects.filter(author__name="Ada")), [NAME]),
        (
            lambda: list(Author.objects.filter(pk__in=Book.objects.filter(title="Notes").values("author"))),
            [TITLE],
        ),
        (
            lambda: list(Author.objects.annotate(t=ArrayAgg("books__pk")).filter(name="Ada").order_by("pk")),
            [NAME],
        ),
        (
            lambda: list(Author.objects.filter(~Exists(Book.objects.filter(title="Notes", author_id=7)))),
            [],
        ),
        (
            lambda: ask("SELECT 1 WHERE (SELECT count(*) FROM shop_book WHERE title = 'Notes') > 0"),
            [TITLE],
        ),
        (
            lambda: ask("WITH c AS MATERIALIZED (SELECT * FROM shop_book) SELECT * FROM c WHERE id = 1"),
            [],
        ),
        (
            lambda: ask(
                "INSERT INTO shop_author (name) SELECT title FROM shop_book WHERE title = %s", ["Notes"]
            ),
            [TITLE],
        ),
    ],
)
def test_a_filter_without_an_index_is_found(found, books, work, expected):
    """On tables of two rows, in every kind of statement, and wherever in it."""
    assert found(work) == expected


@pytest.mark.parametrize(
    "work",
    [
        lambda: list(Book.objects.all()),
        lambda: Book.objects.count(),
        lambda: list(Book.objects.order_by("title")),
        lambda: Book.objects.get(pk=Book.objects.latest("pk").pk),
        lambda: list(Book.objects.filter(pk__in=[1, 2, 3])),
        lambda: list(Book.objects.filter(pk__gt=1, title="Notes")),
        lambda: list(Book.objects.filter(author=1, title="Notes")),
        lambda: list(Book.objects.select_related("author").filter(author=1)),
        lambda: list(Author.objects.prefetch_related("books")),
        lambda: list(Book.objects.filter(Exists(Author.objects.filter(pk=OuterRef("author"))))),
        lambda: list(Author.objects.filter(Q(pk=1) | Q(pk=2))),
        lambda: list(Author.objects.none()),
        lambda: ask("SELECT * FROM shop_book WHERE TRUE"),
        lambda: ask("SELECT * FROM shop_book WHERE 1 = %s", [1]),
        lambda: ask("SELECT * FROM shop_book WHERE random() < 2"),
        lambda: ask("SELECT * FROM generate_series(1, 3) AS n WHERE n > 1"),
        lambda: Author.objects.create(name="Bob"),
        lambda: Author.objects.bulk_create(Author(name=name) for name in "abc"),
        lambda: Author.objects.update(name="Bob"),
        lambda: Book.objects.all().delete(),
        lambda: connection.introspection.table_names(),
    ],
)
def test_what_has_an_index_or_no_filter_is_not_found(found, books, work):
    """Nor what no index could serve, nor what is the server's own."""
    assert found(work) == []


def test_an_index_ends_the_finding(found, books):
    """Also where the order of another index would make reading all of it look cheap."""
    work = lambda: [*Book.objects.filter(title="Notes").order_by("pk")[:1]]  # noqa: E731

    assert found(work) == [TITLE]
    ask("SET CONSTRAINTS ALL IMMEDIATE")
    ask("CREATE INDEX ON shop_book (title)")
    ask("ANALYZE shop_book")
    assert found(work) == []


@pytest.mark.parametrize(
    "where, expected",
    [
        ("size = 1", []),
        ("size = 1 AND note = 'a'", []),
        ("size > 1 AND note = 'a'", []),
        ("(size, note) > (1, 'a')", []),
        ("note = 'a'", [("thing", "note = 'a'::text")]),
        ("note = 'a' AND flag", [("thing", "(note = 'a'::text) AND flag")]),
        ("note = 'a' AND id = 1", []),
        ("note = 'a' OR id = 1", [("thing", "(note = 'a'::text) OR (id = 1)")]),
        ("size = 2 OR id = 1", []),
        ("lower(note) = 'a'", []),
        ("made_at = '2030-01-01'", []),
        ("price = 1", []),
    ],
)
def test_an_index_serves_a_filter_on_its_first_column(found, where, expected):
    """PostgreSQL would read all of it for another one. An expression, or a part of the rows, serves any."""
    ask(THINGS)
    ask("CREATE INDEX ON thing (size, note)")
    ask("CREATE INDEX ON thing (lower(note), made_at)")
    ask("CREATE INDEX ON thing (made_at)")
    ask("CREATE INDEX ON thing (flag, price) WHERE flag IS NULL OR price = 1")

    assert found(lambda: ask(f"SELECT * FROM thing WHERE {where}")) == expected


def test_an_index_for_beginnings_ends_the_finding(found, books):
    """PostgreSQL looks LIKE up as a range, and then filters."""
    work = lambda: [*Book.objects.filter(title__startswith="N")]  # noqa: E731

    assert len(found(work)) == 1
    ask("SET CONSTRAINTS ALL IMMEDIATE")
    ask("CREATE INDEX ON shop_book (title varchar_pattern_ops)")
    assert found(work) == []


@pytest.mark.parametrize("authors, books_of_each", [(2, 1500), (3000, 1), (2, 1)])
def test_the_number_of_rows_makes_no_difference(found, authors, books_of_each):
    """Wherever PostgreSQL begins: a filter is found, unless it is behind one that has an index."""
    made = Author.objects.bulk_create(Author(name=f"Author {number}") for number in range(authors))
    Book.objects.bulk_create(Book(author=each, title="Notes") for each in made for _ in range(books_of_each))
    ask("ANALYZE shop_author, shop_book")
    of_books = FilteredRelation("books", condition=Q(books__title="Notes"))
    both = lambda: [*Book.objects.filter(author__name="Ada", title="Notes")]  # noqa: E731

    assert found(lambda: list(Book.objects.filter(author__name="Ada"))) == [NAME]
    assert found(lambda: list(Author.objects.filter(books__title="Notes").distinct())) == [TITLE]
    assert found(lambda: list(Author.objects.alias(b=of_books).values("b__pk"))) == []
    assert found(both)
    ask("SET CONSTRAINTS ALL IMMEDIATE")
    ask("CREATE INDEX ON shop_author (name)")
    assert found(both) == []


def test_an_index_that_the_project_does_not_let_be_used_counts(found, books):
    """Settings of a connection are no missing index."""
    ask("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")

    assert found(lambda: Book.objects.filter(pk=1).count()) == []


def test_each_fingerprint_is_explained_once(explained, books):
    """Whatever the number of values in a list."""
    work = lambda: [  # noqa: E731
        list(Book.objects.filter(title__in=titles)) for titles in (["a", "b"], ["c", "d", "e"])
    ]

    assert len(explained(work)) == 1


@pytest.mark.parametrize(
    "column, operator, value",
    [
        ("made_at", "=", datetime.date(2026, 1, 1)),
        ("seen", ">", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
        ("at", "<", datetime.time(12)),
        ("lasts", "=", datetime.timedelta(days=1)),
        ("key", "=", uuid.UUID(int=1)),
        ("price", ">=", decimal.Decimal("1.5")),
        ("near", "=", 1.5),
        ("tags", "=", ["a", "b"]),
        ("note", "= ANY", ["a", "b"]),
        ("size", "= ANY", [1, 2]),
        ("body", "@>", Jsonb({"a": [1, None]})),
        ("raw", "=", b"\x00\xff"),
        ("flag", "=", True),
        ("note", "=", "it's 100 % ; -- done"),
        ("note", "LIKE", "a%"),
        ("size", "IS DISTINCT FROM", None),
        ("size", "=", 7),
    ],
)
def test_parameters_are_bound_as_they_ran(found, column, operator, value):
    """Of every type."""
    ask(THINGS)
    sql = f"SELECT * FROM thing WHERE {column} {operator} (%s)"

    [(table, shown)] = found(lambda: ask(sql, [value]))
    assert table == "thing"
    assert shown.startswith((column, f"({column}"))


@pytest.mark.parametrize(
    "sql, parameters",
    [
        ("SELECT * FROM thing WHERE size = %(size)s", {"size": 1}),
        ("SELECT * FROM thing WHERE size IN (%s, %s)", [1, 2]),
        ("SELECT * FROM thing WHERE note LIKE '%%x' AND size = %s", [1]),
        ("SELECT * FROM thing WHERE note LIKE '%x'", None),
        ("SELECT * FROM thing WHERE size = 1 ;", None),
        ("/* by hand */ SELECT * FROM thing WHERE size = 1", None),
        ("(SELECT * FROM thing WHERE size = 1) UNION (SELECT * FROM thing)", None),
        (psycopg.sql.SQL("SELECT * FROM thing WHERE size = {}").format(1), None),
    ],
)
def test_statements_of_all_forms_are_explained(found, sql, parameters):
    """Names, lists, percent signs, comments and what psycopg composes."""
    ask(THINGS)

    assert len(found(lambda: ask(sql, parameters))) == 1


def test_of_executemany_the_first_set_is_explained(found, books):
    """It is one statement."""

    def work():
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE shop_book SET title = 'x' WHERE title = %s", [("Notes",), ("b",)])

    assert found(work) == [TITLE]


@pytest.mark.parametrize(
    "work",
    [
        lambda: ask("SHOW server_version"),
        lambda: ask("CREATE TEMPORARY TABLE gone (id int); SELECT * FROM gone"),
        lambda: ask("SELECT 1; SELECT 2"),
        lambda: ask("EXPLAIN SELECT * FROM shop_book WHERE title = 'x'"),
        lambda: ask("SELECT %s AS a", [7], using="sqlite"),
        lambda: Book.objects.using("sqlite").filter(title="x").count(),
    ],
)
def test_what_cannot_be_explained_is_left_out(explained, work):
    """Utilities, several statements in one text, and other databases."""
    assert explained(work) == []


def test_a_statement_that_fails_breaks_nothing(explained, books):
    """Those after it are explained, and the transaction goes on."""

    def work():
        ask("CREATE TEMPORARY TABLE gone (id int)")
        ask("SELECT * FROM gone WHERE id = 1")
        ask("DROP TABLE gone")
        Book.objects.filter(title="Notes").count()

    [plan] = explained(work)
    assert plan.statement.tables == ("shop_book",)
    assert Book.objects.count() == 2


def test_several_statements_in_one_text_are_never_sent_again(explained, books):
    """EXPLAIN would explain the first and run the rest."""
    explained(lambda: ask("SELECT count(*) FROM shop_book; INSERT INTO shop_author (name) VALUES ('x')"))

    assert Author.objects.filter(name="x").count() == 1


@with_log
@committed
def test_the_servers_log_has_explanations_alone(recorder, books):
    """No statement is run, and what is done to ask is undone."""
    with recorder.record(samples=True) as recording:
        with transaction.atomic():
            Book.objects.filter(title="Notes").delete()
            transaction.set_rollback(True)
        Book.objects.filter(title="Letters").update(title="Other")
        list(Book.objects.filter(title__startswith="N"))
    log = ServerLog({connection.settings_dict["NAME"]})

    found = plans_of(recording, HOME)

    assert sum(len(plan.unserved) for plan in found) == 3
    heard = log.heard()
    assert heard.connections == []
    words = {" ".join(statement.split()[:2]) for statement in heard.statements}
    assert words == {
        *("BEGIN", "ROLLBACK", "SAVEPOINT dbperf_plans", "SAVEPOINT dbperf_proof"),
        *("ROLLBACK TO", "RELEASE SAVEPOINT", "CREATE TEMPORARY", "CREATE INDEX"),
        *(
            "EXPLAIN (VERBOSE,",
            "SELECT set_config('enable_seqscan',",
            "SELECT index.relname,",
            "SELECT asked.schema,",
        ),
    }
    assert heard.statements[-1] == "ROLLBACK"
    assert Book.objects.count() == 2
    assert answer("SELECT count(*) FROM pg_indexes WHERE tablename = 'shop_book'") == 2


def test_nothing_is_left_in_the_transaction_of_the_test(explained, books):
    """Neither settings, nor an index, nor a savepoint; rows are there, and deferred constraints wait."""
    before = answer("SELECT count(*) FROM pg_class")
    Book(author_id=0, title="Nobody's").save()

    [plan] = explained(lambda: Book.objects.filter(title="Notes").delete())

    assert plan.unserved[0].index
    assert answer("SHOW enable_seqscan") == "on"
    assert answer("SHOW lock_timeout") == "0"
    assert answer("SELECT count(*) FROM pg_class") == before
    with pytest.raises(psycopg.errors.InvalidSavepointSpecification):
        connection.connection.execute("ROLLBACK TO SAVEPOINT dbperf_plans")
    connection.connection.rollback()
    connection.connection.execute("BEGIN")


@committed
def test_nothing_is_left_on_a_connection_outside_of_transactions(found, books):
    """It is in autocommit as before."""
    assert found(lambda: Book.objects.filter(title="Notes").count()) == [TITLE]

    assert connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert answer("SHOW enable_seqscan") == "on"


@committed
def test_a_connection_without_autocommit_is_left_as_it_was(found, books):
    """The driver begins by itself, before the first statement."""
    connection.set_autocommit(False)
    try:
        assert found(lambda: Book.objects.filter(title="Notes").count()) == [TITLE]
        connection.rollback()

        connection.set_autocommit(False)
        assert found(lambda: (Book.objects.filter(title="Notes").count(), connection.rollback())) == [TITLE]
        assert connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    finally:
        connection.set_autocommit(True)


@committed
def test_a_connection_that_was_closed_is_opened_for_it_and_closed_again(found, books):
    """As a test may close its own."""
    assert found(lambda: (Book.objects.filter(title="Notes").count(), connection.close())) == [TITLE]
    assert connection.connection is None


def test_a_broken_transaction_is_an_error(explained, books):
    """Nothing can be judged, and the way out is told."""

    def work():
        Book.objects.filter(title="Notes").count()
        with pytest.raises(IntegrityError):
            Author.objects.create(pk=books[0].author_id)

    with pytest.raises(CannotExplain, match=r"on the connection 'default': an earlier error .*atomic"):
        explained(work)
    connection.connection.rollback()
    connection.connection.execute("BEGIN")


@committed
def test_a_connection_that_the_server_has_ended_is_an_error(explained, books):
    """The driver does not know it before it is told."""
    pid = connection.connection.info.backend_pid

    def work():
        Book.objects.filter(title="Notes").count()
        with psycopg.connect(connection.connection.info.dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(
        CannotExplain, match="PostgreSQL cannot explain statements on the connection 'default': "
    ):
        explained(work)
    connection.close()


@committed
def test_a_connection_that_the_driver_has_closed_is_an_error(explained, books):
    """Django does not know it before it is told."""

    def work():
        Book.objects.filter(title="Notes").count()
        connection.connection.close()

    with pytest.raises(CannotExplain, match="it was closed, by the test or by the server"):
        explained(work)
    connection.close()


@committed
def test_a_lock_of_another_connection_is_an_error(explained, books, monkeypatch):
    """It proves nothing about the statement, and the wait for it ends."""
    monkeypatch.setitem(explain_session._SETTINGS, "lock_timeout", "10ms")
    with psycopg.connect(connection.connection.info.dsn) as other:

        def work():
            Book.objects.filter(title="Notes").count()
            other.execute("LOCK TABLE shop_book IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(CannotExplain, match="canceling statement due to lock timeout"):
            explained(work)

    assert connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@committed
def test_a_proof_needs_no_lock_that_a_writer_holds(fixes, books):
    """The index is not made on the table itself."""
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("UPDATE shop_book SET title = 'x'")

        assert fixes(lambda: Book.objects.filter(title="Notes").count()) == [
            'class Meta: indexes = [models.Index(fields=["title"])]'
        ]
        other.rollback()


async def test_the_loop_of_a_coroutine_stands_aside(recorder):
    """The connections are those of the test's thread, and the loop goes on."""
    with recorder.record(samples=True) as recording:
        await Book.objects.filter(title="Notes").acount()

    [plan] = plans_of(recording, HOME)

    assert [unserved.table for unserved in plan.unserved] == ["shop_book"]
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "work, index",
    [
        (lambda: list(Book.objects.filter(title="x")), 'models.Index(fields=["title"])'),
        (lambda: list(Book.objects.filter(title__in=["x", "y"])), 'models.Index(fields=["title"])'),
        (lambda: list(Book.objects.filter(title__gt="x")), 'models.Index(fields=["title"])'),
        (lambda: list(Book.objects.filter(title="x").order_by("pk")[:1]), 'models.Index(fields=["title"])'),
        (
            lambda: list(Book.objects.filter(title__startswith="x")),
            'models.Index(fields=["title"], name="book_title_like", opclasses=["varchar_pattern_ops"])',
        ),
        (
            lambda: list(Book.objects.filter(title__iexact="x")),
            'models.Index(Upper("title"), name="book_title_upper")',
        ),
        (
            lambda: ask("SELECT * FROM shop_book WHERE lower(title) = 'x'"),
            'models.Index(Lower("title"), name="book_title_lower")',
        ),
    ],
)
def test_an_index_is_proposed_that_was_proven(fixes, work, index):
    """As it is written in the Meta of the model."""
    assert fixes(work) == [f"class Meta: indexes = [{index}]"]


@pytest.mark.parametrize(
    "work",
    [
        lambda: list(Book.objects.filter(title__icontains="x")),
        lambda: list(Book.objects.filter(title__contains="x")),
        lambda: list(Book.objects.filter(title__istartswith="x")),  # Without django.contrib.postgres.
        lambda: list(Book.objects.exclude(title="x")),
        lambda: list(Book.objects.filter(Q(title="x") | Q(author__isnull=True, title="y"))),
        lambda: ask("SELECT * FROM shop_book WHERE length(title) > 3"),
        lambda: ask("SELECT * FROM shop_book WHERE xmin = '1'"),
        lambda: (ask("CREATE TEMPORARY TABLE mine (a int)"), ask("SELECT * FROM mine WHERE a = 1")),
    ],
)
def test_what_is_not_proven_is_not_proposed(fixes, work):
    """Or has no model."""
    assert fixes(work) == [""]


def test_what_lies_before_the_twin_is_not_proven(fixes, books):
    """A statement that names the schema reads the table itself."""
    assert fixes(lambda: ask("SELECT * FROM public.shop_book WHERE title = 'x'")) == [""]


def test_a_role_that_may_not_make_tables_gets_no_proposal(fixes, books):
    """The finding stays."""
    ask("CREATE ROLE reader; GRANT SELECT ON shop_book TO reader")
    ask(f"REVOKE TEMPORARY ON DATABASE {connection.settings_dict['NAME']} FROM PUBLIC")
    ask("SET LOCAL ROLE reader")

    assert fixes(lambda: ask("SELECT * FROM shop_book WHERE title = 'x'")) == [""]
    ask("RESET ROLE")


def test_models_that_django_does_not_manage_get_no_proposal(fixes, books, monkeypatch):
    """No migration would make the index."""
    monkeypatch.setattr(Book._meta, "managed", False)

    assert fixes(lambda: Book.objects.filter(title="Notes").count()) == [""]


def test_models_of_libraries_get_no_proposal(fixes, books, monkeypatch):
    """The project cannot change a model of an installed package."""
    monkeypatch.setattr(Book, "__module__", "django.db.models")

    assert fixes(lambda: list(Book.objects.filter(title="x"))) == [""]


def test_the_number_of_proofs_is_bounded(fixes, books, monkeypatch):
    """A suite that has just begun to look may have many findings."""
    monkeypatch.setattr(proving, "_MOST_FIXES", 1)

    first, second = fixes(
        lambda: (Book.objects.filter(title="x").count(), Author.objects.filter(name="x").count())
    )
    assert first
    assert second == ""


@pytest.mark.parametrize(
    "answered", ['[{"Plan": {"Node Type": "Result"}}]', [{"Plan": {"Node Type": "Result"}}]]
)
def test_an_answer_may_be_read_by_the_driver_already(answered):
    """A project may have told the driver how to read JSON."""
    assert root_of(answered) == {"Node Type": "Result"}

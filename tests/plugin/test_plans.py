"""A test fails when PostgreSQL has no index for a filter, in every kind of test."""

import json

import pytest

from tests.plugin.conftest import failure_of, line_of

MODELS = '''
class Event(models.Model):
    """Something that happens."""

    place = models.CharField(max_length=50)
    kind = models.IntegerField(db_column="type of event", default=1)
    starts_at = models.DateTimeField()
    host = models.ForeignKey(Author, models.CASCADE, db_index=False, null=True)
    note = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["note"])]


class Twin(models.Model):
    """Another view of the authors."""

    name = models.CharField(max_length=50)

    class Meta:
        managed = False
        db_table = "shop_author"
'''

needs_postgres = pytest.mark.usefixtures("postgres")


def add_models(suite):
    """Give the project more models than most tests need."""
    path = suite.path / "shop" / "models.py"
    path.write_text(path.read_text() + MODELS)


@needs_postgres
def test_a_filter_without_an_index_fails_and_the_rest_is_told(suite):
    """The numbers first, then the table and its condition, the statement, your line and the index to add."""
    result = suite.run_tests(
        """
@db
@pytest.mark.no_unindexed_filters
def test_it():
    for name in ("Ada", "Bob"):
        Author.objects.filter(name=name).count()
    Author.objects.filter(pk=1).count()
    list(Author.objects.all())
""",
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(failed=1)
    line, first = line_of(suite, "@db"), line_of(suite, "filter(name=name)")
    shown = failure_of(result, "test_it")
    assert shown == [
        f"unindexed filters 1 > 0 (+1)   no_unindexed_filters at test_it.py:{line}",
        "",
        "    2x  shop_author: (name)::text = 'Ada'::text   SELECT COUNT(*) AS __count FROM shop_author WHERE "
        "name = %s",
        f"        test_it.py:{first} test_it",
        "",
        '  fix   class Meta: indexes = [models.Index(fields=["name"])]   in shop/models.py Author',
        "",
        f"test_it.py:{first}: BudgetExceeded",
    ]
    [test] = json.loads((suite.path / "run.json").read_text())["tests"]
    assert test["queries"] == 4
    assert test["bookkeeping"] == 0
    [violation] = test["violations"]
    assert violation["budget"] == "no_unindexed_filters"
    assert violation["measured"], violation["limit"] == (1, 0)
    assert violation["location"] == f"test_it.py:{first}"


KINDS = """
pytestmark = pytest.mark.no_unindexed_filters

def ask():
    return Author.objects.filter(name="Ada").count()

@db
def test_rolled_back():
    ask()

@committed
def test_committed():
    ask()

@db
async def test_async():
    await Author.objects.filter(name="Ada").acount()

@committed
async def test_async_committed():
    await Author.objects.filter(name="Ada").acount()

@committed
def test_thread():
    thread = threading.Thread(target=lambda: (ask(), connections.close_all()))
    thread.start()
    thread.join()

@committed
def test_request(asgi_client):
    asgi_client.get("/books/")
    ask()

class TestDjango(TestCase):
    def test_it(self):
        ask()

    async def test_async(self):
        await Author.objects.filter(name="Ada").acount()

class TestTransaction(TransactionTestCase):
    def test_it(self):
        ask()

class TestCoroutine(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def database(self, transactional_db): pass

    async def test_it(self):
        await Author.objects.filter(name="Ada").acount()
        await sync_to_async(connections.close_all)()
"""


@needs_postgres
def test_every_kind_of_test_is_judged(suite):
    """In a transaction and without one, in coroutines and threads; no connection stays open."""
    suite.ini("dbperf_verify_connections = true")
    result = suite.run_tests(KINDS)

    result.assert_outcomes(failed=10)
    assert (
        result.stdout.str().count("\nunindexed filters 1 > 0 (+1)   no_unindexed_filters in test_it.py") == 10
    )


@needs_postgres
def test_what_is_asked_for_it_counts_nowhere(suite):
    """EXPLAIN is not in the counts nor in Django's query log, and the test continues after it."""
    suite.run_tests(
        """
from django.test.utils import CaptureQueriesContext

@committed
@pytest.mark.query_budget(2)
@pytest.mark.max_new_connections(0)
@pytest.mark.no_blocking_calls
def test_block(no_unindexed_filters, dbperf):
    with CaptureQueriesContext(connection) as captured:
        with pytest.raises(AssertionError), no_unindexed_filters() as recording:
            Author.objects.filter(name="Ada").count()
        with no_unindexed_filters(allow=["*"]):
            Author.objects.filter(name="Bob").count()
    assert len(captured) == len(dbperf.queries) == 2
    assert len(recording.queries) == 1
    assert dbperf.bookkeeping == []
    assert len(dbperf.plans) == 0

@committed
@pytest.mark.query_budget(2)
@pytest.mark.max_new_connections(0)
@pytest.mark.no_blocking_calls
async def test_coroutine(no_unindexed_filters):
    with pytest.raises(AssertionError, match="^unindexed filters 1 > 0"):
        async with no_unindexed_filters():
            await Author.objects.filter(name="Ada").acount()
    await Author.objects.acount()

@db
async def test_coroutine_in_transaction(no_unindexed_filters):
    async with no_unindexed_filters(allow=["shop_author"]):
        await Author.objects.filter(name="Ada").acount()
"""
    ).assert_outcomes(passed=3)


@needs_postgres
def test_the_indexes_are_those_that_a_model_can_have(suite):
    """An index names fields, with equal ones before a range, and belongs to the managed model."""
    add_models(suite)
    settings = (suite.path / "settings.py").read_text()
    suite.file("settings.py", f'{settings}\nINSTALLED_APPS += ["django.contrib.postgres"]\n')
    result = suite.run_tests(
        """
from datetime import UTC, datetime
from shop.models import Event, Twin

NOW = datetime(2026, 1, 1, tzinfo=UTC)

@db
@pytest.mark.no_unindexed_filters
@pytest.mark.parametrize("number, filters", list(enumerate([
    {"starts_at__gt": NOW, "kind": 1, "host": 1},
    {"host__isnull": True},
    {"place__istartswith": "x"},
])))
def test_event(number, filters):
    list(Event.objects.filter(**filters))

@db
@pytest.mark.no_unindexed_filters
def test_update():
    event = Event.objects.create(starts_at=NOW)
    event.place = "here"
    event.save()
    Event.objects.filter(place="x").delete()

@db
@pytest.mark.no_unindexed_filters
def test_twin():
    list(Twin.objects.filter(name="x"))
"""
    )

    result.assert_outcomes(failed=5)
    fixes = [line for line in result.outlines if line.startswith("  fix   ")]
    place = "   in shop/models.py Event"
    assert fixes == [
        f'  fix   Meta.indexes: add models.Index(fields=["host", "kind", "starts_at"]){place}',
        f'  fix   Meta.indexes: add models.Index(fields=["host"]){place}',
        '  fix   Meta.indexes: add models.Index(OpClass(Upper("place"), name="text_pattern_ops"), '
        f'name="event_place_upper_like"){place}',
        f'  fix   Meta.indexes: add models.Index(fields=["place"]){place}',
        '  fix   class Meta: indexes = [models.Index(fields=["name"])]   in shop/models.py Author',
    ]


@needs_postgres
def test_parameters_that_the_server_binds_are_explained_too(suite):
    """Django supports server-side binding."""
    options = {"server_side_binding": True, "prepare_threshold": 1}
    settings = (suite.path / "settings.py").read_text()
    suite.file("settings.py", f'{settings}\nDATABASES["default"]["OPTIONS"] = {options}\n')
    result = suite.run_tests(
        """
@db
@pytest.mark.no_unindexed_filters
def test_it():
    list(Author.objects.filter(name="Ada", pk__in=[]))
    list(Author.objects.filter(name="Ada"))
    list(Author.objects.filter(name__startswith="A"))
    list(Author.objects.filter(pk__in=[1, 2], name="Ada"))
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "unindexed filters 2 > 0 (+2) *",
            # This index serves equal values, too, so that a plain one would be needless.
            '  fix   class Meta: indexes = [[]models.Index(fields=[[]"name"], name="author_name_like", *',
        ]
    )


@needs_postgres
def test_what_may_stay_without_an_index_is_allowed(suite):
    """The end of the run names an allowance that nothing used."""
    result = suite.run_tests(
        """
@db
@pytest.mark.no_unindexed_filters(allow=["shop_author", "shop_book"])
def test_it():
    Author.objects.filter(name="Ada").count()
"""
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["dbperf: unused allowance 'shop_book' in no_unindexed_filters *"])
    result.stdout.no_fnmatch_line("*unused allowance 'shop_author'*")


@needs_postgres
def test_smells_are_warnings(suite):
    """Each warning has its line; the LIMIT of Django's own methods is no smell."""
    result = suite.run_tests(
        """
@db
@pytest.mark.no_unindexed_filters(allow=["shop_book"])
def test_it():
    Author.objects.create(name="Ada")
    Author.objects.get()
    Author.objects.first()
    Author.objects.exists()
    Author.objects.all()[:3].count()
    list(Author.objects.all()[:2])
    list(Author.objects.order_by("pk")[2000:2010])
    Author.objects.update(name="Bob")
    list(Book.objects.filter(title__icontains="x"))
""",
        "-W",
        "default",
        "--dbperf-report=json:run.json",
    )

    result.assert_outcomes(passed=1, warnings=3)
    [test] = json.loads((suite.path / "run.json").read_text())["tests"]
    assert [(each["message"].partition(":")[0], each["location"]) for each in test["warnings"]] == [
        ("LIMIT without ORDER BY returns arbitrary rows", f"test_it.py:{line_of(suite, '[:2]')}"),
        (
            "OFFSET 2,000 makes the database read 2,000 rows and discard them",
            f"test_it.py:{line_of(suite, '[2000')}",
        ),
        ("UPDATE without WHERE changes all rows", f"test_it.py:{line_of(suite, 'update(')}"),
    ]


BROKEN = """
@db
@pytest.mark.no_unindexed_filters
def test_broken():
    author = Author.objects.create(name="Ada")
    with pytest.raises(Exception, match="duplicate key"):
        Author.objects.create(pk=author.pk)
"""


@needs_postgres
def test_where_nothing_can_be_judged_is_an_error(suite):
    """The message says what to do, and broken budgets come first."""
    result = suite.run_tests(
        BROKEN
        + """
@pytest.mark.query_budget(0)
class TestTwo:
    @db
    @pytest.mark.no_unindexed_filters
    def test_two(self):
        test_broken()
"""
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "no_unindexed_filters at test_it.py:* cannot be checked: PostgreSQL cannot explain statements "
            "on the connection 'default': an earlier error aborted the transaction. Wrap code that is "
            "expected to fail in its own transaction.atomic().",
            "*queries 2 > 0 (+2)*",
        ]
    )
    result.stdout.no_fnmatch_line("*psycopg*")


@needs_postgres
def test_a_run_that_only_reports_fails_nothing(suite):
    """Findings and failed checks are both reported."""
    suite.tests(
        BROKEN
        + """
@db
@pytest.mark.no_unindexed_filters
def test_found():
    Author.objects.filter(name="Ada").count()
"""
    )

    suite.run("--dbperf=report", "--dbperf-report=json:run.json").assert_outcomes(passed=2)
    broken, found = json.loads((suite.path / "run.json").read_text())["tests"]
    assert "cannot be checked" in broken["warnings"][0]["message"]
    assert found["violations"][0]["measured"] == 1


def test_without_a_postgresql_it_is_an_error(suite):
    """For a marker at setup, for a fixture when it is used; a lifted budget needs no PostgreSQL."""
    suite.file(
        "settings.py",
        (suite.path / "settings.py").read_text() + "\nDATABASES = {'default': DATABASES['sqlite']}\n",
    )
    result = suite.run_tests(
        """
@db
@pytest.mark.no_unindexed_filters
def test_marked():
    assert 0

@db
def test_block(no_unindexed_filters):
    with no_unindexed_filters(allow=["*"]):
        pass
    with no_unindexed_filters():
        assert 0

@db
@pytest.mark.no_unindexed_filters(allow=["*"])
def test_lifted():
    pass
"""
    )

    result.assert_outcomes(errors=1, failed=1, passed=1)
    why = "cannot be checked: it needs PostgreSQL, and DATABASES has only default (sqlite)."
    block = line_of(suite, "no_unindexed_filters():")
    result.stdout.fnmatch_lines(
        [
            f"no_unindexed_filters at test_it.py:{line_of(suite, '@db')} {why}",
            f"no_unindexed_filters at test_it.py:{block} {why}",
        ]
    )


@needs_postgres
def test_the_ini_file_sets_it_for_a_suite(suite):
    """A test without a statement has nothing to explain."""
    suite.ini("dbperf_no_unindexed_filters = true")
    suite.run_tests(
        """
def test_nothing(): pass

@db
def test_found():
    Author.objects.filter(name="Ada").count()
"""
    ).assert_outcomes(passed=1, failed=1)


@needs_postgres
def test_a_connection_that_a_test_makes_for_itself_has_no_plans(suite):
    """Its alias is none of `DATABASES`, so that nothing can be asked there once the test has ended."""
    result = suite.run_tests(
        """
from django.db.utils import ConnectionHandler

@db
@pytest.mark.no_unindexed_filters
def test_it():
    own = ConnectionHandler({"default": {}, "own": connection.settings_dict.copy()})["own"]
    with own.cursor() as cursor:
        cursor.execute("SELECT id FROM shop_author WHERE name = %s", ["Ada"])
    own.close()
"""
    )

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK

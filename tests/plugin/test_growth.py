"""`assert_constant` finds a call that costs more for more rows, and restores the database."""

import json

import pytest

from tests.plugin.conftest import failure_of, line_of

ROWS = """
def books(number):
    for each in range(number):
        Author.objects.create(name=f"Author {each}").books.create(title=f"Book {each}")

async def abooks(number):
    await sync_to_async(books)(number)

def names():
    return [book.author.name for book in Book.objects.all()]

def joined():
    return [book.author.name for book in Book.objects.select_related("author")]

async def anames():
    return [(await Author.objects.aget(pk=book.author_id)).name async for book in Book.objects.all()]

async def ajoined():
    return [book.author.name async for book in Book.objects.select_related("author")]

def rows():
    return Author.objects.count(), Book.objects.count()

"""


@pytest.fixture
def growing(suite):
    """A suite with functions that make books, and that list them with and without N+1."""

    def run(source, *args):
        return suite.run_tests(ROWS + source, *args)

    return run


def test_a_query_for_each_row_is_found(suite, growing):
    """The failure has both numbers, only the group that grew, and the line to change."""
    result = growing(
        """
@db
def test_grows(dbperf, client):
    dbperf.assert_constant(lambda: client.get("/books/"), populate=books)  # asserted

@db
def test_is_constant(dbperf):
    dbperf.assert_constant(joined, populate=books)

@db
def test_prefetched(dbperf):
    call = lambda: [len(author.books.all()) for author in Author.objects.prefetch_related("books")]
    dbperf.assert_constant(call, populate=books, scales=(1, 2, 7))
"""
    )

    result.assert_outcomes(passed=2, failed=1)
    asserted = line_of(suite, "# asserted")
    text = failure_of(result, "test_grows")
    assert text[0] == (
        "queries grow 1.0 > 0 a row (2 -> 5)   "
        f"assert_constant(scales=(2, 5)) at test_it.py:{asserted}   GET /books/"
    )
    assert text[2].split("   ") == [
        "",
        " 5x  SELECT ... FROM shop_author WHERE id = %s LIMIT 21",
        "2 -> 5, 1.0 a row",
    ]
    assert text[3].strip().startswith("shop/views.py:16 name_of_author")
    assert "shop_book" not in "\n".join(text)
    assert "shop/views.py:16: BudgetExceeded" in "\n".join(text)


BEFORE_AND_AFTER = """
def unfetched():
    return [list(author.books.all()) for author in Author.objects.all()]

def prefetched():
    return [list(author.books.all()) for author in Author.objects.prefetch_related("books")]

def searching():
    return [(book.author.name, bool(Author.objects.filter(name=book.title))) for book in Book.objects.all()]

def joined_and_searching():
    joined = Book.objects.select_related("author")
    return [(book.author.name, bool(Author.objects.filter(name=book.title))) for book in joined]

@db
@pytest.mark.parametrize("call", [{before}, {after}])
def test_budget(query_budget, call):
    books(7)
    with query_budget(0):
        call()

@db
def test_grows(dbperf):
    dbperf.assert_constant({before}, populate=books, scales=(2, 7))
"""


@pytest.mark.parametrize(
    ("before", "after", "fix", "queries", "is_constant"),
    [
        ("names", "joined", '.select_related("author")', (8, 1), True),
        ("unfetched", "prefetched", '.prefetch_related("books")', (8, 2), True),
        ("searching", "joined_and_searching", '.select_related("author")', (15, 8), False),
    ],
)
def test_the_fix_keeps_its_promise(suite, growing, before, after, fix, queries, is_constant):
    """`query_budget` shows the same fix, and the changed call makes the promised number of queries."""
    result = growing(BEFORE_AND_AFTER.format(before=before, after=after))

    result.assert_outcomes(failed=3)
    line = line_of(suite, f"def {before}()") + 1
    change = f"  fix   test_it.py:{line}  {fix}   {queries[0]} -> {queries[1]} queries"
    assert [line for line in failure_of(result, "test_grows") if line.startswith("  fix ")] == [
        f"{change} for populate(7){', constant' if is_constant else ''}"
    ]
    assert change in failure_of(result, rf"test_budget\[{before}\]")
    for call, measured in zip((before, after), queries, strict=True):
        assert failure_of(result, rf"test_budget\[{call}\]")[0].startswith(f"queries {measured} > 0")


def test_it_is_the_same_in_every_kind_of_test(growing):
    """Sync, async, in a transaction or not, of pytest, Django and unittest: growth fails, no row stays."""
    result = growing(
        """
class Both:
    def test_constant(self, dbperf):
        dbperf.assert_constant(joined, populate=books)
        assert rows() == (0, 0)

    def test_grows(self, dbperf):
        dbperf.assert_constant(names, populate=books)

@db
class TestRolledBack(Both): pass

@committed
class TestFlushed(Both): pass

class AsyncBoth:
    async def test_constant(self, dbperf):
        await dbperf.assert_constant(ajoined, populate=abooks)
        await dbperf.assert_constant(lambda: ajoined(), populate=books)
        await dbperf.assert_constant(ajoined, populate=lambda number: abooks(number))
        assert await sync_to_async(rows)() == (0, 0)

    async def test_grows(self, dbperf):
        await dbperf.assert_constant(anames, populate=books)

@db
class TestAsyncRolledBack(AsyncBoth): pass

@committed
class TestAsyncFlushed(AsyncBoth): pass

class OfDjango:
    @pytest.fixture(autouse=True)
    def _dbperf(self, dbperf):
        self.dbperf = dbperf

    def test_constant(self):
        self.dbperf.assert_constant(joined, populate=books)
        assert rows() == (0, 0)

    def test_grows(self):
        self.dbperf.assert_constant(names, populate=books)

    async def test_async_constant(self):
        await self.dbperf.assert_constant(ajoined, populate=books)
        assert await sync_to_async(rows)() == (0, 0)

    async def test_async_grows(self):
        await self.dbperf.assert_constant(anames, populate=abooks)

class RolledBackTests(OfDjango, TestCase): pass
class FlushedTests(OfDjango, TransactionTestCase): pass

class IsolatedTests(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _dbperf(self, dbperf, db):
        self.dbperf = dbperf

    @db
    async def test_async_constant(self):
        await self.dbperf.assert_constant(ajoined, populate=books)
        assert await sync_to_async(rows)() == (0, 0)

    @db
    async def test_async_grows(self):
        await self.dbperf.assert_constant(anames, populate=abooks)

@committed
def test_nothing_is_left_of_all_of_them():
    assert rows() == (0, 0)
""",
        "-v",
    )

    outcomes = {
        line.split(" ")[0].removeprefix("test_it.py::"): line.split(" ")[1]
        for line in result.outlines
        if line.startswith("test_it.py::")
    }
    wrong = {
        name: outcome
        for name, outcome in outcomes.items()
        if outcome != ("FAILED" if name.endswith("grows") else "PASSED")
    }
    assert len(outcomes) == 19
    assert wrong == {}
    grown = [line for line in result.outlines if line.startswith("queries grow 1.0 > 0 a row (2 -> 5)")]
    assert len(grown) == 9


def test_rows_of_the_test_itself_stay(growing):
    """A rollback keeps the rows that the test made before."""
    result = growing(
        """
@db
def test_sync(dbperf):
    books(3)
    dbperf.assert_constant(joined, populate=books)
    assert rows() == (3, 3)

class Tests(TestCase):
    @pytest.fixture(autouse=True)
    def _dbperf(self, dbperf):
        self.dbperf = dbperf

    async def test_async(self):
        await abooks(3)
        await self.dbperf.assert_constant(ajoined, populate=books)
        assert await sync_to_async(rows)() == (3, 3)
"""
    )

    result.assert_outcomes(passed=2)


def test_requests_are_compared_as_a_server_serves_them(growing):
    """Worker threads and event loops only see committed rows."""
    result = growing(
        """
pytestmark = committed

def test_wsgi(dbperf, wsgi_client):
    dbperf.assert_constant(lambda: wsgi_client.get("/books/"), populate=books)

def test_asgi(dbperf, asgi_client):
    dbperf.assert_constant(lambda: asgi_client.get("/books/"), populate=books)

async def test_asgi_awaited(dbperf, asgi_client):
    await dbperf.assert_constant(lambda: asgi_client.aget("/books/"), populate=books)

class Tests(TransactionTestCase):
    @pytest.fixture(autouse=True)
    def _fixtures(self, dbperf, wsgi_client):
        self.dbperf, self.wsgi_client = dbperf, wsgi_client

    def test_wsgi_of_django(self):
        self.dbperf.assert_constant(lambda: self.wsgi_client.get("/books/"), populate=books)

def test_constant(dbperf, wsgi_client, asgi_client):
    for client in (wsgi_client, asgi_client):
        dbperf.assert_constant(lambda: client.get("/page/"), populate=books)
        dbperf.assert_constant(lambda: client.get("/count/"), populate=books)
    assert rows() == (0, 0)
"""
    )

    result.assert_outcomes(passed=1, failed=4)
    headlines = [line for line in result.outlines if line.startswith("queries grow 1.0 > 0 a row (2 -> 5)")]
    assert len(headlines) == 4
    assert all(line.endswith("GET /books/") for line in headlines)


def test_hops_and_connections_that_grow_are_found(suite, growing):
    """Each has its group, and the advice that its numbers prove."""
    result = growing(
        """
@committed
async def test_hops(dbperf):
    await dbperf.assert_constant(anames, populate=books)

@committed
def test_connections(dbperf):
    def exported():
        for author in Author.objects.all():
            thread = threading.Thread(target=export)
            thread.start()
            thread.join()

    def export():
        Author.objects.first()
        connections.close_all()

    dbperf.assert_constant(exported, populate=books, slope=0.5)
"""
    )

    result.assert_outcomes(failed=2)
    hops, threads = failure_of(result, "test_hops"), failure_of(result, "test_connections")
    assert hops[0].startswith(
        "queries grow 1.0 > 0 a row (2 -> 5), thread hops grow 1.0 > 0 a row (2 -> 5)   "
    )
    assert any("5x  orm: sync_to_async(QuerySet.get)   2 -> 5, 1.0 a row" in line for line in hops)
    aget = line_of(suite, "aget(pk")
    assert (
        f"  fix   make these calls in one sync_to_async function, 5 -> 1 hops: test_it.py:{aget} anames"
        in hops
    )
    assert threads[0].startswith(
        "queries grow 1.0 > 0.5 a row (2 -> 5), connections grow 1.0 > 0.5 a row (2 -> 5)   "
        "assert_constant(scales=(2, 5), slope=0.5)"
    )
    assert "    5x  default: first use in its thread   2 -> 5, 1.0 a row" in threads
    assert "  why   5 threads: Django opens a connection for each" in threads


def test_a_group_that_grows_while_another_shrinks_is_found(growing):
    """The totals at both scales are equal."""
    result = growing(
        """
@db
def test_it(dbperf):
    def listed():
        number = Book.objects.count()
        for _ in range(number):
            Author.objects.exists()
        for _ in range(10 - number):
            Book.objects.first()

    dbperf.assert_constant(listed, populate=books)
"""
    )

    text = failure_of(result, "test_it")
    assert text[0].startswith("queries grow 1.0 > 0 a row (2 -> 5)   ")
    assert len([line for line in text if " a row" in line]) == 2
    assert not any("shop_book" in line for line in text)


def test_batches_are_not_growth(growing):
    """A statement for more rows is the same statement; a slope allows chunks."""
    result = growing(
        """
def in_bulk(number=3):
    Author.objects.bulk_create([Author(name=f"In bulk {each}") for each in range(number)])

def update():
    authors = list(Author.objects.all())
    for author in authors:
        author.name = author.name.upper()
    Author.objects.bulk_update(authors, ["name"])

def found():
    ids = [author.pk for author in Author.objects.all()]
    list(Author.objects.filter(pk__in=ids))
    Author.objects.filter(pk__in=ids).update(name="Ada")

def copied():
    Author.objects.bulk_create([Author(name=author.name) for author in Author.objects.all()])

def deleted():
    Author.objects.all().delete()

def chunked():
    Author.objects.bulk_create([Author(name=a.name) for a in Author.objects.all()], batch_size=10)

once = {"populate": in_bulk, "scales": (10, 40), "warm_up": False}

@db
@pytest.mark.parametrize("call", [update, found, copied, deleted])
@pytest.mark.parametrize("scales", [(1, 5), (2, 50)])
def test_constant(dbperf, call, scales):
    dbperf.assert_constant(call, populate=books, scales=scales)

@db
def test_chunks(dbperf):
    with pytest.raises(AssertionError, match=r"queries grow 0.1 > 0 a row \\(1 -> 4\\)"):
        dbperf.assert_constant(chunked, **once)

@db
def test_chunks_allowed(dbperf):
    dbperf.assert_constant(chunked, slope=0.1, **once)
"""
    )

    result.assert_outcomes(passed=10)


def test_what_is_filled_once_does_not_count(growing):
    """A warm-up fills caches at each scale; without it, the first call fills them."""
    result = growing(
        """
cache = {}

def cached():
    for author in Author.objects.all():
        if author.name not in cache:
            cache[author.name] = author.books.count()

@pytest.fixture(autouse=True)
def empty():
    cache.clear()

@db
def test_warm(dbperf):
    dbperf.assert_constant(cached, populate=books)

@db
def test_cold(dbperf):
    with pytest.raises(AssertionError, match=r"queries grow 0.33 > 0 a row \\(2 -> 3\\)"):
        dbperf.assert_constant(cached, populate=books, warm_up=False)
"""
    )

    result.assert_outcomes(passed=2)


def test_nothing_of_it_counts_in_the_budgets_of_the_test(growing):
    """The budgets count neither populate, nor the calls, nor the restoring."""
    result = growing(
        """
pytestmark = [pytest.mark.query_budget(1, at_least=1), pytest.mark.max_thread_hops(1)]

@db
def test_sync(dbperf, query_budget):
    with query_budget(0):
        dbperf.assert_constant(joined, populate=books)
    queries(1)
    assert dbperf.bookkeeping == []

@committed
async def test_async(dbperf):
    await dbperf.assert_constant(ajoined, populate=abooks)
    await Author.objects.acount()
"""
    )

    result.assert_outcomes(passed=2)


def test_errors_go_through_and_nothing_stays(growing):
    """The database is restored after any error, even in an aborted transaction."""
    result = growing(
        """
from django.db import IntegrityError, transaction

def broken():
    raise LookupError("by call")

def breaks_the_transaction():
    Book.objects.create(pk=Book.objects.first().pk, author_id=1, title="")

def fails_to_populate(number):
    books(number)
    raise LookupError("by populate")

@pytest.mark.parametrize("call, populate, error", [
    (broken, books, LookupError),
    (breaks_the_transaction, books, IntegrityError),
    (joined, fails_to_populate, LookupError),
])
@pytest.mark.parametrize("kind", [pytest.param("", marks=db), pytest.param("flushed", marks=committed)])
def test_sync(dbperf, kind, call, populate, error):
    with pytest.raises(error):
        dbperf.assert_constant(call, populate=populate)
    assert rows() == (0, 0)

@pytest.mark.parametrize("kind", [pytest.param("", marks=db), pytest.param("flushed", marks=committed)])
async def test_async(dbperf, kind):
    with pytest.raises(LookupError, match="by populate"):
        await dbperf.assert_constant(ajoined, populate=fails_to_populate)
    with pytest.raises(LookupError, match="by call"):
        await dbperf.assert_constant(broken, populate=abooks)
    assert await sync_to_async(rows)() == (0, 0)

@db
async def test_cancelled(dbperf):
    async def endless():
        await Author.objects.acount()
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await dbperf.assert_constant(endless, populate=abooks)
    assert await sync_to_async(rows)() == (0, 0)

@db
def test_durable(dbperf):
    def call():
        with transaction.atomic(durable=True):
            joined()
    dbperf.assert_constant(call, populate=books)

@committed
def test_nothing_is_left():
    assert rows() == (0, 0)
"""
    )

    result.assert_outcomes(passed=11)


def test_what_could_not_be_seen_is_an_error(suite, growing):
    """A mistake is an error in every mode."""
    result = growing(
        """
made = []

def memoised(number):
    if not made:
        made.append(books(number))

def same(number):
    books(3)

@db
def test_no_rows(dbperf):
    dbperf.assert_constant(joined, populate=lambda number: None)

@db
def test_the_same_rows(dbperf):
    dbperf.assert_constant(joined, populate=same)

@db
def test_memoised(dbperf):
    dbperf.assert_constant(joined, populate=memoised)

def test_no_database(dbperf):
    dbperf.assert_constant(joined, populate=books)

@db
def test_awaitable(dbperf):
    dbperf.assert_constant(ajoined, populate=books)

@db
def test_awaitable_populate(dbperf):
    dbperf.assert_constant(joined, populate=abooks)

@db
async def test_not_awaited(dbperf):
    dbperf.assert_constant(ajoined, populate=abooks)

@db
async def test_not_awaited_to_its_end(dbperf):
    task = asyncio.create_task(dbperf.assert_constant(ajoined, populate=abooks))
    await asyncio.sleep(0)

@db
async def test_two_at_once(dbperf):
    await asyncio.gather(*(dbperf.assert_constant(ajoined, populate=abooks) for _ in range(2)))

@db
def test_wrong(dbperf):
    dbperf.assert_constant(joined, populate=books, scales=(5, 2))

@pytest.fixture
def asserting(dbperf, db):
    with pytest.raises(RuntimeError, match="in the body of a test only"):
        dbperf.assert_constant(joined, populate=books)

def test_in_a_fixture(asserting): pass

@db
async def test_that_fails_anyway(dbperf):
    dbperf.assert_constant(ajoined, populate=abooks)
    raise LookupError

@db
def test_nothing_to_measure(dbperf):
    dbperf.assert_constant(lambda: None, populate=books)

@committed
def test_nothing_is_left():
    assert rows() == (0, 0)
""",
        "--dbperf=report",
    )

    result.assert_outcomes(passed=3, failed=11)

    def said(test):
        return " ".join(failure_of(result, test))

    assert "populate(2) added no rows to the databases that the test may use" in said("test_no_rows")
    assert "populate(5) added 6 rows, no more than populate(2), which added 6. The" in said(
        "test_the_same_rows"
    )
    assert "populate(5) added no" in said("test_memoised")
    assert "this test has no access to a database. Mark it @pytest.mark.django_db" in said("test_no_database")
    for test in ("test_awaitable", "test_awaitable_populate"):
        assert "assert_constant got a coroutine to await, but no event loop is running" in said(test)
    for test, text in {
        "test_not_awaited": "dbperf.assert_constant(ajoined, populate=abooks)",
        "test_not_awaited_to_its_end": "asyncio.create_task(dbperf",
    }.items():
        asserted = line_of(suite, text) if test.endswith("end") else None
        assert "was not awaited, so it checked nothing" in said(test)
        assert asserted is None or f"assert_constant at test_it.py:{asserted} was" in said(test)
    assert "assert_constant is already running" in said("test_two_at_once")
    assert "scales must be two or more whole numbers >= 0 in increasing order" in said("test_wrong")
    assert "LookupError" in said("test_that_fails_anyway")


def test_rows_that_a_flush_would_lose_are_not_flushed(growing):
    """The error names their tables, and they are still there."""
    result = growing(
        """
@committed
def test_refused(dbperf):
    books(3)
    with pytest.raises(RuntimeError) as error:
        dbperf.assert_constant(joined, populate=books)
    assert "shop_author (3 rows), shop_book (3 rows). Create them in populate" in str(error.value)
    assert rows() == (3, 3)

@committed
async def test_refused_async(dbperf):
    await Author.objects.acreate(name="Ada")
    with pytest.raises(RuntimeError, match=r"shop_author \\(1 row\\)"):
        await dbperf.assert_constant(ajoined, populate=books)
    assert await sync_to_async(rows)() == (1, 0)

@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_refused_on_another(dbperf):
    Author.objects.using("other").create(name="Ada")
    Author.objects.create(name="Ada")
    with pytest.raises(RuntimeError) as error:
        dbperf.assert_constant(joined, populate=books)
    assert "shop_author (1 row on default), shop_author (1 row on other)." in str(error.value)
"""
    )

    result.assert_outcomes(passed=3)


def test_several_databases_are_restored(growing):
    """All databases that the test may use are restored, and their rows count."""
    result = growing(
        """
def elsewhere(number):
    for each in range(number):
        Author.objects.using("other").create(name=f"Author {each}")

def counted():
    for author in Author.objects.using("other"):
        author.books.count()

both = ["default", "other"]

@pytest.mark.parametrize("kind", [
    pytest.param("", marks=pytest.mark.django_db(databases=both)),
    pytest.param("flushed", marks=pytest.mark.django_db(transaction=True, databases=both)),
])
def test_it(dbperf, kind):
    with pytest.raises(AssertionError, match="queries grow 1.0 > 0 a row"):
        dbperf.assert_constant(counted, populate=elsewhere)
    assert Author.objects.using("other").count() == 0
"""
    )

    result.assert_outcomes(passed=2)


def test_rows_that_were_committed_elsewhere_are_told(growing):
    """Rows that cannot be removed would be there at the next scale, too."""
    result = growing(
        """
async def in_a_thread_of_its_own(number):
    def make():
        try:
            books(number)
        finally:
            connections.close_all()
    await asyncio.to_thread(make)

@db
async def test_it(dbperf):
    try:
        with pytest.raises(RuntimeError) as error:
            await dbperf.assert_constant(ajoined, populate=in_a_thread_of_its_own)
    finally:
        await Author.objects.all().adelete()
    assert "could not restore the database: shop_author (+2 rows), shop_book (+2 rows)." in str(error.value)
"""
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["report", "off"])
def test_growth_fails_nothing_where_nothing_is_to_fail(suite, growing, mode):
    """It is measured all the same, so that the test runs the same code."""
    result = growing(
        """
called = []

@db
def test_grows(dbperf):
    dbperf.assert_constant(lambda: called.append(names()), populate=books)
    assert len(called) == 4
""",
        f"--dbperf={mode}",
    )

    result.assert_outcomes(passed=1)


def test_a_report_has_the_growth(suite, growing):
    """It has the broken budget, also in report mode."""
    growing(
        """
@db
def test_grows(dbperf):
    dbperf.assert_constant(names, populate=books, slope=0.5)
""",
        "--dbperf=report",
        "--dbperf-report=json:run.json",
    )

    (test,) = json.loads((suite.path / "run.json").read_text())["tests"]
    (violation,) = test["violations"]
    assert violation.pop("message").startswith("queries grow 1.0 > 0.5 a row (2 -> 5)   assert_constant")
    assert any("shop_author" in line for line in violation.pop("explanation"))
    line = line_of(suite, "return [book.author.name")
    assert violation == {
        "budget": "assert_constant",
        "measured": 1.0,
        "limit": 0.5,
        "location": f"test_it.py:{line}",
    }
    assert test["queries"] == 0


CONTRIB = """
from settings import *

INSTALLED_APPS = ["shop", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites"]
MIGRATION_MODULES = {}
SITE_ID = 1
"""


def test_what_django_keeps_in_tables_is_made_again(suite, growing):
    """Permissions, content types and the default site are there after a flush; their caches cost nothing."""
    suite.file("with_contrib.py", CONTRIB)
    result = growing(
        """
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site

def kinds():
    return [ContentType.objects.get_for_model(book) for book in Book.objects.all()]

@committed
def test_kept(dbperf):
    before = Permission.objects.count(), ContentType.objects.count(), Site.objects.count()
    dbperf.assert_constant(kinds, populate=books)
    assert min(before) > 0
    assert (Permission.objects.count(), ContentType.objects.count(), Site.objects.count()) == before

@db
def test_caches(dbperf):
    ContentType.objects.clear_cache()
    dbperf.assert_constant(kinds, populate=books, scales=(0, 5), slope=0.2)

@committed
def test_a_site_that_is_not_made_again(dbperf):
    Site.objects.create(domain="example.org", name="second")
    with pytest.raises(RuntimeError, match=r"could not restore the database: django_site \\(-1 row\\)"):
        dbperf.assert_constant(kinds, populate=books)

class Limited(TransactionTestCase):
    available_apps = ["shop", "django.contrib.contenttypes"]

    @pytest.fixture(autouse=True)
    def _dbperf(self, dbperf):
        self.dbperf = dbperf

    def test_apps(self):
        before = ContentType.objects.count()
        self.dbperf.assert_constant(kinds, populate=books)
        assert 0 < ContentType.objects.count() < before
""",
        "--ds=with_contrib",
    )

    result.assert_outcomes(passed=4)


def test_a_mirror_is_read_but_not_flushed(suite, growing):
    """It is a second alias of a database that is flushed under its own alias."""
    suite.file(
        "with_mirror.py",
        "from settings import *\n\nDATABASES['other']['TEST'] = {'MIRROR': 'default'}\n",
    )
    result = growing(
        """
@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_it(dbperf):
    dbperf.assert_constant(lambda: Author.objects.using("other").count(), populate=books)
    assert rows() == (0, 0)
""",
        "--ds=with_mirror",
    )

    result.assert_outcomes(passed=1)


def test_many_tables_are_not_all_named(suite, growing):
    """The error names the first five."""
    models = "\n".join(f"class Thing{number}(models.Model):\n    pass\n" for number in range(7))
    suite.file("many/__init__.py", "")
    suite.file("many/models.py", f"from django.db import models\n\n{models}")
    suite.file("with_many.py", "from settings import *\n\nINSTALLED_APPS = ['shop', 'many']\n")
    result = growing(
        """
from many import models

@committed
def test_it(dbperf):
    for number in range(7):
        getattr(models, f"Thing{number}").objects.create()
    with pytest.raises(RuntimeError, match=r"many_thing4 \\(1 row\\) and 2 more tables\\. Create"):
        dbperf.assert_constant(joined, populate=books)
""",
        "--ds=with_many",
    )

    result.assert_outcomes(passed=1)

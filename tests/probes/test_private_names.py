"""When a library moves a private name that is read or set outside a seam, this fails and says which."""

import asyncio
import inspect
import io
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django
import psycopg
import psycopg_pool
import pytest
from asgiref.sync import SyncToAsync
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.db.models.query import BaseIterable, QuerySet
from django.db.models.sql.query import Query
from django.db.models.sql.subqueries import InsertQuery
from django.http import FileResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import AsyncClient, AsyncRequestFactory, Client

from pytest_dbperf.probes.django_frames import frame_readers
from pytest_dbperf.probes.querysets import FOREIGN_KEY, GENERIC, MANY_TO_MANY
from shop.models import Author, Book


async def test_asyncio_lets_a_thread_hide_its_event_loop():
    """An EXPLAIN for a coroutine needs a thread that looks as if no loop ran in it."""
    loop = asyncio.get_running_loop()
    assert asyncio._get_running_loop() is loop

    asyncio._set_running_loop(None)
    try:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
    finally:
        asyncio._set_running_loop(loop)

    assert asyncio.get_running_loop() is loop


def test_unittest_tells_the_body_of_a_test_from_its_subtests():
    """`_outcome.success` is false after a failed subtest, which raises nothing in the body."""
    seen = []

    class Test(unittest.TestCase):
        def test_passes(self):
            seen.append(self._outcome.success)
            with self.subTest():
                self.fail()
            seen.append(self._outcome.success)

    Test("test_passes").run(unittest.TestResult())

    assert seen == [True, False]


@pytest.mark.parametrize("name", ["_reset", "_execute_send"])
def test_psycopg_keeps_the_query_that_it_sent_last(name):
    """By this a statement that the server refused is told from one that psycopg refused."""
    assert "self._query = " in inspect.getsource(getattr(psycopg.Cursor, name))


def test_django_reads_a_file_by_an_iterator():
    """It is replaced, as a response forgets its file if its content is."""
    response = FileResponse(io.BytesIO(b"a file"))

    assert next(response._iterator) == b"a file"
    assert response.file_to_stream is not None
    response.streaming_content = response.streaming_content
    assert response.file_to_stream is None


@pytest.mark.django_db
def test_django_knows_its_test_cases_transactions_by_an_attribute():
    """A durable block inside such a one is not refused: `assert_constant` makes one."""
    outer = transaction.Atomic("default", savepoint=True, durable=False)
    assert outer._from_testcase is False

    outer._from_testcase = True
    with outer, transaction.atomic(durable=True):
        pass
    with pytest.raises(RuntimeError, match="durable"):
        with transaction.atomic(), transaction.atomic(durable=True):
            pass


def test_pytest_knows_its_command_line_before_it_is_read_as_a_whole(pytestconfig):
    """The mode of the plugin is needed then; the addopts of the ini file are among what is known."""
    assert "no:dbperf" in pytestconfig.known_args_namespace.plugins


@pytest.mark.django_db
def test_django_keeps_content_types_by_alias():
    """The plugin empties this dictionary before a test that is measured."""
    ContentType.objects.clear_cache()
    ContentType.objects.get_for_model(Author)

    assert list(ContentType.objects._cache) == ["default"]
    ContentType.objects.clear_cache()
    assert ContentType.objects._cache == {}


def test_django_keeps_sites_in_a_dictionary():
    """The plugin empties this one, too."""
    source = Path(django.__file__).parent.joinpath("contrib/sites/models.py").read_text()

    assert "\nSITE_CACHE = {}\n" in source


def test_djangos_managers_know_their_database():
    """A related manager that has one makes one more clone of its queryset."""
    assert Author.objects._db is None
    assert Author.objects.db_manager("other")._db == "other"


def test_from_django_6_1_querysets_are_filtered_in_place():
    """The plugin counts clones until then; the name is how it knows."""
    assert hasattr(QuerySet, "_avoid_cloning") == (django.VERSION >= (6, 1))


@pytest.mark.parametrize(("owner", "name"), [(QuerySet, "_iterator"), (BaseIterable, "_async_generator")])
def test_querysets_are_streamed_by_the_functions_that_are_looked_for(owner, name):
    """Rows that are streamed are not kept, and so cannot be prefetched for."""
    assert name in vars(owner)


def test_querysets_keep_their_query_and_read_rows_by_one_compiler():
    """The plugin notes on the query where it was made; queries that write have other compilers."""
    queryset = Author.objects.all()

    assert type(queryset._query) is Query
    assert Query.compiler == "SQLCompiler"
    assert InsertQuery.compiler != Query.compiler


def test_querysets_make_their_instances_in_the_function_that_is_looked_for():
    """No other code runs between two of its rows."""
    assert "list(self._iterable_class(self))" in inspect.getsource(vars(QuerySet)["_fetch_all"])


@pytest.mark.parametrize("name", [FOREIGN_KEY, MANY_TO_MANY, GENERIC])
def test_related_managers_filter_in_the_function_that_is_looked_for(name):
    """`get_queryset` calls it, and it begins with a function that is wrapped."""
    from django.contrib.contenttypes import fields
    from django.db.models.fields import related_descriptors

    factory = name.split(".<locals>.")[0]
    source = inspect.getsource(getattr(fields if name == GENERIC else related_descriptors, factory))

    assert "return self._apply_rel_filters(queryset)" in source
    assert ("queryset.using(" if name == GENERIC else "queryset._add_hints(") in source


def test_models_know_their_relations_by_the_names_of_queries():
    """select_related() takes these names."""
    assert "author" in Book._meta._forward_fields_map
    assert "books" in Author._meta.fields_map


def test_instances_have_a_state_with_the_relations_that_were_loaded():
    """The plugin notes there which rows came together."""
    assert Author()._state.fields_cache == {}


@pytest.mark.parametrize(
    ("name", "module"),
    [(FOREIGN_KEY, "related"), (MANY_TO_MANY, "related"), (GENERIC, "generic")],
)
def test_djangos_related_managers_are_named_as_before(name, module):
    """They are classes of functions, and known by their names."""
    from django.contrib.contenttypes import fields
    from django.db.models.fields import related_descriptors

    place = related_descriptors if module == "related" else fields
    function, class_name = name.split(".<locals>.")

    assert f"class {class_name}(" in inspect.getsource(getattr(place, function))


@pytest.mark.parametrize("name", ["_get_site_by_id", "_get_site_by_request"])
def test_sites_are_looked_up_by_these_functions(name):
    """Their queries are Django's, and not those of who asks for a site."""
    assert any(name in function for functions in frame_readers().values() for function in functions)


def test_the_test_clients_make_scopes_environments_and_json():
    """The plugin's own clients are Django's, and call these."""
    answer = type("Answer", (), {"headers": {"Content-Type": "application/json"}, "content": b"[1]"})
    answer.get = staticmethod(answer.headers.get)

    assert Client()._base_environ()["REQUEST_METHOD"] == "GET"
    assert AsyncClient()._base_scope()["method"] == "GET"
    assert callable(Client()._parse_json)
    assert "_body_file" in inspect.getsource(AsyncRequestFactory.generic)


def test_a_request_can_be_excepted_from_csrf_checks():
    """As Django's test clients do it."""

    def view(request):
        pytest.fail("it is not called")

    def refused(*, is_excepted):
        request = AsyncRequestFactory().post("/")
        request._dont_enforce_csrf_checks = is_excepted
        return CsrfViewMiddleware(view).process_view(request, view, (), {})

    assert refused(is_excepted=True) is None
    assert refused(is_excepted=False).status_code == 403


def test_a_connection_to_postgresql_is_closed_by_the_function_that_is_wrapped(postgres):
    """`database_settings` gives a connection back to where it came from."""
    assert str(inspect.signature(vars(type(connections["default"]))["_close"])) == "(self)"


def test_a_connection_knows_its_pool(postgres):
    """One that was made without a pool has no such attribute, or None."""
    settings = connections["default"].settings_dict
    where = psycopg.conninfo.make_conninfo(
        host=settings["HOST"], port=settings["PORT"], user=settings["USER"], dbname="postgres"
    )
    with psycopg_pool.ConnectionPool(where, min_size=1, max_size=1) as pool, pool.connection() as connection:
        assert connection._pool is pool
    with psycopg.connect(where) as connection:
        assert getattr(connection, "_pool", None) is None


def test_an_executor_names_its_threads():
    """By the name a thread's executor is known."""
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        assert executor._thread_name_prefix == "mine"


def test_an_executor_has_no_threads_until_it_is_used():
    """The plugin starts none only to close connections there."""
    with ThreadPoolExecutor(1) as executor:
        assert not executor._threads
        executor.submit(int).result()
        assert executor._threads


@pytest.mark.parametrize("is_sensitive", [True, False])
def test_asgiref_keeps_whether_an_adapter_is_thread_sensitive(is_sensitive):
    """The hop says in which thread it runs."""
    adapter = SyncToAsync(io.StringIO, thread_sensitive=is_sensitive)

    assert vars(adapter)["_thread_sensitive"] is is_sensitive

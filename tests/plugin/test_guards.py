"""A budget that cannot be checked is an error, and never a pass."""

import pytest

from tests.plugin.conftest import line_of

BUDGET = """
import pytest

@pytest.mark.query_budget(5)
def test_marked(): pass

def test_block(max_new_connections):
    with max_new_connections(0):
        pass

def test_without(): pass
"""


def test_without_settings_a_budget_is_an_error(suite):
    """The error says what to do; tests without a budget are not affected."""
    (suite.path / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly -p no:django\n")
    suite.pytester.makepyfile(test_it=BUDGET)
    suite.pytester._monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines_random(
        [
            "query_budget(5) at test_it.py:3 cannot be checked: Django is not set up. "
            "Set DJANGO_SETTINGS_MODULE *",
            "max_new_connections(0) at test_it.py:7 cannot be checked: Django is not set up. *",
        ]
    )


def test_without_apps_a_budget_is_an_error(suite):
    """Settings alone are not enough."""
    (suite.path / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly -p no:django\n")
    suite.pytester.makepyfile(test_it=BUDGET)
    suite.file("conftest.py", "from django.conf import settings\nsettings.configure()\n")

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*cannot be checked: *call django.setup() in conftest.py*"])


@pytest.mark.parametrize("databases", ["{}", "{'default': {}}"])
def test_without_a_database_a_budget_is_an_error(suite, databases):
    """Django's dummy backend refuses every query."""
    suite.file("settings.py", f"SECRET_KEY = 'x'\nDATABASES = {databases}\n")
    suite.pytester.makepyfile(test_it=BUDGET)

    result = suite.run()

    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*cannot be checked: DATABASES has no database."])


WITHOUT_DJANGO = """
import pytest

@pytest.mark.query_budget(5)
def test_marked(): pass

def test_block(max_new_connections):
    with max_new_connections(0):
        pass

def test_fixtures(request):
    for name in ("dbperf", "wsgi_client", "asgi_client", "database_settings"):
        with pytest.raises(Exception, match="^" + name + " cannot be used: Django is not installed, and "):
            request.getfixturevalue(name)

def test_without(): pass
"""


@pytest.mark.parametrize("ini", ["", "dbperf_query_budget = 3", "dbperf_no_unindexed_filters = true"])
def test_without_django_a_budget_is_an_error(suite, ini):
    """A sentence says so. Tests without a budget pass, also if the ini file has a default for all tests."""
    (suite.path / "pytest.ini").write_text(
        f"[pytest]\naddopts = -p no:randomly -p no:django -p without_django\n{ini}\n"
    )
    # For importlib, None is a package that is not there.
    suite.file("without_django.py", "import sys\nsys.modules['django'] = None\n")
    suite.pytester.makepyfile(test_it=WITHOUT_DJANGO)
    suite.pytester._monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)

    result = suite.run()

    result.assert_outcomes(passed=2, failed=1, errors=1)
    why = "cannot be checked: Django is not installed, and pytest-dbperf counts what Django does."
    result.stdout.fnmatch_lines_random(
        [f"query_budget(5) at test_it.py:3 {why}", f"max_new_connections(0) at test_it.py:7 {why}"]
    )


def test_a_default_is_no_error_for_a_test_that_touches_no_database(suite):
    """Without settings, and without a PostgreSQL. A test that asks a database cannot be checked."""
    suite.ini("dbperf_no_unindexed_filters = true")
    suite.file(
        "settings.py",
        (suite.path / "settings.py").read_text() + "\nDATABASES = {'default': DATABASES['sqlite']}\n",
    )
    result = suite.run_tests(
        """
def test_nothing(): pass

@db
def test_database_without_a_query(): pass

@db
def test_query(): queries(1)
"""
    )

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["no_unindexed_filters in pytest.ini cannot be checked: it needs PostgreSQL, and *"]
    )


def test_a_default_needs_no_settings_where_nothing_is_counted(suite):
    """Tests of pure functions may stand beside those of a Django project."""
    (suite.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:randomly -p no:django\ndbperf_query_budget = 3\n"
    )
    suite.pytester.makepyfile(test_it="def test_it(): pass")
    suite.pytester._monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)

    suite.run().assert_outcomes(passed=1)


def test_a_limit_on_a_misspelt_table_is_an_error(suite):
    """It would count nothing. A table without a model may be limited, and one with a number is a copy."""
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(5, tables={"shopbook": 0})
def test_marker(): queries(1)

@db
def test_fixture(query_budget):
    with query_budget(5, tables={"shop_authors": 1}):
        queries(1)

@db
@pytest.mark.query_budget(0, tables={"shopbook": 0})
def test_broken_budgets_come_first(): queries(1)

@db
@pytest.mark.query_budget(5, tables={"shop_author": 1, "events_archive": 0, "shop_book_2": 0})
def test_right(): queries(1)

@db
@pytest.mark.query_budget(5, tables={"shop_books": 2})
def test_without_a_model():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE shop_books (id int)")
        cursor.execute("SELECT * FROM shop_books")
"""
    )

    result.assert_outcomes(failed=3, passed=2)
    marker, fixture = line_of(suite, "shopbook"), line_of(suite, "with query_budget")
    result.stdout.fnmatch_lines(
        [
            "query_budget(5, tables={'shopbook': 0}) at test_it.py:* cannot be checked: "
            "no model has the table 'shopbook' (did you mean 'shop_book'?).",
            f"test_it.py:{marker}: NothingCounts",
            f"query_budget(5, tables={{'shop_authors': 1}}) at test_it.py:{fixture} cannot be checked: "
            "no model has the table 'shop_authors' (did you mean 'shop_author'?).",
            f"test_it.py:{fixture}: NothingCounts",
            "queries 1 > 0 (+1)*",
        ]
    )


def test_an_alias_that_does_not_exist_is_an_error(suite):
    """A slip of the pen would count zero for ever."""
    result = suite.run_tests(
        """
@db
@pytest.mark.query_budget(5, using="replica")
def test_marked():
    pass

@db
@pytest.mark.query_budget(5, using="Default")
def test_misspelt():
    pass
"""
    )

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "query_budget(5, using='replica') at test_it.py:* cannot be checked: "
            "DATABASES has no alias 'replica', only default, other, sqlite.",
            "*DATABASES has no alias 'Default' (did you mean 'default'?), only default, other, sqlite.",
            f"test_it.py:{line_of(suite, 'Default')}: NothingCounts",
        ]
    )


def test_objects_of_the_user_are_never_shown_by_their_repr(suite):
    """The repr of a QuerySet runs it, and that of a model may do anything."""
    result = suite.run_tests(
        """
class Touchy:
    def __repr__(self):
        raise AssertionError("somebody looked")

    __str__ = __eq__ = __hash__ = __repr__

    def __call__(self):
        return 42

    def method(self):
        return 42

@committed
@pytest.mark.query_budget(0)
@pytest.mark.no_sync_to_async
async def test_touchy():
    assert await sync_to_async(Touchy())() == 42
    assert await sync_to_async(Touchy().method)() == 42
    assert await asyncio.to_thread(Touchy().method) == 42
    await sync_to_async(Author.objects.filter(name="Ada").count)()
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["queries 1 > 0 (+1), sync_to_async hops 4 > 0 (+4)"])
    result.stdout.no_fnmatch_line("*somebody looked*")


def test_a_thread_that_does_not_answer_is_an_error(suite):
    """An earlier test left a call in asgiref's thread, and this one would wait for it for ever."""
    suite.file(
        "conftest.py",
        """
import pytest
from pytest_dbperf.session import standing_connections

@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(standing_connections, "_SECONDS_TO_WAIT", 0.1)
""",
    )
    result = suite.run_tests(
        """
from asgiref.sync import SyncToAsync

@db
@pytest.mark.order(1)
def test_leaves_a_call():
    pass

stuck = threading.Event()

@committed
def test_gets_stuck(request):
    SyncToAsync.single_thread_executor.submit(stuck.wait, 30)

@committed
async def test_would_wait():
    pass

@committed
def test_frees():
    stuck.set()
""".replace("@pytest.mark.order(1)\n", "")
    )

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["asgiref's thread did not answer within 0.1 s: a sync_to_async call of an earlier*"]
    )

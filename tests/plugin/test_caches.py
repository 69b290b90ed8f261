"""Counts do not depend on what ran before, and where they do the cache is named."""

import pytest

from tests.plugin.conftest import failure_of, line_of
from tests.plugin.test_reports import run_of

APPS = """
INSTALLED_APPS += ["django.contrib.sites"]
SITE_ID = 1
"""
CONF = """
from functools import cache, lru_cache

from shop.models import Author


@lru_cache
def setting(name):
    return Author.objects.filter(name=name).count()


class Conf:
    @classmethod
    @cache
    def current(cls):
        return Author.objects.count()
"""


@pytest.fixture
def shop(suite):
    """A project with content types, sites, and settings that lie in the database."""
    suite.file("settings.py", (suite.path / "settings.py").read_text() + APPS)
    suite.file("shop/conf.py", CONF)
    return suite


LOOK_UP = """
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site

def look_up():
    ContentType.objects.get_for_model(Author)
    ContentType.objects.db_manager("default").get_for_model(Author)
    Site.objects.get_current()
    Site.objects.get_current()
"""
IN_EVERY_KIND = (
    LOOK_UP
    + """
pytestmark = pytest.mark.query_budget(2, at_least=2)

@pytest.mark.query_budget(0)
class TestFilled(TestCase):
    @classmethod
    def setUpTestData(cls):
        ContentType.objects.get_for_model(Author)

    def setUp(self):
        Site.objects.get_current()

    def test_one(self):
        with self.assertNumQueries(0):
            look_up()

    def test_two(self):
        with self.assertNumQueries(0):
            look_up()

@db
def test_function(django_assert_num_queries):
    with django_assert_num_queries(2):
        look_up()

@pytest.fixture
def filled(db):
    look_up()

@pytest.mark.query_budget(0)
def test_fixture(filled, django_assert_num_queries):
    with django_assert_num_queries(0):
        look_up()

@committed
async def test_async():
    await sync_to_async(look_up)()

@committed
def test_thread():
    thread = threading.Thread(target=lambda: (look_up(), connections.close_all()))
    thread.start()
    thread.join()

class TestDjango(TestCase):
    def test_method(self):
        with self.assertNumQueries(2):
            look_up()

    async def test_async_method(self):
        await sync_to_async(look_up)()
"""
)
IN_ANOTHER_ORDER = [
    f"test_it.py::{test}"
    for test in (
        "TestDjango::test_method",
        "TestFilled::test_two",
        "TestDjango::test_async_method",
        "TestFilled::test_one",
        "test_thread",
        "test_fixture",
        "test_async",
        "test_function",
    )
]


@pytest.mark.parametrize(
    "args",
    [(), IN_ANOTHER_ORDER, ("-n", "2"), IN_ANOTHER_ORDER[-1:]],
    ids=["first to last", "another order", "distributed", "alone"],
)
def test_content_types_and_sites_are_looked_up_by_every_test(shop, args):
    """As often as pytest-django and Django count it, in every order and every kind of test."""
    result = shop.run_tests(IN_EVERY_KIND, *args)

    result.assert_outcomes(passed=len([arg for arg in args if "::" in arg]) or 8)


def test_the_reset_is_no_query_and_needs_no_app(suite):
    """A project without these apps runs as before."""
    settings = (suite.path / "settings.py").read_text()
    suite.file("settings.py", f'{settings}\nINSTALLED_APPS = ["shop"]\nROOT_URLCONF = "bare"\n')
    result = suite.run_tests("""
import sys

@db
@pytest.mark.query_budget(0)
def test_nothing(dbperf):
    assert not dbperf.statements
    assert "django.contrib.contenttypes.models" not in sys.modules
""")

    result.assert_outcomes(passed=1)


def test_the_reset_can_be_switched_off(shop):
    """Then the first test pays for all, and its failure names the cache."""
    shop.ini("dbperf_reset_caches = false")
    result = shop.run_tests(
        LOOK_UP
        + """
@db
@pytest.mark.query_budget(1)
def test_one():
    look_up()

@db
@pytest.mark.query_budget(1)
def test_two():
    look_up()

@pytest.fixture
def filled(db):
    look_up()

@pytest.mark.query_budget(0)
def test_fixture(filled):
    look_up()
"""
    )

    result.assert_outcomes(failed=1, passed=2)
    assert [line for line in failure_of(result, "test_one") if "note" in line] == [
        "  note  1 of these queries runs only while the cache of ContentType.objects is cold; "
        "dbperf_reset_caches = true clears it before each test"
    ]


@pytest.mark.parametrize("args", [(), ("--dbperf=off",)], ids=["no budget", "off"])
def test_it_is_only_reset_for_tests_that_somebody_counts(shop, args):
    """To install the plugin changes no test."""
    result = shop.run_tests(
        LOOK_UP
        + """
@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        ContentType.objects.get_for_model(Author)

@db
def test_one(filled, django_assert_num_queries):
    with django_assert_num_queries(0):
        ContentType.objects.get_for_model(Author)

@db
def test_two(django_assert_num_queries):
    with django_assert_num_queries(0):
        ContentType.objects.get_for_model(Author)
""",
        *args,
    )

    result.assert_outcomes(passed=2)


WARM = """
from shop.conf import Conf, setting

@db
@pytest.mark.query_budget(0)
def test_cold():
    setting("theme")
    setting("theme")

@committed
@pytest.mark.query_budget(1, at_least=1)
async def test_warm():
    await sync_to_async(setting)("theme")

class TestDjango(TestCase):
    def setUp(self):
        queries(1)

    def test_a_cold_method(self):
        Conf.current()

    def test_a_warm_method(self):
        Conf.current()
        setting("theme")

    def tearDown(self):
        Conf.current()

@db
def test_without():
    queries(1)

@db
def test_cleared():
    setting.cache_clear()
    setting("theme")
    setting("theme")
"""


def test_counts_that_depend_on_an_earlier_test_are_told(shop):
    """In the failures, at the end of the run, and in the JSON."""
    shop.tests(WARM)
    run = run_of(shop, "-p", "no:terminalreporter")

    setting, current = "shop/conf.py:7 setting (lru_cache)", "shop/conf.py:13 Conf.current (lru_cache)"
    assert {test["id"].rpartition("::")[2]: test["warm_caches"] for test in run["tests"]} == {
        "test_cold": [],
        "test_warm": [setting],
        "test_a_cold_method": [],
        "test_a_warm_method": [setting, current],
        "test_without": [],
        "test_cleared": [],
    }
    result = shop.run()
    result.assert_outcomes(failed=2, passed=4)
    assert failure_of(result, "test_cold")[2:6] == [
        "    1x  SELECT COUNT(*) AS __count FROM shop_author WHERE name = %s",
        f"        shop/conf.py:9 setting  <- test_it.py:{line_of(shop, 'setting(')} test_cold",
        "",
        "  note  1 of these queries runs only while this cache is cold (lru_cache); a test that warms it "
        "first hides it: shop/conf.py:7 setting",
    ]
    assert failure_of(result, "test_warm")[2:3] == [
        "  note  this test read a cache (lru_cache) that an earlier test had filled; run alone, it may make "
        "more queries: shop/conf.py:7 setting",
    ]


def test_the_end_of_the_run_counts_the_tests(shop):
    """One line for each cache, with the tables and not without."""
    shop.tests(WARM)
    told = "counts of 2 tests can depend on which tests ran before: shop/conf.py:7 setting (lru_cache) was *"

    shop.run("--dbperf=report").stdout.fnmatch_lines([told])
    result = shop.run("--deselect=test_it.py::test_cold", "--deselect=test_it.py::test_warm")
    result.stdout.no_fnmatch_line("counts of *")


def test_alone_and_in_processes_of_their_own_tests_find_nothing(shop):
    """Each worker of xdist has its own caches, and reports those."""
    shop.tests(WARM)
    shop.tests(WARM, "test_other.py")
    run = run_of(shop, "-n", "2", "--dist", "loadfile")
    warm = [test["id"] for test in run["tests"] if test["warm_caches"]]
    alone = run_of(shop, "test_it.py::test_warm")

    assert warm == [
        f"{file}::{test}"
        for file in ("test_it.py", "test_other.py")
        for test in ("TestDjango::test_a_warm_method", "test_warm")
    ]
    assert [(test["queries"], test["warm_caches"]) for test in alone["tests"]] == [(1, [])]


def test_a_fixture_that_empties_or_fills_a_cache_makes_counts_stable(shop):
    """There is no hint then, whatever its scope."""
    shop.tests("""
from shop.conf import Conf, setting

@pytest.fixture(autouse=True, scope="module")
def filled(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        Conf.current()

@pytest.fixture(autouse=True)
def emptied(db):
    setting.cache_clear()
    setting("filled again")

def use():
    Conf.current()
    setting("theme")
    setting("filled again")

def test_one():
    use()

def test_two():
    use()

def test_three():
    setting("filled again")
""")
    tests = run_of(shop)["tests"]

    assert [(test["queries"], test["warm_caches"]) for test in tests] == [(1, []), (0, []), (1, [])]


def test_a_part_of_a_test_is_explained_as_well(shop):
    """By what it made itself, and by what the whole test has used."""
    result = shop.run_tests("""
from shop.conf import setting

@db
def test_cold(query_budget):
    setting("theme")

@db
def test_part(query_budget):
    setting("theme")
    with query_budget(1, at_least=1):
        pass
""")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  note  this test read a cache (lru_cache) *: shop/conf.py:7 setting"])

"""An earlier test's cache entries are reported if a test has certainly used them."""

import functools
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.caches import django
from pytest_dbperf.caches.advice import took_what_was_there, was_emptied
from pytest_dbperf.caches.functions import Counts
from pytest_dbperf.caches.watch import CacheWatch
from pytest_dbperf.callsites.shown import describe
from pytest_dbperf.recording.recorder import Recorder
from tests.factories import query, recording, site

GEODJANGO = "django.contrib.gis.db.models.fields"
CONTENT_TYPES = "django.contrib.contenttypes.models"


@functools.lru_cache
def setting(name):
    """A setting that is read once."""
    if name == "missing":
        raise LookupError
    return name


@functools.lru_cache
def outer():
    """Something that asks for a setting."""
    return setting("a")


def from_setting(count=1):
    """A recording of queries that were made in `setting`."""
    return recording(*[query(path=[(setting.__wrapped__.__code__, 0), site()])] * count)


NOTHING = recording()


@pytest.fixture
def memory():
    """A watch before the first test."""
    setting.cache_clear()
    outer.cache_clear()
    return CacheWatch(resets_caches=True)


def run(memory, body=(), *, fixtures=(), shared=(), window=NOTHING, setup=NOTHING):
    """Run a test: each part asks for settings; tell the functions whose cache an earlier test had filled."""
    memory.begin()
    with memory.sharing("shared"):
        [setting(name) for name in shared]
    [setting(name) for name in fixtures]
    memory.leave_to_setup(setup)
    memory.open()
    [setting(name) for name in body]
    return [memo.function.co_name for memo in memory.close(window)]


def test_a_test_that_used_what_an_earlier_one_had_filled_is_told(memory):
    """Also if other tests came in between. The test that filled it is not reported."""
    assert run(memory, ["a", "a"], window=from_setting()) == []
    assert run(memory, ["a"]) == ["setting"]
    assert run(memory) == []
    assert run(memory, ["a", "a"]) == ["setting"]


def test_what_was_cleared_is_as_if_it_had_never_been_filled(memory):
    """Clearing between tests, in fixtures or in the test itself makes it unknown."""
    run(memory, ["a"], window=from_setting())
    setting.cache_clear()
    assert run(memory, ["a", "a"], window=from_setting()) == []
    memory.begin()
    setting.cache_clear()
    memory.open()
    setting("a")
    setting("a")
    assert memory.close(from_setting()) == []
    memory.begin()
    memory.open()
    setting.cache_clear()
    setting("a")
    setting("a")
    assert memory.close(from_setting()) == []
    assert run(memory, ["a"]) == ["setting"]


def test_without_queries_it_is_no_concern(memory):
    """A cache of calculations is not watched."""
    run(memory, ["a"])

    assert run(memory, ["a"]) == []


def test_a_new_question_leaves_it_open(memory):
    """The hit may be on an entry that the test itself has just added."""
    run(memory, ["a"], window=from_setting())

    assert run(memory, ["b", "b"], window=from_setting()) == []


def test_what_its_own_fixtures_use_is_its_own(memory):
    """In a run of this test alone, they would have filled it."""
    run(memory, ["a"], window=from_setting())

    assert run(memory, ["a"], fixtures=["a"]) == []
    assert run(memory, ["a"]) == ["setting"]


def test_what_its_own_fixtures_fill_again_is_its_own(memory):
    """A cache that was cleared and filled again may have the same counts as before."""
    run(memory, ["a"], window=from_setting())
    memory.begin()
    setting.cache_clear()
    setting("a")
    memory.leave_to_setup(from_setting())
    memory.open()
    setting("a")

    assert memory.close(NOTHING) == []


def test_a_setup_that_fills_an_unknown_cache_says_nothing(memory):
    """Only a test's body fills a cache that is watched."""
    run(memory, fixtures=["a"], setup=from_setting())

    assert run(memory, ["a"]) == []


def test_caches_that_wider_fixtures_use_are_not_reported(memory):
    """A test that is run alone has these fixtures, too."""
    run(memory, ["a"], window=from_setting())
    assert run(memory, ["a"], shared=["b"]) == []
    assert run(memory, ["a"], shared=[]) == []
    setting.cache_clear()
    run(memory, ["a"], window=from_setting())
    assert run(memory, ["a"]) == ["setting"]


def test_caches_that_unknown_code_filled_are_not_reported(memory):
    """More misses than queries: other code has filled it, such as a session fixture."""
    setting("of the session")
    run(memory, ["a"], window=from_setting())

    assert run(memory, ["a"]) == []


def test_a_function_that_has_only_raised_has_filled_nothing(memory):
    """A cache keeps no exceptions."""
    memory.begin()
    memory.open()
    with pytest.raises(LookupError):
        setting("missing")
    memory.close(from_setting())

    assert memory.is_empty


def test_without_call_sites_nothing_is_proven(memory):
    """The test may have cleared the cache and filled it again."""
    run(memory, ["a"], window=from_setting())
    with Recorder().record(call_sites=False) as window:
        pass

    assert run(memory, ["a"], window=window) == []


@pytest.mark.parametrize(
    ("before_setup", "at_start", "at_end", "proven"),
    [
        ((0, 1, 1), (0, 1, 1), (1, 1, 1), True),
        ((0, 1, 1), (0, 1, 1), (0, 1, 1), False),
        ((0, 1, 1), (1, 1, 1), (2, 1, 1), False),
        ((0, 1, 1), (0, 1, 1), (1, 2, 2), False),
        ((9, 1, 1), (9, 1, 1), (3, 1, 1), False),
        ((0, 1, 0), (0, 1, 0), (1, 1, 0), False),
    ],
)
def test_hits_without_a_miss_prove_what_was_there(before_setup, at_start, at_end, proven):
    """Unless the setup used it as well, or it was empty."""
    assert took_what_was_there(Counts(*before_setup), Counts(*at_start), Counts(*at_end)) is proven


@pytest.mark.parametrize(
    ("after", "emptied"), [((2, 2, 2), False), ((3, 3, 3), False), ((1, 2, 2), True), ((2, 2, 1), True)]
)
def test_a_cache_that_has_seen_less_was_emptied(after, emptied):
    """Its numbers only grow."""
    assert was_emptied(Counts(2, 2, 2), Counts(*after)) is emptied


def notes(memory, violations, window, whole=NOTHING):
    """The hints about caches on violations, as they are shown."""
    return [
        [": ".join((hint.text, *describe(hint.sites, Path(__file__).parent))) for hint in violation.advice]
        for violation in memory.explained(violations, window, whole)
    ]


def line_of(function):
    """Where a function of this file begins, as it is shown."""
    code = function.__wrapped__.__code__
    return f"test_watch.py:{code.co_firstlineno} {code.co_name}"


def test_queries_that_fill_a_cache_are_named(memory):
    """With their number among the counted queries."""
    setting("a")
    window = recording(query("SELECT 2"), *from_setting(3).queries)
    violation = QueryBudget(1).check(window)

    assert notes(memory, [violation], window) == [
        [
            "3 of these queries run only while this cache is cold (lru_cache); a test that warms it first "
            f"hides them: {line_of(setting)}"
        ]
    ]


def test_of_two_caches_the_outer_one_is_named(memory):
    """Once it is filled, nothing inside of it runs."""
    outer()
    path = [(setting.__wrapped__.__code__, 0), (outer.__wrapped__.__code__, 0), site()]
    window = recording(query(path=path))

    ((note,),) = notes(memory, [QueryBudget(0).check(window)], window)
    assert note.endswith(f"hides it: {line_of(outer)}")


def test_a_call_around_the_cache_does_not_fill_it(memory):
    """`setting.__wrapped__()` asks the database each time."""
    setting.__wrapped__("a")
    window = from_setting()

    assert notes(memory, [QueryBudget(0).check(window)], window) == [[]]


def test_what_an_earlier_test_had_filled_is_noted_once(memory):
    """On the first of the violations: it is about the test, and not about one limit."""
    run(memory, ["a"], window=from_setting())
    run(memory, ["a"])
    violations = [QueryBudget(2, at_least=1).check(NOTHING), QueryBudget(2, at_least=2).check(NOTHING)]

    assert notes(memory, violations, NOTHING) == [
        [
            "this test read a cache (lru_cache) that an earlier test had filled; run alone, it may make more "
            f"queries: {line_of(setting)}"
        ],
        [],
    ]


def test_without_a_violation_there_is_nothing_to_explain(memory):
    """Hints are only for violations."""
    assert memory.explained([], NOTHING, NOTHING) == []


class FakeManager:
    """As much of Django's manager of content types as matters here."""

    def __init__(self):
        self._cache = {}

    def clear_cache(self):
        """Empty it."""
        self._cache.clear()


@pytest.fixture
def content_types(monkeypatch):
    """A module of content types: the real one needs its app."""
    module = ModuleType(CONTENT_TYPES)
    module.ContentType = type("ContentType", (), {"objects": FakeManager()})
    monkeypatch.setitem(sys.modules, CONTENT_TYPES, module)
    return module.ContentType.objects


LOOKUP = 'SELECT "id", "app_label", "model" FROM "django_content_type" WHERE "id" = 1 LIMIT 21'


@pytest.mark.parametrize(
    ("resets", "filled", "sql", "count"),
    [
        (False, True, LOOKUP, 2),
        (False, False, LOOKUP, 0),
        (True, True, LOOKUP, 0),
        (False, True, 'SELECT COUNT(*) AS "__count" FROM "django_content_type"', 0),
        (False, True, 'SELECT 1 FROM "shop_book" WHERE "id" = 1 LIMIT 21', 0),
    ],
)
def test_lookups_that_fill_djangos_caches_are_named(content_types, resets, filled, sql, count):
    """If they are not reset, have grown, and a query has looked for one row of their table."""
    memory = CacheWatch(resets_caches=resets)
    memory.begin()
    memory.open()
    if filled:
        content_types._cache["default"] = {1: "author"}
    window = recording(*[query(sql)] * 2)

    note = (
        f"{count} of these queries run only while the cache of ContentType.objects is cold; "
        "dbperf_reset_caches = true clears it before each test"
    )
    assert notes(memory, [QueryBudget(0).check(window)], window) == [[note] if count else []]


@pytest.mark.parametrize(
    ("resets", "is_reset", "left"),
    [(True, True, {}), (True, False, {1: "author"}), (False, True, {1: "author"})],
)
def test_djangos_caches_are_emptied_before_the_fixtures(content_types, resets, is_reset, left):
    """Only for a test that is measured, and not with `dbperf_reset_caches = false`."""
    memory = CacheWatch(resets_caches=resets)
    content_types._cache["default"] = {1: "author"}
    memory.begin(is_reset=is_reset)

    assert content_types._cache.get("default", {}) == left


def test_what_the_fixtures_of_a_test_have_filled_stays(content_types):
    """In a run of the test alone, they would be there as well."""
    memory = CacheWatch(resets_caches=True)
    memory.begin(is_reset=True)
    content_types._cache["default"] = {1: "author"}
    memory.open()

    assert content_types._cache == {"default": {1: "author"}}


def share(memory, content_types, fixture, number, name):
    """Run a fixture of a wider scope that looks for a content type."""
    with memory.sharing(fixture):
        content_types._cache.setdefault("default", {}).setdefault(number, name)


def test_what_a_wider_fixture_has_filled_is_there_for_the_tests_that_use_it(content_types):
    """In any order of tests, as long as the fixture lives."""
    memory = CacheWatch(resets_caches=True)
    memory.begin(["books"], is_reset=True)
    share(memory, content_types, "books", 1, "author")
    content_types._cache["default"][2] = "book"
    found = []
    for fixtures in (["books"], ["others"]):
        memory.begin(fixtures, is_reset=True)
        found.append({**content_types._cache.get("default", {})})
    memory.forget("books")
    memory.forget("others")
    memory.begin(["books"], is_reset=True)

    assert found == [{1: "author"}, {}]
    assert content_types._cache == {}


def test_a_wider_fixture_starts_with_empty_caches(content_types):
    """It starts with empty caches, and the entries from before are put back, even if it fails."""
    memory = CacheWatch(resets_caches=True)
    content_types._cache["default"] = {1: "author"}
    memory.begin()
    with pytest.raises(ZeroDivisionError), memory.sharing("books"):
        assert content_types._cache == {}
        content_types._cache["default"] = {1: "author", 2: "book"}
        raise ZeroDivisionError
    before = {**content_types._cache["default"]}
    memory.begin(["books"], is_reset=True)

    assert before == content_types._cache["default"] == {1: "author", 2: "book"}


@pytest.mark.parametrize(("is_reset", "left"), [(True, {}), (False, {1: "author"})])
def test_entries_of_migrations_are_not_kept(content_types, is_reset, left):
    """The next run may not migrate. If nothing is measured, nothing is changed."""
    memory = CacheWatch(resets_caches=True)
    memory.begin(is_reset=is_reset)
    share(memory, content_types, "django_db_setup", 1, "author")

    assert content_types._cache.get("default", {}) == left


def test_a_cache_without_aliases_is_kept_as_well(monkeypatch):
    """That of sites has none."""
    module = ModuleType("django.contrib.sites.models")
    module.SITE_CACHE = {1: "example.org"}
    monkeypatch.setitem(sys.modules, "django.contrib.sites.models", module)
    contents = django.contents()
    django.reset()
    assert module.SITE_CACHE == {}
    django.fill(contents)

    assert module.SITE_CACHE == {1: "example.org"}


def test_that_of_geodjango_is_emptied_as_well(monkeypatch):
    """Its module needs GDAL: here is one that has only the cache."""
    module = ModuleType(GEODJANGO)
    module._srid_cache = defaultdict(dict, {"default": {4326: "degrees"}})
    monkeypatch.setitem(sys.modules, GEODJANGO, module)

    assert django.sizes()["spatial_ref_sys"] == 1
    django.reset()
    assert module._srid_cache == {}


def test_an_example_leaves_caches_alone_where_they_are_not_reset():
    """Nothing of Django is read then."""
    watch = CacheWatch(resets_caches=False)

    with watch.leaving_as_found():
        assert watch is not None

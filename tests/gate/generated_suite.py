"""What is in the generated suite? Many tests, and a known number of causes that break its limits.

The project has one app, `shop`. It consists of sections: each has a view with one planted cause, and a view
without one. The tests of a module are those of one section, so that each cause is in many tests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Literal, TypeAlias

State: TypeAlias = Literal["planted", "fixed", "swapped"]
"""Whether a view has its cause, has none, or has another one that runs as many queries."""
Cause: TypeAlias = Callable[[str, State], str]
"""Writes a view of this name in one of its states."""

SETTINGS = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["shop"]
ROOT_URLCONF = "shop.urls"
SECRET_KEY = "only for tests"
USE_TZ = True
"""

INI = """
[pytest]
DJANGO_SETTINGS_MODULE = settings
filterwarnings = error
pythonpath = .
testpaths = tests
addopts = -p dbperf -p django -p xdist -p no:cacheprovider
"""

LIMITS = """
dbperf_query_budget = 20
dbperf_query_budget_per_request = 10
dbperf_max_thread_hops_per_request = 5
dbperf_no_n_plus_one = true
dbperf_no_repeated_queries = true
dbperf_no_write_loops = true
dbperf_no_sync_to_async = true
"""

MODELS = '''
"""Books, and what belongs to them."""

from django.db import models


class Person(models.Model):
    name = models.CharField(max_length=50)


class Publisher(models.Model):
    name = models.CharField(max_length=50)


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Person, models.CASCADE, related_name="books")
    editor = models.ForeignKey(Person, models.CASCADE, related_name="edited")
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="books")


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    text = models.CharField(max_length=50)


class Chapter(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="chapters")
    text = models.CharField(max_length=50)


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Shelf(models.Model):
    name = models.CharField(max_length=50)
'''

ASKING = '''
"""Statements that have nothing in common: many queries without a loop over rows."""

from django.db.models import Max, Min

from shop.models import Book, Chapter, Person, Publisher, Review, Shelf, Tag

MODELS = [Book, Chapter, Person, Publisher, Review, Shelf, Tag]


def ask_all(number):
    """Run this many statements, none of them twice."""
    for model in MODELS[:number]:
        model.objects.count()
    for model in MODELS[: number - 7] if number > 7 else ():
        model.objects.aggregate(Max("id"))
    for model in MODELS[: number - 14] if number > 14 else ():
        model.objects.aggregate(Min("id"))
    for model in MODELS[: number - 21] if number > 21 else ():
        model.objects.filter(id=1).exists()


async def hop_for_all():
    """Hop for each statement, as Django's asynchronous methods do."""
    for model in MODELS:
        await model.objects.acount()
'''

FACTORIES = '''
"""The rows of the tests."""

from shop.models import Book, Chapter, Person, Publisher, Review


def make_books(number=4):
    """Save books that have no author, editor or publisher in common."""
    people = Person.objects.bulk_create(Person(name=f"person {each}") for each in range(2 * number))
    publishers = Publisher.objects.bulk_create(Publisher(name=f"publisher {each}") for each in range(number))
    books = Book.objects.bulk_create(
        Book(title=f"book {each}", author=people[2 * each], editor=people[2 * each + 1], publisher=publisher)
        for each, publisher in enumerate(publishers)
    )
    Review.objects.bulk_create(Review(book=book, text="good") for book in books)
    Chapter.objects.bulk_create(Chapter(book=book, text="first") for book in books)


def make_one_by_one(number=4):
    """Save people in a loop, in the body of a test."""
    for each in range(number):
        Person.objects.create(name=f"person {each}")
'''

CONFTEST = """
import pytest

from tests.factories import make_books


@pytest.fixture
def books(db):
    make_books()
"""

SECTION_HEAD = '''
"""Views of one section."""

from asgiref.sync import sync_to_async
from django.http import JsonResponse

from shop.asking import ask_all, hop_for_all
from shop.models import Book, Chapter, Person, Review, Shelf, Tag
'''

WIDE = """
def wide(request):
    ask_all(14)
    return JsonResponse({})
"""
WIDE_ASYNC = """
async def wide(request):
    await sync_or_async()
    return JsonResponse({})


async def sync_or_async():
    await hop_for_all()
    await Book.objects.order_by("id").afirst()
    await Tag.objects.order_by("id").afirst()
    await Shelf.objects.order_by("id").afirst()
    await Person.objects.order_by("id").afirst()
"""


def by_forward_relation(view: str, state: State) -> str:
    """List the books with a name of a related row: one query for each book, or a join."""
    joined = {"planted": "", "fixed": "author", "swapped": "author"}[state]
    shown = {"planted": "author", "fixed": "author", "swapped": "publisher"}[state]
    join = f'.select_related("{joined}")' if joined else ""
    return f"""
        def {view}(request):
            books = Book.objects.order_by("id"){join}
            return JsonResponse({{"names": [name_in_{view}(book) for book in books]}})


        def name_in_{view}(book):
            return book.{shown}.name
    """


def by_reverse_relation(view: str, state: State) -> str:
    """List the books with their reviews: one query for each book, or one for all."""
    fetched = "" if state == "planted" else '.prefetch_related("reviews")'
    shown = "chapters" if state == "swapped" else "reviews"
    return f"""
        def {view}(request):
            books = Book.objects.order_by("id"){fetched}
            return JsonResponse({{"texts": [[each.text for each in book.{shown}.all()] for book in books]}})
    """


def by_repeated_query(view: str, state: State) -> str:
    """Ask the same question for each book, or once."""
    model = "Shelf" if state == "swapped" else "Tag"
    asked_again = "new" if state == "fixed" else f'{model}.objects.filter(name="new").exists()'
    return f"""
        def {view}(request):
            new = {model}.objects.filter(name="new").exists()
            return JsonResponse({{"new": [{asked_again} for _ in range(4)]}})
    """


def by_write_loop(view: str, state: State) -> str:
    """Save a review for each book, one by one or at once."""
    if state == "fixed":
        body = 'Review.objects.bulk_create(Review(book=book, text="read") for book in books)'
    else:
        model = "Chapter" if state == "swapped" else "Review"
        body = f'[{model}.objects.create(book=book, text="read") for book in books]'
    return f"""
        def {view}(request):
            books = list(Book.objects.order_by("id"))
            {body}
            return JsonResponse({{"books": len(books)}})
    """


def by_hop(view: str, state: State) -> str:
    """Send a count to a thread, or await Django's own method."""
    call = {
        "planted": "sync_to_async(books_of)()",
        "fixed": "Book.objects.acount()",
        "swapped": "sync_to_async(tags_of)()",
    }[state]
    return f"""
        async def {view}(request):
            return JsonResponse({{"number": await {call}}})


        def books_of():
            return Book.objects.count()


        def tags_of():
            return Tag.objects.count()
    """


# Of 40 sections, this many have each type of cause.
TYPES = (
    (by_forward_relation, 10),
    (by_reverse_relation, 10),
    (by_repeated_query, 7),
    (by_write_loop, 7),
    (by_hop, 6),
)
CAUSES = tuple(cause for cause, number in TYPES for _ in range(number))
SECTIONS = len(CAUSES)
WIDE_ROUTES, WIDE_ASYNC_ROUTES, WIDE_TESTS = 12, 4, 8
WIDE_HOPS = 12
CAUSES_IN_TESTS = (
    ("no_n_plus_one", "Book.author", "tests/test_000.py test_with_a_loop_of_its_own"),
    ("no_write_loops", "insert shop_person", "tests/factories.py make_one_by_one"),
)
"""What only the tests' own code does: a test that loads a relation of each row, and a factory with a loop."""

# What a finding of each type is called.
BUDGET_OF = {
    by_forward_relation: "no_n_plus_one",
    by_reverse_relation: "no_n_plus_one",
    by_repeated_query: "no_repeated_queries",
    by_write_loop: "no_write_loops",
    by_hop: "no_sync_to_async",
}
SUBJECT_OF: Mapping[Cause, Mapping[State, str]] = {
    by_forward_relation: {"planted": "Book.author", "swapped": "Book.publisher"},
    by_reverse_relation: {"planted": "Book.reviews", "swapped": "Book.chapters"},
    by_repeated_query: {"planted": "shop_tag.name", "swapped": "shop_shelf.name"},
    by_write_loop: {"planted": "insert shop_review", "swapped": "insert shop_chapter"},
    by_hop: {"planted": "books_of", "swapped": "tags_of"},
}
FUNCTION_OF = {by_forward_relation: "name_in_planted"}


@dataclass(frozen=True)
class GeneratedSuite:
    """A suite of `modules` times `tests_of_module` tests, and the states of its sections."""

    modules: int = 200
    tests_of_module: int = 25
    planted: Mapping[int, State] = field(default_factory=dict)
    """The states of the views that have a cause, by section: "planted" by default."""
    clean: Mapping[int, State] = field(default_factory=dict)
    """The states of the views that have none, by section: "fixed" by default."""

    def __post_init__(self) -> None:
        if self.modules < SECTIONS or self.tests_of_module < len(OTHER_TESTS):
            raise ValueError(f"it takes {SECTIONS} modules of {len(OTHER_TESTS)} tests")

    @property
    def tests(self) -> int:
        """How many tests pytest collects."""
        return self.modules * self.tests_of_module

    def tests_of_planted_views(self, section: int) -> int:
        """How many tests ask for the planted view of a section."""
        more = sum(view == "planted" for view in self._more)
        return (1 + more) * len(range(section, self.modules, SECTIONS))

    def write(self, path: Path) -> None:
        """Write all files of the project but the settings of pytest."""
        for name, text in self.files().items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{dedent(text).strip()}\n", encoding="utf-8")

    def debts(self) -> list[str]:
        """The lines that its baseline has to have, in their order. They follow from what was planted."""
        findings = [
            (
                BUDGET_OF[cause],
                SUBJECT_OF[cause][state],
                f"shop/section_{number:02}.py {FUNCTION_OF.get(cause, 'planted')}",
            )
            for number, cause in enumerate(CAUSES)
            if (state := self.planted.get(number, "planted")) != "fixed"
        ]
        findings += [
            (
                "no_n_plus_one",
                SUBJECT_OF[by_forward_relation][state],
                f"shop/section_{number:02}.py name_in_clean",
            )
            for number, state in self.clean.items()
            if state != "fixed"
        ]
        findings += CAUSES_IN_TESTS
        lines = ["\t".join(("finding", *finding)) for finding in findings]
        for number in range(WIDE_ROUTES):
            numbers = f"queries=11 hops={WIDE_HOPS}" if number < WIDE_ASYNC_ROUTES else "queries=14"
            lines.append(f"route\tGET sections/{number:02}/wide/\t{numbers}")
        lines += [
            f"test\ttests/{module_name(number)}::test_many_statements\tquery_budget={21 + number % 7}"
            for number in range(WIDE_TESTS)
        ]
        return sorted(lines, key=str.encode)

    def files(self) -> Mapping[str, str]:
        """The files of the project, by their paths."""
        return {
            "settings.py": SETTINGS,
            "shop/__init__.py": "",
            "shop/models.py": MODELS,
            "shop/asking.py": ASKING,
            "shop/urls.py": urls(),
            "tests/__init__.py": "",
            "tests/conftest.py": CONFTEST,
            "tests/factories.py": FACTORIES,
            **{f"shop/section_{number:02}.py": self.section(number) for number in range(SECTIONS)},
            **{f"tests/{module_name(number)}": self.module(number) for number in range(self.modules)},
        }

    def section(self, number: int) -> str:
        """The views of a section."""
        planted = CAUSES[number]("planted", self.planted.get(number, "planted"))
        clean = by_forward_relation("clean", self.clean.get(number, "fixed"))
        parts = [SECTION_HEAD, planted, clean]
        if number < WIDE_ROUTES:
            parts.append(WIDE_ASYNC if number < WIDE_ASYNC_ROUTES else WIDE)
        return "\n\n\n".join(dedent(part).strip() for part in parts)

    def module(self, number: int) -> str:
        """The tests of a module, all of them about one section."""
        section = f"/sections/{number % SECTIONS:02}"
        tests = [
            body.format(section=section, number=number)
            for index, body in enumerate(OTHER_TESTS)
            if index not in REPLACED or number >= REPLACED[index].modules
        ]
        tests += [
            replaced.body.format(section=section, number=number)
            for replaced in REPLACED.values()
            if number < replaced.modules
        ]
        tests += [MORE[view].format(section=section, index=index) for index, view in enumerate(self._more)]
        return "\n\n\n".join(dedent(part).strip() for part in (MODULE_HEAD, *tests))

    @property
    def _more(self) -> Sequence[str]:
        """What the tests of a module are about that come after the first ones."""
        number = self.tests_of_module - len(OTHER_TESTS)
        return [("planted", "clean", "planted", "nothing")[index % 4] for index in range(number)]


@dataclass(frozen=True)
class Replaced:
    """A test that the first modules have instead of a plain one."""

    modules: int
    body: str


MODULE_HEAD = """
import pytest
from django.test import TestCase

from shop.asking import ask_all
from shop.models import Book, Person
from tests.factories import make_books, make_one_by_one
"""
OTHER_TESTS = (
    """
    def test_the_planted_view(client, books):
        assert client.get("{section}/planted/").status_code == 200
    """,
    """
    class TestClean(TestCase):
        def test_the_clean_view(self):
            make_books()
            self.assertEqual(self.client.get("{section}/clean/").status_code, 200)
    """,
    """
    @pytest.mark.query_budget(1)
    def test_a_hard_limit(books):
        assert Book.objects.count() == 4
    """,
    """
    def test_without_a_database():
        assert "book".title() == "Book"
    """,
    """
    @pytest.mark.django_db
    def test_a_few_statements():
        ask_all(5)
    """,
)
REPLACED = {
    2: Replaced(
        WIDE_ROUTES,
        """
        def test_the_wide_view(client, books):
            assert client.get("{section}/wide/").status_code == 200
        """,
    ),
    3: Replaced(
        len(CAUSES_IN_TESTS),
        """
        @pytest.mark.django_db
        def test_with_a_loop_of_its_own():
            if {number}:
                make_one_by_one()
            else:
                make_books()
                assert [book.author.name for book in Book.objects.all()]
        """,
    ),
    4: Replaced(
        WIDE_TESTS,
        """
        @pytest.mark.django_db
        def test_many_statements():
            ask_all(21 + {number} % 7)
        """,
    ),
}
MORE = {
    "planted": """
        def test_planted_{index}(client, books):
            assert client.get("{section}/planted/").status_code == 200
    """,
    "clean": """
        def test_clean_{index}(client, books):
            assert client.get("{section}/clean/").status_code == 200
    """,
    "nothing": """
        @pytest.mark.parametrize("number", [{index}])
        def test_nothing_{index}(number):
            assert number
    """,
}


def module_name(number: int) -> str:
    """The file of a module's tests."""
    return f"test_{number:03}.py"


def urls() -> str:
    """The URLs of all sections."""
    lines = [
        f'path("sections/{number:02}/{view}/", section_{number:02}.{view}),'
        for number in range(SECTIONS)
        for view in ("planted", "clean", *(["wide"] if number < WIDE_ROUTES else []))
    ]
    sections = ", ".join(f"section_{number:02}" for number in range(SECTIONS))
    return (
        f"from django.urls import path\n\nfrom shop import {sections}\n\nurlpatterns = [\n"
        + indent("\n".join(lines), "    ")
        + "\n]\n"
    )

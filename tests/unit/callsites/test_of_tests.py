"""The names of files tell what belongs to the tests, and so which function of yours did something."""

import sys
from pathlib import Path

import pytest

from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.callsites.of_tests import NO_FUNCTION, function_of_yours, is_of_tests
from tests.factories import site


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("books/test_views.py", True),
        ("books/views_test.py", True),
        ("books/views_tests.py", True),
        ("books/tests.py", True),
        ("conftest.py", True),
        ("books/factories.py", True),
        ("tests/support.py", True),
        ("books/tests/rows.py", True),
        ("books/views.py", False),
        ("books/contest.py", False),
        ("books/testing.py", False),
    ],
)
def test_files_of_tests_have_the_usual_names(file, expected):
    """A folder around the project may have any name."""
    undo = set_project_root(Path("/srv/tests/shop"))
    try:
        assert is_of_tests((site("f", f"/srv/tests/shop/{file}"),)) is expected
    finally:
        undo()


def test_all_call_sites_must_be_of_tests():
    """An unknown path is of no test."""
    test, view = site("test_a", "/srv/test_a.py"), site("view", "/srv/views.py")

    assert is_of_tests((test, test))
    assert not is_of_tests((view, test))
    assert not is_of_tests(())


TEST, CONFTEST = site("test_a", "/srv/shop/test_a.py"), site("rows", "/srv/shop/conftest.py")
FACTORY = site("make_book", "/srv/shop/books/factories.py")
VIEW, SIGNAL = site("titles", "/srv/shop/books/views.py"), site("count", "/srv/shop/books/signals.py")


@pytest.fixture
def root():
    """The folder of the project."""
    undo = set_project_root(Path("/srv/shop"))
    yield Path("/srv/shop")
    undo()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([VIEW, TEST], "books/views.py titles"),
        ([SIGNAL, VIEW, TEST], "books/signals.py count"),
        ([SIGNAL, FACTORY, CONFTEST, TEST], "books/signals.py count"),
        ([FACTORY, VIEW, TEST], "books/views.py titles"),
        ([FACTORY, TEST], "books/factories.py make_book"),
        ([CONFTEST, TEST], "conftest.py rows"),
        ([TEST], "test_a.py test_a"),
        ([], NO_FUNCTION),
    ],
)
def test_the_innermost_function_that_is_no_code_of_the_tests_did_it(path, expected):
    """If there is none, it is the innermost function of the tests."""
    assert function_of_yours(tuple(path)) == expected


SOURCE = """
def titles(books, found):
    return [{found(tag) for tag in book} for book in books]

def lazily(books, found):
    return list(found(book) for book in books)

def by_key(books, found):
    return [[*map(lambda tag: found(tag), book)] for book in books]

class Shelf:
    def books(self, books, found):
        return found(books)

    @classmethod
    def on(cls, books, found):
        def inside():
            return list(map(lambda book: found(book), books))
        return inside()

    def in_order(self, books, found):
        def inside():
            return {book: found(book) for book in books}
        return inside()
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("titles(['ab'], found)", "titles"),
        ("lazily('ab', found)", "lazily"),
        ("Shelf().books('ab', found)", "Shelf.books"),
        ("Shelf.on('ab', found)", "Shelf.on.inside.<lambda>"),
        ("Shelf().in_order('ab', found)", "Shelf.in_order.inside"),
        ("by_key(['a'], found)", "by_key.<lambda>"),
        ("[found(book) for book in 'ab']", "<module>"),
    ],
)
def test_a_function_is_named_with_what_it_is_written_in(root, call, expected):
    """A comprehension is its function, however Python runs it: since 3.12 it has no frame of its own."""
    found = []
    scope = {"found": lambda _: found.append(sys._getframe(1))}
    exec(compile(SOURCE, f"{root}/books/shelf.py", "exec"), scope)
    exec(compile(call, f"{root}/books/shelf.py", "exec"), scope)
    frame = found[0]

    assert function_of_yours(((frame.f_code, frame.f_lasti),)) == f"books/shelf.py {expected}"


@pytest.mark.usefixtures("root")
def test_a_line_of_a_template_is_written_with_single_blanks():
    """A baseline separates its fields by tabs."""
    code = compile("", "/srv/shop/templates/book.html", "exec")
    line = code.replace(co_qualname="{{ book.author\t|  upper }}")

    assert function_of_yours(((line, -1),)) == "templates/book.html {{ book.author | upper }}"


def test_a_name_has_no_line():
    """The same function is the same although its lines have moved."""
    lower = site("titles", "/srv/shop/books/views.py", line=90)

    assert function_of_yours((lower,)) == function_of_yours((VIEW,))

"""What a test does to prepare its rows comes last, with advice that it can follow."""

import pytest

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.diagnosis.preparations import HINT, calls_factory
from tests.factories import query, recording, site

TEST = site("test_books", "tests/test_books.py", 9)
FACTORY = site("make_book", "tests/test_books.py", 3)
VIEW = site("view", "books/views.py", 7)
FIND, INSERT = "SELECT a FROM t WHERE b = %s", "INSERT INTO t (b) VALUES (%s)"


def three(sql, *path):
    """Three queries with different parameters."""
    return [query(sql, parameters=number, path=path) for number in range(3)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((FACTORY, TEST), True),
        ((site("_create", "tests/test_a.py"), TEST), True),
        ((site("BookFactory", "tests/test_a.py"), TEST), True),
        ((site("book", "tests/conftest.py"), TEST), True),
        ((site("book", "tests/factories.py"), TEST), True),
        ((site("book", "books/factories.py"), TEST), True),
        ((site("maker", "tests/test_a.py"), TEST), False),
        ((TEST,), False),
        ((VIEW, TEST), False),
        ((FACTORY, VIEW, TEST), False),
        ((site("make_book", "books/models.py"), TEST), False),
        ((), False),
    ],
)
def test_a_factory_is_known_by_its_name(path, expected):
    """All call sites are of the test, so that no code that it tests has called it."""
    assert calls_factory(path) is expected


@pytest.mark.parametrize("path", [(FACTORY, TEST), (TEST,)], ids=["a factory", "the line of a test"])
def test_making_what_is_not_found_is_told_as_what_the_test_makes(path):
    """__in cannot replace get_or_create()."""
    queries = [each for pair in zip(three(FIND, *path), three(INSERT, *path), strict=True) for each in pair]
    violation = NoNPlusOne().check(recording(*queries, *three(FIND, VIEW, TEST)))

    assert [evidence.call_path[0] for evidence in violation.evidence] == [VIEW, path[0]]
    assert [line.text for line in violation.advice] == [
        "one query per value: load all of them at once, with __in or in_bulk()",
        HINT.text,
    ]


def test_reads_of_a_test_that_makes_nothing_there_keep_their_advice():
    """The code that is tested may stand in the test."""
    violation = NoNPlusOne().check(recording(*three(FIND, TEST), *three(INSERT, FACTORY, TEST)))

    assert HINT not in violation.advice


def test_writes_of_a_factory_come_last_and_are_told_as_what_the_test_makes():
    """bulk_create() is advised for the code that is tested only."""
    update = "UPDATE t SET a = 1 WHERE id = %s"
    of_factory = three(INSERT, FACTORY, TEST)
    alone = NoWriteLoops().check(recording(*of_factory))
    both = NoWriteLoops().check(recording(*of_factory, *of_factory, *three(update, VIEW, TEST)))

    assert alone.advice == (HINT,)
    assert [evidence.count for evidence in both.evidence] == [3, 6]
    assert [line.label for line in both.advice] == ["fix", "why"]

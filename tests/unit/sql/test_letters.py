"""Keywords in small letters, as people write them."""

import pytest

from pytest_dbperf.probes.parameters import hash_of_asked
from pytest_dbperf.sql.asked import mark_of
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.shapes import is_indexed, shape_of

TEXTS = [
    "SELECT a FROM t WHERE id IN (%s, %s)",
    "SELECT a FROM t WHERE id IN (%s,%s) AND b = %s",
    "SELECT a FROM t WHERE (a, b) IN ((%s, %s), (%s, %s))",
    "SELECT a FROM t WHERE (a = %s OR a = %s)",
    "SELECT a FROM t WHERE id = ANY(%s) AND b = %s",
    "SELECT a FROM t WHERE b = %s AND id > %s ORDER BY id LIMIT 100",
    "SELECT a FROM t WHERE id > %s ORDER BY id LIMIT 21",
    "SELECT a FROM t ORDER BY id LIMIT 10 OFFSET 10",
    "SELECT a FROM t WHERE id IN (%s, %s) ORDER BY 1 ASC",
    "UPDATE t SET a = %s WHERE id = %s",
    "UPDATE t SET a = %s WHERE id IN (%s)",
    "UPDATE t SET a = %s WHERE id IN (%s, %s)",
    "UPDATE t SET a = %s",
    "DELETE FROM t WHERE id = %s",
    "DELETE FROM t WHERE id > %s",
    "INSERT INTO t (a) VALUES (%s), (%s)",
]


def small(text):
    return text.lower().replace("%S", "%s")


@pytest.mark.parametrize("text", TEXTS)
def test_small_letters_make_no_difference(text):
    """A statement asks for the same rows, or writes the same rows, however its keywords are written."""
    capitals, letters = statement_of(text), statement_of(small(text))

    for what in ("kind", "tables", "has_list", "is_batched", "is_of_values", "is_page", "is_page_of_values"):
        assert getattr(letters, what) == getattr(capitals, what), what
    assert small(capitals.fingerprint) == small(letters.fingerprint)
    values = (1, 2, 3)[: text.count("%s")]
    assert hash_of_asked(small(text), values) == hash_of_asked(text, values)


def test_lists_of_one_and_of_several_have_one_shape():
    """Also without a space behind the comma."""
    texts = ("select a from t where id in (%s)", "select a from t where id in (%s,%s)")
    one, several = (shape_of(statement_of(text).fingerprint) for text in texts)

    assert one == several


def test_an_index_is_found():
    """The second row of a queryset, for example."""
    assert is_indexed(statement_of("select a from t order by id limit 1 offset 1").fingerprint)


def test_lists_that_begin_alike_have_one_mark():
    """Whatever is written between their values."""
    lists = [
        hash_of_asked(f"select a from t where id in (%s{',%s' * more})", (1, 2, 3)[: more + 1])
        for more in (1, 2)
    ]

    assert len({mark_of(each) for each in lists}) == 1

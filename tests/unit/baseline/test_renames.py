"""A debt that is gone and an equal new one with the same name are one that was moved."""

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.renames import Rename, renames


def debt_of(test_id, number=134):
    """Return the debt of a test."""
    key = Key("test", (test_id,))
    return Debt(key, {"query_budget": number})


def finding_debt(function, subject="Book.author"):
    """Return the debt of a finding."""
    return Debt(Key("finding", ("no_n_plus_one", subject, function)))


def found(gone, needed, kept=()):
    """Find the renames of a baseline."""
    baseline = Baseline({debt.key: debt for debt in (*gone, *kept)})
    return renames(baseline, [debt.key for debt in gone], {debt.key: debt for debt in (*kept, *needed)})


@pytest.mark.parametrize(
    ("before", "after", "is_rename"),
    [
        (debt_of("a.py::test_a"), debt_of("b/c.py::test_a"), True),
        (debt_of("a.py::TestOld::test_a"), debt_of("a.py::TestNew::test_a"), True),
        (debt_of("a.py::test_a"), debt_of("a.py::test_b"), False),
        (debt_of("a.py::test_a"), debt_of("b.py::test_a", 135), False),
        (finding_debt("shop/views.py titles"), finding_debt("shop/api.py titles"), True),
        (finding_debt("shop/views.py Old.titles"), finding_debt("shop/views.py New.titles"), True),
        (finding_debt("shop/views.py titles"), finding_debt("shop/api.py names"), False),
        (finding_debt("shop/views.py titles"), finding_debt("shop/api.py titles", "Book.tags"), False),
        (
            Debt(Key("route", ("GET books/",)), {"queries": 9}),
            Debt(Key("route", ("GET api/books/",)), {"queries": 9}),
            False,
        ),
    ],
)
def test_a_rename_has_the_same_name_and_numbers(before, after, is_rename):
    """Only the file or the class is another one. A route is its own name."""
    assert found([before], [after]) == ([Rename(before.key, after.key)] if is_rename else [])


def test_a_debt_that_was_there_before_is_no_new_name():
    """It has a line of its own."""
    assert found([debt_of("a.py::test_a")], [], kept=[debt_of("b.py::test_a")]) == []


@pytest.mark.parametrize("is_before", [True, False])
def test_of_two_candidates_none_is_chosen(is_before):
    """The wrong one would get the comments of the other."""
    one, two = [debt_of("a.py::test_a")], [debt_of("b.py::test_a"), debt_of("c.py::test_a")]

    assert found(*((two, one) if is_before else (one, two))) == []

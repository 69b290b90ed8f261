"""Debts are counted by type, folder, owner and age."""

from datetime import date, timedelta

import pytest

from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.statistics import expired_in, statistics_of
from pytest_dbperf.baseline.text import HEADER, lines_of_debts, parsed

TODAY = date(2027, 4, 1)
TEXT = f"""{HEADER}
finding	no_n_plus_one	Book.author	shop/views.py titles of all	# slow, owner=@shop, until=2027-03
finding	no_n_plus_one	Book.tags	manage.py main	# owner=@shop, owner=@api
route	GET books/	queries=26
test	shop/tests/test_a.py::TestIt::test	query_budget=134	# until=2027-04
test	shop/tests/test_b.py::test	query_budget=134	# until=never
"""


def statistics(days):
    """Statistics of the text above."""
    return statistics_of(parsed(TEXT, "a"), lines_of_debts(TEXT, "a"), days, TODAY)


def test_debts_are_counted():
    """The most come first. A debt with two owners counts for both."""
    numbers = statistics(None)

    assert list(numbers.by_type.items()) == [("finding", 2), ("test", 2), ("route", 1)]
    assert list(numbers.by_folder.items()) == [("shop/tests", 2), ("(routes)", 1), (".", 1), ("shop", 1)]
    assert list(numbers.by_owner.items()) == [("no owner", 3), ("@shop", 2), ("@api", 1)]
    assert numbers.by_age is None


def test_debts_have_an_age():
    """Since the line was changed last. The youngest come first."""
    days = {line: TODAY - timedelta(days) for line, days in {2: 29, 3: 30, 4: 91, 5: 365}.items()}

    assert list(statistics(days).by_age.items()) == [
        ("not committed", 1),
        ("less than a month", 1),
        ("1 to 3 months", 1),
        ("3 to 12 months", 1),
        ("more than a year", 1),
    ]


@pytest.mark.parametrize(
    ("days", "name"), [(90, "1 to 3 months"), (364, "3 to 12 months"), (-1, "less than a month")]
)
def test_an_age_ends_on_its_last_day(days, name):
    """A clock may be wrong, so that a line comes from tomorrow."""
    assert statistics(dict.fromkeys(range(2, 7), TODAY - timedelta(days))).by_age == {name: 5}


def test_what_has_expired_is_found():
    """Its last day is over, or it names none."""
    assert [(each.line, each.until, each.problem) for each in statistics(None).expired] == [
        (2, date(2027, 3, 31), "expired on 2027-03-31"),
        (6, None, "`until=never` is no month or day, such as until=2027-03"),
    ]
    assert expired_in(Baseline(), {}, TODAY) == []

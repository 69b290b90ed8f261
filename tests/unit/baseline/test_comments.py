"""A comment has a reason, owners and a last day."""

from datetime import date

import pytest

from pytest_dbperf.baseline.comments import Comment, comment_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Comment()),
        ("slow", Comment("slow")),
        ("slow, owner=@shop, until=2027-02", Comment("slow", ("@shop",), date(2027, 2, 28))),
        (
            "until=2027-03-15,owner = @a, reads, then writes",
            Comment("reads, then writes", ("@a",), date(2027, 3, 15)),
        ),
        ("owner=@a, owner=@b, until=2027-12, until=2027-04", Comment("", ("@a", "@b"), date(2027, 4, 30))),
        ("owner=", Comment()),
        ("until=soon", Comment(wrong=("until=soon",))),
        ("until=2027-13", Comment(wrong=("until=2027-13",))),
        ("until=2027-04-31", Comment(wrong=("until=2027-04-31",))),
        ("until=0000-01", Comment(wrong=("until=0000-01",))),
        ("our owner=@a", Comment("our owner=@a")),
    ],
)
def test_a_comment_is_read(text, expected):
    """All that is no owner and no day is the reason."""
    assert comment_in(text) == expected


@pytest.mark.parametrize(
    ("text", "today", "has_expired"),
    [
        ("until=2027-03", date(2027, 3, 31), False),
        ("until=2027-03", date(2027, 4, 1), True),
        ("until=2027-03-15", date(2027, 3, 15), False),
        ("until=2027-03-15", date(2027, 3, 16), True),
        ("slow", date(2027, 3, 16), False),
    ],
)
def test_the_last_day_belongs_to_the_debt(text, today, has_expired):
    """It has expired on the day after."""
    assert comment_in(text).has_expired(today) is has_expired

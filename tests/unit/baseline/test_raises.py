"""A debt is raised if it allows more than before."""

import pytest

from pytest_dbperf.baseline.raises import Merge, all_raises, raises_between
from pytest_dbperf.baseline.text import parsed

FINDING = "finding\tno_n_plus_one\tBook.author\tshop/views.py titles"


def baseline(*lines):
    """A baseline of these lines; a line `30` is that of a test with this number."""
    return parsed(
        "\n".join(f"test\tt\tx={line}" if line.isdecimal() else line for line in lines), "a", repair=True
    )


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (["30"], ["30"], []),
        (["30"], ["20"], []),
        (["30"], [], []),
        (["30"], ["31"], ["x 30 -> 31"]),
        ([], ["30"], ["new"]),
        ([FINDING], [FINDING + "\t# why"], []),
        ([], [FINDING], ["new"]),
        (["test\tt\tx=1 y=1"], ["test\tt\tx=2 y=1 z=3"], ["x 1 -> 2, z 3 new"]),
    ],
)
def test_what_allows_more_is_found(before, now, changes):
    """A lower number, a missing debt and another comment allow no more."""
    assert [each.change for each in raises_between(baseline(*before), baseline(*now))] == changes


@pytest.mark.parametrize(
    ("lines", "has_reason"),
    [
        (["30"], False),
        (["test\tt\tx=1\t# slow"], True),
        (["test\tt\tx=1\t# owner=@a, until=2027-03"], False),
        (["test\tt\tx=1\t# owner=@a, slow"], True),
        (["# It is slow.", "30"], True),
        (["#", "30"], False),
    ],
)
def test_a_reason_is_what_a_comment_says_besides_owner_and_day(lines, has_reason):
    """On the line or above it."""
    assert [each.has_reason for each in raises_between(baseline(), baseline(*lines))] == [has_reason]


@pytest.mark.parametrize(
    ("result", "now", "found"),
    [
        ("36", "36", "abc"),
        ("34", "34", "abc"),
        ("30", "36", None),
        ("36", "30", None),
        ("36", "35", "abc"),
    ],
)
def test_a_merge_that_took_the_higher_number_is_found(result, now, found):
    """One side lowered 34 to 30, and the other raised it to 36. What was lowered since then is no matter."""
    merge = Merge("abc", baseline("34"), baseline("30"), baseline("36"), baseline(result))
    raises = all_raises(baseline("36"), [merge], baseline(now))

    assert [each.merge for each in raises] == ([found] if found else [])


def test_a_debt_is_told_once():
    """It is higher than before, and a merge made it so."""
    merge = Merge("abc", baseline("34"), baseline("30"), baseline("36"), baseline("36"))
    (each,) = all_raises(baseline("30"), [merge, merge], baseline("36"))

    assert (each.change, each.merge) == ("x 30 -> 36", "")

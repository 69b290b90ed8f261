"""A merge takes the change of one side, and of two changes the stricter."""

import pytest

from pytest_dbperf.baseline.merging import merged
from pytest_dbperf.baseline.text import parsed, written

FINDING = "finding\tno_n_plus_one\tBook.author\tshop/views.py titles"


def baseline(*lines):
    """A baseline of these lines; a line `30` is that of a test with this number."""
    text = "\n".join(f"test\tt\tx={line}" if line.isdecimal() else line for line in lines)
    return parsed(text, "a", repair=True)


def lines_of(*versions):
    """The lines of a merge, but for the first."""
    sides = [version if version is None else baseline(*version) for version in versions]
    return [line for line in written(merged(*sides)).splitlines()[1:] if line]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        pytest.param("30", "30", "30", "30", id="unchanged"),
        pytest.param("30", "20", "30", "20", id="one lowered"),
        pytest.param("30", "40", "30", "40", id="one raised"),
        pytest.param("30", None, "30", None, id="one removed"),
        pytest.param(None, "30", None, "30", id="one added"),
        pytest.param("30", "20", "25", "20", id="both lowered"),
        pytest.param("30", "40", "35", "35", id="both raised"),
        pytest.param("30", "40", "20", "20", id="raised and lowered"),
        pytest.param("30", None, "20", None, id="removed and lowered"),
        pytest.param("30", None, "40", None, id="removed and raised"),
        pytest.param("30", None, None, None, id="both removed"),
        pytest.param(None, "30", "20", "20", id="both added"),
        pytest.param("30", "20", "20", "20", id="both the same"),
    ],
)
def test_a_number_is_that_of_the_side_that_changed_it(base, ours, theirs, expected, swapped):
    """Of two changes the stricter holds, whichever side is ours."""
    if swapped:
        ours, theirs = theirs, ours
    sides = [[side] if side else [] for side in (base, ours, theirs)]

    assert lines_of(*sides) == ([f"test\tt\tx={expected}"] if expected else [])


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "is_there"),
    [
        (1, 1, 0, False),
        (1, 0, 1, False),
        (1, 0, 0, False),
        (0, 1, 0, True),
        (0, 0, 1, True),
        (0, 1, 1, True),
        (1, 1, 1, True),
    ],
)
def test_a_finding_is_gone_if_a_side_removed_it(base, ours, theirs, is_there):
    """It has no number, and is there or not."""
    assert lines_of(*([FINDING] * number for number in (base, ours, theirs))) == [FINDING] * is_there


def test_each_number_of_a_line_is_merged():
    """One side may lower the queries of a route, and the other may remove its hops and add a third number."""
    line = "route\tGET a/\t"

    assert lines_of(
        [f"{line}queries=9 hops=8"], [f"{line}queries=7 hops=8"], [f"{line}queries=9 other=1"]
    ) == [f"{line}queries=7 other=1"]
    assert lines_of([f"{line}queries=9 hops=8"], [f"{line}queries=9"], [f"{line}hops=8"]) == []
    assert lines_of([f"{line}queries=9"], [], [f"{line}queries=9 hops=8\t# c"]) == [f"{line}hops=8\t# c"]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("", "", "", ""),
        ("a", "a", "b", "b"),
        ("a", "b", "a", "b"),
        ("a", "", "a", ""),
        ("", "b", "c", "b, c"),
        ("a", "b", "c", "b, c"),
        ("a, b", "b", "a, b, c", "b, c"),
        (
            "slow, owner=@a",
            "slow, owner=@b",
            "slow, owner=@a, until=2027-03",
            "slow, owner=@b, until=2027-03",
        ),
        ("a", "b, c", "c, d", "b, c, d"),
        ("a", "b,c", "b,c", "b,c"),
        ("a", "", "b", "b"),
    ],
)
def test_the_comments_of_a_line_are_merged(base, ours, theirs, expected):
    """If both sides changed one, the parts that each of them wrote are there."""
    sides = ([f"test\tt\tx=1\t# {comment}" if comment else "1"] for comment in (base, ours, theirs))

    assert lines_of(*sides) == [f"test\tt\tx=1\t# {expected}" if expected else "test\tt\tx=1"]


def test_comments_above_a_debt_and_of_the_file_are_merged():
    """They stay above it, those of both sides."""
    assert lines_of(
        ["# file", "", "# one", "# two", "1"],
        ["# file", "# ours", "", "# one", "# three", "1"],
        ["# theirs", "# file", "", "# one", "# two", "# four", "1"],
    ) == ["# file", "# ours", "# theirs", "# one", "# three", "# four", "test\tt\tx=1"]


def test_what_was_written_about_a_removed_debt_stays():
    """The other side may have explained why it needs it; what the side that removed it knew goes with it."""
    assert lines_of(
        ["# old", "test\tt\tx=1\t# known"], [], ["# old", "# new", "test\tt\tx=2\t# for the release"]
    ) == ["# new", "# test t: for the release"]
    assert lines_of(["# new", "", "1"], ["# new"], ["# new", "", "# new", "1"]) == ["# new"]


def test_comments_of_one_side_stay_where_the_other_says_nothing():
    """A side without the debt did not remove its comments, and one without a change says nothing."""
    assert lines_of(["1"], ["# a", "1"], ["2"]) == ["# a", "test\tt\tx=2"]
    assert lines_of(["1"], ["2"], ["# a", "1"]) == ["# a", "test\tt\tx=2"]
    assert lines_of(["# a", "1"], [], ["# a", "test\tt\tx=1 y=2"]) == ["# a", "test\tt\ty=2"]
    assert lines_of(["test\tt\tx=1\t# a"], [], ["# b", "test\tt\tx=1 y=2\t# a"]) == [
        "# b",
        "test\tt\ty=2\t# a",
    ]


def test_without_a_base_the_stricter_side_holds():
    """What one side alone has, the other may have removed."""
    assert lines_of(None, ["1", FINDING + "\t# why"], ["2", "# c", "route\tGET a/\tqueries=1"]) == [
        "# finding no_n_plus_one Book.author shop/views.py titles: why",
        "# c",
        "test\tt\tx=1",
    ]
    assert lines_of(None, ["1", FINDING], ["1", FINDING]) == [FINDING, "test\tt\tx=1"]
    assert lines_of(None, ["test\tt\tx=3 y=2"], ["test\tt\tx=2 z=2"]) == ["test\tt\tx=2"]

"""Shards are joined to the run that one job would have made, or it is told why they cannot be."""

import pytest

from pytest_dbperf.comparison.shards import combine
from pytest_dbperf.results.circumstances import Selection, Shard
from pytest_dbperf.results.model import Run
from pytest_dbperf.results.of_budgets import AllowanceResult
from tests.unit.comparison.runs import group, hops, result, run


def shard(number, *tests, of=2, **fields):
    """Return the run of a shard, with the name of its file."""
    numbered = None if number is None else Shard(number, of)
    return (f"{number}.json", run(*tests, shard=numbered, **{"commit": "4f", "dirty": False, **fields}))


def test_shards_are_the_run_of_all_their_tests():
    """In the order of the ids, with the sums that follow from them."""
    versions = {"django": "6.1.3", "sqlite": "3.40"}
    combined = combine(
        [
            shard(2, result("b", group(2)), versions={"django": "6.1.3"}, dirty=True),
            shard(1, result("c", group(3)), result("a", group(1)), versions=versions),
        ],
        2,
    )

    assert (combined.problems, combined.remarks) == ([], [])
    assert combined.run == Run(
        complete=True,
        exit_code=0,
        versions=versions,
        tests=[result("a", group(1)), result("b", group(2)), result("c", group(3))],
        commit="4f",
        dirty=True,
        selection=Selection([], []),
    )
    assert combined.run.totals["queries"] == 6


@pytest.mark.parametrize(
    ("shards", "problems"),
    [
        ([shard(1)], ["shard 2/2 is missing"]),
        ([shard(2)], ["shard 1/2 is missing"]),
        ([shard(1), shard(1)], ["shard 1/2 was given 2 times: 1.json, 1.json", "shard 2/2 is missing"]),
        ([shard(1), shard(2), shard(2)], ["shard 2/2 was given 2 times: 2.json, 2.json"]),
        ([shard(1), shard(2, of=3)], ["2.json is shard 2/3, but 2 are expected"]),
        ([shard(None)], ["1 file given, and 2 expected"]),
        ([shard(1), shard(None), shard(2)], ["3 files given, and 2 expected"]),
        ([shard(1), shard(2, complete=False)], ["2.json is incomplete: results are missing in it"]),
        ([shard(1), shard(2, commit="5e")], ["the commit is not the same: 4f in 1.json, 5e in 2.json"]),
        ([shard(1), shard(2, commit=None)], ["the commit is not the same: 4f in 1.json, unknown in 2.json"]),
        (
            [shard(1, versions={"django": "5.2", "a": "1"}), shard(2, versions={"django": "6.1"})],
            ["django is not the same: 5.2 in 1.json, 6.1 in 2.json"],
        ),
    ],
)
def test_what_is_not_one_run_is_not_joined(shards, problems):
    """All reasons are told at once."""
    combined = combine(shards, 2)

    assert (combined.run, combined.problems) == (None, problems)


def test_shards_need_not_be_numbered():
    """Then only their number counts. Without git, no commit is known of any."""
    fields = {"commit": None, "dirty": None}
    combined = combine([shard(None, result("a"), **fields), shard(None, result("b"), **fields)], 2)

    assert combined.problems == []
    assert (combined.run.commit, combined.run.dirty) == (None, None)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (result("a", group(1)), result("a", group(2)), 1),
        (result("a", group(2)), result("a", group(1)), 0),
        (result("a", hops(1)), result("a", hops(2)), 1),
        (result("a"), result("a", connections=1), 1),
        (result("a"), result("a", outcome="failed"), 1),
        (result("a", outcome="failed"), result("a"), 0),
    ],
)
def test_the_highest_numbers_of_a_test_that_ran_twice_are_kept(one, other, kept):
    """A budget that must hold everywhere has to hold there, too."""
    combined = combine([shard(1, one), shard(2, other)], 2)

    assert combined.run.tests == [(one, other)[kept]]
    assert combined.remarks == [
        "more than one shard ran these tests, the result with most queries is kept: a"
    ]


def test_only_some_of_the_tests_that_ran_twice_are_named():
    """The rest are counted."""
    tests = [result(letter) for letter in "abcde"]

    (remark,) = combine([shard(1, *tests), shard(2, *tests)], 2).remarks

    assert remark.endswith(": a, b, c and 2 more")


@pytest.mark.parametrize(
    ("codes", "exit_code"),
    [((0, 0), 0), ((0, 1), 1), ((5, 0), 0), ((5, 5), 5), ((0, 10), 10), ((10, 1), 1)],
)
def test_the_exit_code_is_that_of_one_run(codes, exit_code):
    """A shard may have no tests; the whole suite has some."""
    shards = [shard(number, exit_code=code) for number, code in enumerate(codes, 1)]

    assert combine(shards, 2).run.exit_code == exit_code


def test_an_allowance_is_unused_if_no_shard_used_it():
    """One shard alone cannot tell."""

    def allowed(test_id, pattern, *, is_used):
        test = result(test_id)
        return type(test)(test.id, test.outcome, allowances=[AllowanceResult("b", "at", pattern, is_used)])

    first = shard(1, allowed("a", "x", is_used=False), allowed("b", "y", is_used=False))
    second = shard(2, allowed("c", "x", is_used=True))

    assert [each.pattern for each in combine([first, second], 2).run.unused_allowances] == ["y"]


@pytest.mark.parametrize(
    ("selections", "combined"),
    [
        # pytest-split says that it deselects, pytest-shard says nothing.
        ([Selection(collected=9, deselected=7)] * 2, Selection((), (), 9, 7)),
        ([Selection(options=["-k x"], collected=9, deselected=8)] * 2, Selection((), ["-k x"], 9, 7)),
        (
            [Selection(["a"], [], 3, 1), Selection(["b"], ["--lf"], 4, 0)],
            Selection(["a", "b"], ["--lf"], 7, 1),
        ),
        ([Selection(collected=1)] * 2, Selection((), (), 1, 0)),
    ],
)
def test_the_selection_is_that_of_one_run(selections, combined):
    """What another shard ran was not left out."""
    shards = [
        shard(number, result(f"t{number}"), selection=selection)
        for number, selection in enumerate(selections, 1)
    ]

    selection = combine(shards, 2).run.selection

    assert (list(selection.arguments), list(selection.options)) == (
        list(combined.arguments),
        list(combined.options),
    )
    assert (selection.collected, selection.deselected) == (combined.collected, combined.deselected)

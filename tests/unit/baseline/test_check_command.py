"""`dbperf baseline check` tells what was raised on a branch, and what has expired."""

import json

import pytest

from pytest_dbperf.baseline.files import NAME

FINDING = "finding\tno_n_plus_one\tBook.author\tshop/views.py titles"


def test_a_file_is_read(repository):
    """Nothing else is asked."""
    repository.write("a=1")

    assert repository.dbperf("check") == (0, f"{NAME}: 1 debt\n")


def test_what_a_branch_raises_is_told(repository):
    """Compared with the commit where it left main: what main lowered since then is no raise of the branch."""
    repository.commit("a=1", "b=2", "c=3")
    repository.branch("work", "a=1", "test\tb\tx=4\t# slow", "c=2", FINDING)
    repository.git("checkout", "--quiet", "main")
    repository.commit("b=1")
    repository.git("checkout", "--quiet", "work")
    commit = repository.git("merge-base", "main", "HEAD")[:10]

    assert repository.dbperf("check", "--against=main") == (
        0,
        f"{NAME}: 2 new or raised since main (common commit {commit})\n"
        f"{NAME}:5: finding no_n_plus_one Book.author shop/views.py titles: new\n"
        f"{NAME}:3: test b: x 2 -> 4\n",
    )


def test_a_raise_may_need_a_reason(repository):
    """An owner and a day are none."""
    repository.commit("a=1", "b=2")
    repository.write("test\ta\tx=2\t# slow", "test\tb\tx=3\t# owner=@shop")

    code, said = repository.dbperf("check", "--against=main", "--require-reason")
    assert code == 1
    assert f"{NAME}:2: test a: x 1 -> 2\n{NAME}:3: test b: x 2 -> 3, no reason\n" in said
    assert said.endswith("after a TAB: `# reason, owner=@team, until=2027-03`.\n")

    repository.write("test\ta\tx=2\t# slow", "test\tb\tx=3\t# import, owner=@shop")
    assert repository.dbperf("check", "--against=main", "--require-reason")[0] == 0


def test_a_reason_is_required_of_raises_alone(repository):
    """So it needs something to compare with."""
    repository.write("a=1")

    assert repository.dbperf("check", "--require-reason") == (
        4,
        "dbperf baseline check: --require-reason needs --against=REF\n",
    )


def test_a_merge_that_took_the_higher_number_is_told(repository):
    """Main raised the number meanwhile, so that it is not above main's; but the branch had lowered it."""
    repository.commit("a=34")
    repository.branch("work", "a=30")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a=36")
    repository.git("checkout", "--quiet", "work")
    repository.git("merge", "main", check=False)
    repository.commit("a=36")
    merge = repository.git("rev-parse", "HEAD")[:10]

    assert repository.dbperf("check", "--against=main")[1].endswith(
        f"{NAME}:2: test a: x 30 -> 36, the merge {merge} took the higher number\n"
    )
    repository.commit("a=30")
    assert "nothing new or raised since main" in repository.dbperf("check", "--against=main")[1]


def test_a_merge_of_histories_without_a_common_commit_is_compared(repository):
    """Both have added the file."""
    repository.commit("a=3")
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("a=2")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--allow-unrelated-histories", "other", check=False)
    repository.commit("a=3")

    assert "test a: x 2 -> 3" in repository.dbperf("check", "--against=HEAD^")[1]


def test_a_file_with_markers_in_an_earlier_commit_does_not_stop_its_repair(repository):
    """Its stricter side is compared with. A merge commit that cannot be read is left out."""
    repository.commit("<<<<<<< a", "a=3", "=======", "a=2", ">>>>>>> b")
    repository.branch("work", "a=3")
    assert "test a: x 2 -> 3" in repository.dbperf("check", "--against=main")[1]

    repository.git("checkout", "--quiet", "main")
    repository.commit("broken")
    repository.git("checkout", "--quiet", "work")
    repository.git("merge", "--quiet", "--strategy=ours", "main")
    code, said = repository.dbperf("check", "--against=main^")
    assert code == 0
    assert "test a: x 2 -> 3" in said


def test_repeated_lines_in_an_earlier_commit_do_not_stop_their_repair(repository):
    """The stricter one is compared with."""
    repository.commit("a=3", "a=2")
    repository.write("a=3")

    assert "test a: x 2 -> 3" in repository.dbperf("check", "--against=main")[1]


def test_a_file_that_is_new_has_new_debts(repository):
    """There was none before."""
    repository.git("commit", "--quiet", "--allow-empty", "--message=m")
    repository.write("a=1")

    assert "1 new or raised" in repository.dbperf("check", "--against=main")[1]


@pytest.mark.parametrize("ref", ["origin/main", "main"])
def test_what_git_cannot_answer_is_an_error(repository, ref):
    """The ref is not there, or there is no commit."""
    repository.write("a=1")

    code, said = repository.dbperf("check", f"--against={ref}")
    assert code == 4
    assert said == "dbperf baseline: the repository has no commit yet\n"


def test_expired_debts_are_told(repository):
    """They fail nothing: else a build would break on a day on which its code was not changed."""
    repository.write(
        "test\ta\tx=1\t# until=2020-02", "test\tb\tx=1\t# until=9999-12", "test\tc\tx=1\t# until=soon"
    )

    assert repository.dbperf("check") == (
        0,
        f"{NAME}: 3 debts\n"
        f"{NAME}:2: test a: expired on 2020-02-29\n"
        f"{NAME}:4: test c: `until=soon` is no month or day, such as until=2027-03\n",
    )


def test_it_can_be_read_by_programs(repository):
    """All that is told, as JSON."""
    repository.commit("a=1")
    repository.write("test\ta\tx=2\t# until=2020-02, slow", "test\tb\tx=1\t# until=soon")
    _, said = repository.dbperf("check", "--against=main", "--json")

    assert json.loads(said) == {
        "schema": "dbperf-baseline-check/1",
        "file": NAME,
        "against": "main",
        "common_commit": repository.git("rev-parse", "main"),
        "raises": [
            {
                "debt_type": "test",
                "names": ["a"],
                "line": 2,
                "change": "x 1 -> 2",
                "numbers": {"x": 2},
                "before": {"x": 1},
                "comment": "until=2020-02, slow",
                "has_reason": True,
                "merge": None,
            },
            {
                "debt_type": "test",
                "names": ["b"],
                "line": 3,
                "change": "new",
                "numbers": {"x": 1},
                "before": None,
                "comment": "until=soon",
                "has_reason": False,
                "merge": None,
            },
        ],
        "expired": [
            {
                "debt_type": "test",
                "names": ["a"],
                "line": 2,
                "until": "2020-02-29",
                "problem": "expired on 2020-02-29",
                "comment": "until=2020-02, slow",
            },
            {
                "debt_type": "test",
                "names": ["b"],
                "line": 3,
                "until": None,
                "problem": "`until=soon` is no month or day, such as until=2027-03",
                "comment": "until=soon",
            },
        ],
    }
    without = json.loads(repository.dbperf("check", "--json")[1])
    assert (without["against"], without["common_commit"], without["raises"]) == (None, None, [])

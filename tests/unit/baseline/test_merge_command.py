"""`dbperf baseline merge` is a merge driver of git, and repairs what git left without one."""

import os

import pytest

from pytest_dbperf.baseline.files import NAME


def test_git_merges_with_the_driver(repository):
    """One side removes a debt that the other raises, and lowers its neighbour: git alone has a conflict."""
    repository.use_driver()
    repository.commit("a=30", "b=34", "c=12")
    repository.branch("paid", "a=30", "c=12")
    repository.branch("raised", "a=30", "b=36", "test\tc\tx=10\t# done")

    repository.git("merge", "--quiet", "paid")
    assert repository.lines == ["test\ta\tx=30", "test\tc\tx=10\t# done"]
    assert repository.git("status", "--porcelain") == ""


def test_git_alone_has_a_conflict_there(repository):
    """The driver is what the test before is about."""
    repository.commit("a=30", "b=34", "c=12")
    repository.branch("paid", "a=30", "c=12")
    repository.branch("raised", "a=30", "b=36", "c=10")

    assert "CONFLICT (content)" in repository.git("merge", "paid", check=False)


def test_git_rebases_with_the_driver(repository):
    """Commits are replayed one by one, and each is merged."""
    repository.use_driver()
    repository.commit("a=30", "b=34")
    repository.branch("work", "a=25", "b=34")
    repository.commit("a=20", "b=34", "c=5")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a=28", "b=30")

    repository.git("rebase", "--quiet", "main", "work")
    assert repository.lines == ["test\ta\tx=20", "test\tb\tx=30", "test\tc\tx=5"]


def test_git_cherry_picks_and_merges_what_both_added_with_the_driver(repository):
    """Git gives an empty file as the base if both sides have added it."""
    repository.use_driver()
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=m")
    repository.branch("one", "a=30", "b=3")
    repository.branch("other", "a=20", "c=3", start="main")

    repository.git("merge", "--quiet", "one")
    assert repository.lines == ["test\ta\tx=20", "test\tb\tx=3", "test\tc\tx=3"]

    repository.branch("third", "a=20", "d=4", start="main")
    repository.git("cherry-pick", "other^1")
    assert repository.lines == ["test\ta\tx=20", "test\tc\tx=3", "test\td\tx=4"]


def test_a_broken_side_is_a_conflict_with_both_sides_in_the_file(repository):
    """Git's own merge is in the file, so that no line of a side is lost. The message names the line."""
    repository.use_driver()
    repository.commit("a=30")
    repository.branch("broken", "tset\ta\tx=30")
    repository.branch("work", "a=20")
    said = repository.git("merge", "broken", check=False)

    assert f"{NAME} (theirs):2: a line begins with finding, route or test and a TAB" in said
    assert (
        f"line by line instead. Correct the line in the result, then run `dbperf baseline merge {NAME}`."
        in said
    )
    assert "CONFLICT" in said
    assert repository.lines == [
        "<<<<<<< ours",
        "test\ta\tx=20",
        "=======",
        "tset\ta\tx=30",
        ">>>>>>> theirs",
    ]


def test_a_broken_side_is_repaired_when_its_line_is_corrected(repository):
    """The markers are still there, and the driver's merge is made up for."""
    repository.use_driver()
    repository.commit("a=30")
    repository.branch("broken", "tset\ta\tx=20", "b=3")
    repository.branch("work", "a=25")
    repository.git("merge", "broken", check=False)
    assert repository.dbperf("merge", NAME)[0] == 4

    repository.file.write_text(repository.file.read_text().replace("tset", "test"))
    assert repository.dbperf("merge", NAME)[0] == 0
    assert repository.lines == ["test\ta\tx=20", "test\tb\tx=3"]


def test_a_broken_file_without_git_stays_as_it_is(repository, monkeypatch):
    """There is no other program to merge it."""
    for name in ("base", "ours", "theirs"):
        repository.path.joinpath(name).write_text("x")
    monkeypatch.setenv("PATH", "")
    code, said = repository.dbperf("merge", "base", "ours", "theirs")

    assert code == 1
    assert said.startswith("dbperf baseline merge: base:1: the first line is not")
    assert "line by line" not in said
    assert repository.path.joinpath("ours").read_text() == "x"


def test_a_file_that_cannot_be_merged_by_git_stays_as_it_is(repository):
    """A file is missing, and git can do no more."""
    code, said = repository.dbperf("merge", "base", "ours", "theirs")

    assert code == 1
    assert "base: it cannot be read: No such file or directory" in said
    assert "line by line" not in said


@pytest.mark.parametrize("files", [["a", "b"], ["a", "b", "c", "d"]])
def test_two_or_four_files_are_refused(repository, files):
    """There is one to repair, or there are three to merge."""
    assert repository.dbperf("merge", *files) == (
        4,
        f"dbperf baseline merge: it takes one file or three, not {len(files)}\n",
    )


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_a_conflict_is_repaired(repository, style):
    """As the driver would have merged it: the version before both sides is in the file, or in git's index."""
    repository.git("config", "merge.conflictStyle", style)
    repository.commit("a=30", "b=34", "c=12")
    repository.branch("paid", "a=30", "c=12")
    repository.branch("raised", "a=30", "b=36", "c=10", "d=1")
    repository.git("merge", "paid", check=False)

    code, said = repository.dbperf("check")
    assert code == 4
    assert f"To repair it, run `dbperf baseline merge {NAME}`." in said
    assert repository.dbperf("merge", NAME) == (0, f"{NAME}: merged, 3 debts. Next: `git add {NAME}`\n")
    assert repository.lines == ["test\ta\tx=30", "test\tc\tx=10", "test\td\tx=1"]


def test_a_conflict_of_files_that_both_sides_added_is_repaired(repository):
    """There is no version before, so that each debt is new."""
    repository.git("commit", "--quiet", "--allow-empty", "--message=m")
    repository.branch("one", "a=30", "b=3")
    repository.branch("other", "a=20", "c=3", start="main")
    repository.git("merge", "one", check=False)

    assert repository.dbperf("merge", NAME)[0] == 0
    assert repository.lines == ["test\ta\tx=20", "test\tb\tx=3", "test\tc\tx=3"]


def test_a_conflict_that_was_committed_is_repaired_for_the_stricter_side(repository):
    """Which side removed what is not known any more. What it removes is told, and its comment stays."""
    repository.write("<<<<<<< a", "a=30", "test\tb\tx=3\t# why", "=======", "a=20", ">>>>>>> b", "c=4")

    code, said = repository.dbperf("merge", NAME)
    assert code == 0
    assert "\n  removed, because only one side has it: test b\n" in said
    assert "`pytest --dbperf-update` accepts what is needed" in said
    assert repository.lines == ["# test b: why", "", "test\ta\tx=20", "test\tc\tx=4"]

    repository.write("<<<<<<< a", "a=30", "=======", "a=20", ">>>>>>> b")
    assert repository.dbperf("merge", NAME) == (0, f"{NAME}: merged, 1 debt. Next: `git add {NAME}`\n")


def test_a_driver_that_git_could_not_start_is_made_up_for(repository):
    """Git calls it a conflict, and leaves our side in the file without a marker: theirs would be lost."""
    repository.use_driver()
    repository.git("config", "merge.dbperf.driver", "no-such-program %O %A %B")
    repository.commit("a=30", "b=34")
    repository.branch("paid", "a=30")
    repository.branch("raised", "a=20", "b=36", "c=1")
    assert "CONFLICT" in repository.git("merge", "paid", check=False)

    assert repository.dbperf("merge", NAME)[0] == 0
    assert repository.lines == ["test\ta\tx=20", "test\tc\tx=1"]


def test_a_file_that_was_resolved_by_hand_is_left_alone(repository):
    """What a person wrote is neither side."""
    repository.commit("a=30")
    repository.branch("one", "a=25")
    repository.branch("other", "a=20")
    repository.git("merge", "one", check=False)
    repository.write("a=15")

    assert repository.dbperf("merge", NAME) == (0, f"{NAME}: there is no conflict to merge\n")
    assert repository.lines == ["test\ta\tx=15"]


def test_a_file_without_conflict_is_left_alone(repository, monkeypatch):
    """In a repository, outside of one, and without git."""
    repository.write("b=1", "a=1")
    said = (0, f"{NAME}: there is no conflict to merge\n")
    assert repository.dbperf("merge", NAME) == said

    os.rename(".git", "no-git")
    assert repository.dbperf("merge", NAME) == said
    monkeypatch.setenv("PATH", "")
    assert repository.dbperf("merge", NAME) == said
    assert repository.lines == ["test\tb\tx=1", "test\ta\tx=1"]


def test_a_broken_file_without_conflict_is_an_error(repository):
    """It has one version, and a line that is wrong."""
    repository.write("a=")

    assert repository.dbperf("merge", NAME)[0] == 4

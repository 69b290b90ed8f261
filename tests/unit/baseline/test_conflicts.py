"""The versions of a file are found in what git leaves of a conflict, in each of its styles."""

import subprocess

import pytest

from pytest_dbperf.baseline.conflicts import versions_in
from pytest_dbperf.baseline.text import HEADER, BrokenBaseline

MERGE = """\
# dbperf-baseline/1
<<<<<<< HEAD
test	a	x=2
=======
test	a	x=3
>>>>>>> other
test	b	x=1
"""
DIFF3 = MERGE.replace("=======", "||||||| parent of 1234567 (a)\ntest	a	x=4\n=======")


def lines_of(version):
    """The debts of a version with the numbers of their lines."""
    return {number: line for number, line in enumerate(version.split("\n"), 1) if line not in ("", HEADER)}


@pytest.mark.parametrize("form", [str, lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
def test_a_side_has_its_lines_and_those_outside(form):
    """Each line has the number that it has in the file, for messages."""
    versions = versions_in(form(MERGE), "a")

    assert versions.base is None
    assert lines_of(versions.ours) == {3: "test\ta\tx=2", 7: "test\tb\tx=1"}
    assert lines_of(versions.theirs) == {5: "test\ta\tx=3", 7: "test\tb\tx=1"}


def test_the_base_is_read_where_git_wrote_it():
    """It does with diff3 and zdiff3."""
    versions = versions_in(DIFF3, "a")

    assert lines_of(versions.base) == {5: "test\ta\tx=4", 9: "test\tb\tx=1"}
    assert lines_of(versions.ours) == {3: "test\ta\tx=2", 9: "test\tb\tx=1"}
    assert lines_of(versions.theirs) == {7: "test\ta\tx=3", 9: "test\tb\tx=1"}


def test_an_empty_base_is_known():
    """Both sides have added what is in conflict."""
    versions = versions_in(DIFF3.replace("test\ta\tx=4\n", ""), "a")

    assert lines_of(versions.base) == {8: "test\tb\tx=1"}


def test_a_conflict_within_the_base_is_a_part_of_it():
    """Git merges the common commits of criss-cross merges first, and its markers are longer then."""
    begin, end = "<<<<<<<<< Temporary merge branch 1", ">>>>>>>>> Temporary merge branch 2"
    inner = f"{begin}\ntest\ta\tx=5\n=========\ntest\ta\tx=6\n{end}"

    assert set(lines_of(versions_in(DIFF3.replace("test\ta\tx=4", inner), "a").base).values()) == {
        "test\ta\tx=5",
        "test\ta\tx=6",
        "test\tb\tx=1",
    }


def test_a_file_without_markers_has_one_version():
    """There is nothing to choose."""
    assert versions_in("# dbperf-baseline/1\ntest\ta\tx=3\n", "a") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (">>>>>>> other", 1),
        ("=======", 1),
        ("|||||||", 1),
        ("<<<<<<< a\n<<<<<<< b", 2),
        ("<<<<<<< a\n>>>>>>> b", 2),
        ("<<<<<<< a\n=======\n=======\n>>>>>>> b", 3),
        ("\n<<<<<<< a\n=======", 2),
        ("\n\n<<<<<<< a", 3),
    ],
)
def test_half_a_conflict_is_refused(text, line):
    """Which lines belong to which side is not known."""
    with pytest.raises(BrokenBaseline, match=rf"^my a:{line}: .*`git checkout --merge -- 'my a'`"):
        versions_in(text, "my a")


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_the_versions_are_those_that_git_merged(tmp_path, style):
    """Git's own output is read, in each style that it has."""
    texts = {
        "base": ["a=1", "b=1", "c=1"],
        "ours": ["a=2", "b=2", "c=1", "d=4"],
        "theirs": ["a=2", "b=3", "c=0", "d=4"],
    }
    for name, lines in texts.items():
        (tmp_path / name).write_text("\n".join([HEADER, *lines, ""]))
    option = [] if style == "merge" else [f"--{style}"]
    merge = ["git", "merge-file", "-p", *option, "ours", "base", "theirs"]
    done = subprocess.run(merge, cwd=tmp_path, capture_output=True, text=True, check=False)
    versions = versions_in(done.stdout, "a")

    assert done.returncode > 0
    assert list(lines_of(versions.ours).values()) == texts["ours"]
    assert list(lines_of(versions.theirs).values()) == texts["theirs"]
    if style == "merge":
        assert versions.base is None
    else:
        assert {"b=1", "c=1"} <= set(lines_of(versions.base).values())

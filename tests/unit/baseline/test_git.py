"""Git is asked, and what it cannot answer is told with what to do."""

import os
import re
from datetime import UTC, datetime

import pytest

from pytest_dbperf.baseline.files import NAME
from pytest_dbperf.baseline.git import (
    GitFailed,
    common_commit,
    days_of_lines,
    is_shallow,
    merge_base,
    merges_since,
    version_at,
)


def test_a_version_is_read_from_a_commit_and_from_the_index(repository):
    """Or there is none."""
    repository.commit("a=1")
    repository.commit("a=2")

    assert version_at("HEAD^", repository.file) == "# dbperf-baseline/1\ntest\ta\tx=1\n"
    assert version_at(":0", repository.file).endswith("x=2\n")
    assert version_at(":2", repository.file) is None
    assert version_at("HEAD", repository.path / "other") is None


def test_the_common_commit_is_that_of_the_branch(repository):
    """What happened on the other branch since then does not count."""
    repository.commit("a=1")
    parted = repository.git("rev-parse", "HEAD")
    repository.branch("work", "a=2")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a=3")
    repository.git("checkout", "--quiet", "work")

    assert merge_base("main", repository.path) == parted
    assert merges_since(parted, repository.path) == []
    repository.git("merge", "--quiet", "--strategy=ours", "main")
    heads = repository.git("rev-parse", "HEAD", "HEAD^1", "HEAD^2").split()
    assert merges_since(parted, repository.path) == [heads]


def test_branches_without_a_common_commit(repository):
    """They cannot be compared."""
    repository.commit("a=1")
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit("a=2")

    assert common_commit("main", "other", repository.path) is None
    with pytest.raises(GitFailed, match=r"^HEAD and main have no commit in common$"):
        merge_base("main", repository.path)


@pytest.mark.parametrize(
    ("ref", "command"),
    [
        ("origin/main", "git fetch origin main"),
        ("next", "git fetch origin next"),
        ("--all", "git fetch origin --all"),
    ],
)
def test_an_unknown_ref_is_told_with_the_command_that_fetches_it(repository, ref, command):
    """In CI, other branches are not there unless they are fetched."""
    repository.commit("a=1")

    with pytest.raises(GitFailed, match=rf"^git does not know `{ref}`. Run `{command}`, .*`fetch-depth: 0`"):
        merge_base(ref, repository.path)


def test_a_repository_without_commits(repository):
    """There is nothing to compare with."""
    with pytest.raises(GitFailed, match=r"^the repository has no commit yet$"):
        merge_base("main", repository.path)


def test_a_shallow_clone_says_how_to_fetch_the_history(repository):
    """It ends before the common commit."""
    repository.commit("a=1")
    repository.branch("work", "a=2")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a=3")
    clone = repository.path.parent / "clone"
    address = f"file://{repository.path}"
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", address, str(clone))

    assert is_shallow(clone)
    assert not is_shallow(repository.path)
    with pytest.raises(
        GitFailed, match=r"^this clone is shallow: .*`git fetch --unshallow`.*`fetch-depth: 0`"
    ):
        merge_base("origin/work", clone)


def test_a_directory_without_a_repository(tmp_path):
    """Git says so."""
    with pytest.raises(
        GitFailed, match=rf"^`git rev-parse` failed in {re.escape(str(tmp_path))}: .*not a git repository"
    ):
        merge_base("main", tmp_path)


def test_git_may_not_be_installed(repository, monkeypatch):
    """Then nothing can be asked."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(GitFailed, match=r"^git is not installed, or not on PATH$"):
        merge_base("main", repository.path)


def test_a_hook_does_not_lead_to_another_repository(repository, monkeypatch):
    """Git sets the names of its files for hooks, relative to another directory."""
    repository.commit("a=1")
    below = repository.path / "below"
    below.mkdir()
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", "no-index")

    assert not is_shallow(below)


def test_each_line_has_the_day_on_which_it_was_committed(repository, monkeypatch):
    """But for those that are not committed yet."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-31T12:00:00Z")
    repository.commit("a=1", "b=1")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-03-01T12:00:00Z")
    repository.commit("a=1", "b=2")
    repository.write("a=1", "b=2", "c=3")

    assert days_of_lines(repository.file) == {
        1: datetime(2026, 1, 31, tzinfo=UTC).date(),
        2: datetime(2026, 1, 31, tzinfo=UTC).date(),
        3: datetime(2026, 3, 1, tzinfo=UTC).date(),
    }


def test_a_file_that_is_not_in_git_has_no_days(repository):
    """Git says so."""
    repository.commit("a=1")
    os.rename(NAME, "other")

    with pytest.raises(GitFailed, match=r"^`git blame` failed in .*no such path 'other' in HEAD"):
        days_of_lines(repository.path / "other")

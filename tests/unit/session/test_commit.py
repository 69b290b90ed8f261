"""What git says about a directory, or that it says nothing."""

import os
import shutil
import subprocess

import pytest

from pytest_dbperf.session.commit import commit_of


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A repository with one commit."""
    if shutil.which("git") is None and not os.environ.get("CI"):
        pytest.skip("git is not installed")
    # A git that runs pytest in a hook names its own repository.
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def git(*args):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ("git", *identity, *args), cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    return git


def test_the_commit_is_that_of_git(git, tmp_path):
    """A file that git does not know changes nothing, a changed one does."""
    file = tmp_path / "a.py"
    file.touch()
    assert commit_of(tmp_path) == (None, None)

    git("add", "a.py")
    git("commit", "-q", "-m", "a")
    head = git("rev-parse", "HEAD")
    (tmp_path / "run.json").touch()
    assert commit_of(tmp_path) == (head, False)

    file.write_text("changed")
    assert commit_of(tmp_path) == (head, True)
    (tmp_path / "folder").mkdir()
    assert commit_of(tmp_path / "folder") == (head, True)


def test_without_a_repository_no_commit_is_known(git, tmp_path):
    """The run goes on."""
    shutil.rmtree(tmp_path / ".git")

    assert commit_of(tmp_path) == (None, None)


def test_without_git_no_commit_is_known(tmp_path, monkeypatch):
    """A container often has none."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert commit_of(tmp_path) == (None, None)

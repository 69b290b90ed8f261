"""Runs are compared with earlier ones, and shards are joined: in pytest and on the command line."""

import shutil
import subprocess

import pytest

from tests.plugin.test_reports import run_of

TESTS = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

def test_list(client, books):
    client.get("/books/")

@db
def test_count():
    queries(2)

@db
@pytest.mark.parametrize("number", [1, 2])
def test_numbers(number):
    queries(number)

def test_nothing():
    pass
"""


@pytest.fixture
def git(suite, monkeypatch):
    """The suite as a git repository."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)

    def git(*args):
        command = ("git", "-c", "user.name=a", "-c", "user.email=a@b", *args)
        return subprocess.run(
            command, cwd=suite.path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    return git


@pytest.mark.parametrize("args", [(), ("-n", "2")])
def test_a_run_says_how_it_was_made(suite, git, args):
    """The commit, the selection, the shard, and the versions of Python and of the database."""
    suite.tests(TESTS)
    git("add", "test_it.py")
    git("commit", "-q", "-m", "tests")

    run = run_of(suite, *args, "-k", "not nothing", "--dbperf-shard=1/2", "test_it.py")

    assert (run["commit"], run["dirty"]) == (git("rev-parse", "HEAD"), False)
    assert run["selection"] == {
        "arguments": ["test_it.py"],
        "options": ["-k 'not nothing'"],
        "collected": 5,
        "deselected": 1,
        "is_whole": False,
    }
    assert run["shard"] == {"number": 1, "of": 2}
    assert {"python", "django"} < set(run["versions"])
    assert {"sqlite", "postgresql"} & set(run["versions"])

"""Runs are compared with earlier ones, in pytest and on the command line."""

import json
import shutil
import subprocess
import sys

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


def test_a_run_is_compared_with_an_earlier_one(suite):
    """It is clean if nothing has changed. If it is worse, the last line says which gate failed, and why."""
    suite.tests(TESTS)
    base = run_of(suite, "--dbperf-report=json:base.json")
    same = suite.run("-n", "2", "--dbperf-compare=base.json", "--dbperf-fail-on=any")

    assert same.ret == 0
    same.stdout.fnmatch_lines(["compared with base.json (commit *): 5 tests", "nothing has changed"])

    suite.tests(TESTS.replace("queries(2)", "queries(4)"))
    gate = ("--dbperf-compare=base.json", "--dbperf-fail-on=new-findings,more-queries")
    worse = suite.run("-n", "2", *gate, "--dbperf-report=json:run.json")

    assert worse.ret == 10
    worse.assert_outcomes(passed=5)
    worse.stdout.fnmatch_lines(
        [
            "  +2      SELECT COUNT(*) AS __count FROM shop_author  in 1 test",
            "          test_it.py:* queries",
            "  worse   queries 2 -> 4  test_it.py::test_count",
            "more queries in 1 test",
        ]
    )
    assert worse.outlines[-1].startswith(
        "dbperf: more-queries: more queries in 1 test since base.json (commit "
    )
    assert json.loads((suite.path / "run.json").read_text())["exit_code"] == 10
    again = suite.pytester.run(sys.executable, "-m", "pytest_dbperf", "compare", "base.json", "run.json")
    assert (again.ret, again.outlines[-1]) == (0, "more queries in 1 test")
    assert base["selection"] == {
        "arguments": [],
        "options": [],
        "collected": 5,
        "deselected": 0,
        "is_whole": True,
    }

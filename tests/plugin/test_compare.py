"""Runs are compared with earlier ones, and shards are joined: in pytest and on the command line."""

import json
import shutil
import subprocess
import sys

import pytest

from pytest_dbperf.cli import main
from pytest_dbperf.reports.json import document
from tests.plugin.test_reports import run_of, without_time
from tests.unit.comparison.runs import result, run

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


def test_a_run_says_how_it_was_made(suite, git):
    """The commit, the selection, the shard, and the versions of Python and of the database."""
    suite.tests(TESTS)
    git("add", "test_it.py")
    git("commit", "-q", "-m", "tests")

    made = run_of(suite, "-k", "not nothing", "--dbperf-shard=1/2", "test_it.py")

    assert (made["commit"], made["dirty"]) == (git("rev-parse", "HEAD"), False)
    assert made["selection"] == {
        "arguments": ["test_it.py"],
        "options": ["-k 'not nothing'"],
        "collected": 5,
        "deselected": 1,
        "is_whole": False,
    }
    assert made["shard"] == {"number": 1, "of": 2}
    assert {"python", "django"} < set(made["versions"])
    assert {"sqlite", "postgresql"} & set(made["versions"])


# As pytest-split does it: the tests of other shards are deselected.
SHARDING = """
def pytest_addoption(parser):
    parser.addoption("--splits", type=int)
    parser.addoption("--group", type=int)

def pytest_collection_modifyitems(config, items):
    if config.option.splits:
        others = [item for number, item in enumerate(items, 1) if number % 2 != config.option.group % 2]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
"""

ALLOWED = """
@db
@pytest.mark.parametrize("is_repeated", [False, True])
@pytest.mark.no_repeated_queries(allow=["*author*", "*nothing*"])
def test_allowed(is_repeated):
    queries(5 if is_repeated else 1)
"""


def test_a_run_is_compared_with_an_earlier_one(suite):
    """It is clean if nothing has changed. If it is worse, the last line says which gate failed, and why."""
    suite.tests(TESTS)
    base = run_of(suite, "--dbperf-report=json:base.json")
    same = suite.run("-n", "2", "--dbperf-compare=base.json", "--dbperf-fail-on=any")

    assert same.ret == 0
    same.stdout.fnmatch_lines(["compared with base.json (commit unknown): 5 tests", "nothing has changed"])

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
    assert worse.outlines[-1] == (
        "dbperf: worse than base.json (commit unknown): more-queries (more queries in 1 test). "
        "To accept that, write a new base: pytest --dbperf-report=json:base.json"
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


def test_shards_are_the_run_that_one_job_would_have_made(suite, tmp_path, monkeypatch):
    """The file of all shards is the same byte for byte, but for times, wherever they are joined."""
    suite.tests(TESTS + ALLOWED)
    suite.file("conftest.py", SHARDING)
    whole = run_of(suite)
    for number in ("1", "2"):
        shard = run_of(suite, "-n", number, "--splits=2", f"--group={number}")
        assert shard["shard"] == {"number": int(number), "of": 2}
        (tmp_path / f"{number}.json").write_text(json.dumps(shard))
    monkeypatch.chdir(tmp_path)

    assert main(["combine", "2.json", "1.json", "--expect=2", "-o", "all.json"]) == 0

    combined = json.loads((tmp_path / "all.json").read_text())
    assert json.dumps(without_time(combined)) == json.dumps(without_time(whole))
    assert [each["pattern"] for each in whole["unused_allowances"]] == ["*nothing*"]
    assert whole["selection"]["is_whole"]


def test_a_failed_test_decides_the_exit_code(suite):
    """A run that was stopped proves nothing, and says so even if no gate was asked for."""
    suite.file("base.json", document(run(result("test_it.py::test_a"))))
    suite.tests("def test_a(): assert 0\ndef test_b(): pass")
    stopped = suite.run("-x", "--dbperf-compare=base.json")

    assert stopped.ret == 1
    assert stopped.outlines[-1].endswith(
        "proves nothing: this run is incomplete: results are missing; no test passed in both runs. "
        "Compare runs that have ended: pytest --dbperf-report=json:PATH"
    )

"""`dbperf compare` and `dbperf combine` read files, write what they found, and exit with a code."""

import json

import pytest

from pytest_dbperf.cli import main
from pytest_dbperf.reports.json import document
from pytest_dbperf.results.circumstances import Shard
from tests.unit.comparison.runs import group, result, run


@pytest.fixture
def dbperf(tmp_path, monkeypatch, capsys):
    """Run a command in a directory with two runs and their shards."""
    monkeypatch.chdir(tmp_path)
    runs = {
        "base": run(result("a", group(1))),
        "head": run(result("a", group(2))),
        "one": run(result("a", group(1)), shard=Shard(1, 2)),
        "two": run(result("b", group(1)), shard=Shard(2, 2)),
        "twice": run(result("a", group(3)), shard=Shard(2, 2)),
    }
    for name, each in runs.items():
        (tmp_path / f"{name}.json").write_text(document(each))

    def dbperf(*args):
        try:
            code = main(args)
        except SystemExit as error:
            code = error.code
        return code, *capsys.readouterr()

    return dbperf


def test_a_comparison_is_written(dbperf):
    """Changes alone fail nothing."""
    code, out, err = dbperf("compare", "base.json", "head.json")

    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "compared with base.json (commit unknown): 1 test"
    assert out.splitlines()[-1] == "more queries in 1 test"


@pytest.mark.parametrize(
    ("gates", "code"),
    [
        (["--fail-on=more-queries"], 1),
        (["--fail-on=more-hops", "--fail-on=any"], 1),
        (["--fail-on=more-hops"], 0),
    ],
)
def test_a_gate_decides_the_exit_code(dbperf, gates, code):
    """The last line says which one, and why."""
    done, _, err = dbperf("compare", "base.json", "head.json", *gates)

    assert done == code
    assert (
        "dbperf: worse than base.json (commit unknown): more-queries (more queries in 1 test)." in err
    ) is bool(code)


def test_a_comparison_as_json(dbperf):
    """For other programs."""
    _, out, _ = dbperf("compare", "base.json", "head.json", "--json")

    assert json.loads(out)["tests"] == [
        {"key": "a", "name": "queries", "base": 1, "head": 2, "change": "worse"}
    ]


def test_the_number_of_changes_shown_can_be_chosen(dbperf):
    """As with --dbperf-top."""
    _, out, _ = dbperf("compare", "one.json", "head.json", "--top", "0")

    assert "  worse   queries 1 -> 2  a" in out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("compare", "base.json", "no.json"), "dbperf: no.json cannot be read: No such file or directory"),
        (("compare", "base.json"), "the following arguments are required: HEAD.json"),
        (("compare", "a", "b", "--fail-on=anny"), "got 'anny' (did you mean 'any'?)"),
        (("combine", "one.json", "--expect=0", "-o", "all.json"), "takes a number of shards, got '0'"),
        (("combine", "one.json", "--expect=x", "-o", "all.json"), "takes a number of shards, got 'x'"),
    ],
)
def test_wrong_usage_has_the_exit_code_that_it_has_in_pytest(dbperf, args, told):
    """So a job can tell it from a comparison that failed."""
    code, _, err = dbperf(*args)

    assert code == 4
    assert told in err


def test_shards_are_joined(dbperf, tmp_path):
    """The file is a run like any other."""
    code, out, err = dbperf("combine", "two.json", "one.json", "--expect", "2", "-o", "all.json")

    assert (code, err) == (0, "")
    assert out == "dbperf: 2 tests, 2 queries, 0 over limit, from 2 shards\n"
    assert (tmp_path / "all.json").read_text() == document(run(result("a", group(1)), result("b", group(1))))


def test_a_test_of_two_shards_is_told(dbperf, tmp_path):
    """It is no reason to fail."""
    code, _, err = dbperf("combine", "one.json", "twice.json", "--expect", "2", "-o", "all.json")

    assert code == 0
    assert err == ("dbperf: more than one shard ran these tests, the result with most queries is kept: a\n")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["one.json"], "shard 2/2 is missing"),
        (["one.json", "./one.json", "two.json"], "one.json was given twice"),
        (["one.json", "no.json"], "no.json cannot be read: No such file or directory; "),
    ],
)
def test_shards_that_are_not_one_run_are_red(dbperf, tmp_path, files, told):
    """Nothing is written, and the reasons come before the last line."""
    code, out, err = dbperf("combine", *files, "--expect", "2", "-o", "all.json")

    assert (code, out) == (1, "")
    first, last = err.splitlines()
    assert first.startswith(f"dbperf: {told}")
    assert last.startswith("dbperf: all.json was not written: the shards are not one run, see above.")
    assert not (tmp_path / "all.json").exists()


def test_a_run_that_cannot_be_written_is_told(dbperf, tmp_path):
    """The path is a folder."""
    code, _, err = dbperf("combine", "one.json", "two.json", "--expect", "2", "-o", str(tmp_path))

    assert code == 4
    assert err == f"dbperf: {tmp_path} was not written: Is a directory\n"

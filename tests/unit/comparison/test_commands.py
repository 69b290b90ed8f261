"""`dbperf compare` reads files, writes what it found, and exits with a code."""

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
    assert ("dbperf: more-queries: more queries in 1 test since base.json (commit unknown)." in err) is bool(
        code
    )


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
    ],
)
def test_wrong_usage_has_the_exit_code_that_it_has_in_pytest(dbperf, args, told):
    """So a job can tell it from a comparison that failed."""
    code, _, err = dbperf(*args)

    assert code == 4
    assert told in err

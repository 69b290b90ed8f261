"""A JSON report is read back as the run that it was written from, or refused with the reason."""

import json

import pytest

from pytest_dbperf.reports.json import document
from pytest_dbperf.results.circumstances import Selection, Shard
from pytest_dbperf.results.model import (
    AliasResult,
    GroupResult,
    HopGroupResult,
    Measurements,
    RequestResult,
    Run,
    TestResult,
)
from pytest_dbperf.results.of_budgets import (
    AllowanceResult,
    FindingResult,
    NumberResult,
    ViolationResult,
    WarningResult,
)
from pytest_dbperf.results.reading import NotARun, read_run, run_from_json
from pytest_dbperf.results.values import WrongValue

RUN = Run(
    complete=True,
    exit_code=1,
    versions={"django": "6.1.3", "python": "3.13.1"},
    commit="4f0c",
    dirty=False,
    selection=Selection(["tests/a"], ["-k books"], collected=9, deselected=7),
    shard=Shard(2, 4),
    tests=[
        TestResult(
            "tests/test_a.py::test_b[x]",
            "failed",
            Measurements(
                queries=5,
                hops={"django": 2},
                reuse=0.5,
                db_ms=1,
                requests=[RequestResult("GET /books/", 5, {"orm": 1}, 1, "books/", 200, 2.5)],
                by_alias={"default": AliasResult(5, 0)},
                groups=[GroupResult(5, None, "SELECT 1", "select", ["a"], None, ["a.py:3 f"], None, 0.5)],
                hop_groups=[HopGroupResult(1, "executor", "f", "django", "orm", None, 1, 0.1, 0.2, [])],
            ),
            phases={"setup": {"queries": 1}, "teardown": {"queries": 0}},
            violations=[ViolationResult("query_budget", 5, 4, "queries 5 > 4", None, ["why"])],
            warnings=[WarningResult("query_budget", "risky", "a.py:3")],
            allowances=[AllowanceResult("no_n_plus_one", "at a.py:1", "Book.*", is_used=False)],
            findings=[FindingResult("no_n_plus_one", "Book.author", "a.py f", 5, False, True, False)],
            over=[NumberResult("test", "tests/test_a.py::test_b", "query_budget", 5, 4, None)],
            warm_caches=["a.py:9 g (lru_cache)"],
        ),
        TestResult("tests/test_a.py::test_c", "passed"),
    ],
)


def test_a_run_is_read_back(tmp_path):
    """Everything that the report has is there again."""
    path = tmp_path / "run.json"
    path.write_text(document(RUN))

    assert document(read_run(path)) == document(RUN)


def test_a_file_of_an_earlier_version_is_read():
    """A field that it does not have has its default, and one that only a later version knows is left out."""
    run = run_from_json(
        {
            "schema": "dbperf-run/1",
            "complete": True,
            "exit_code": 0,
            "versions": {},
            "weather": "fine",
            "tests": [{"id": "test_a.py::test_a", "outcome": "passed", "queries": 3}],
        }
    )

    assert run == Run(True, 0, {}, [TestResult("test_a.py::test_a", "passed", Measurements(queries=3))])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda run: run.update(complete=1), "complete takes true or false, got 1"),
        (lambda run: run.update(exit_code=True), "exit_code takes a whole number, got True"),
        (lambda run: run.update(tests=None), "tests takes a list, got None"),
        (lambda run: run.update(tests=["x" * 99]), "tests[0] takes an object, got str"),
        (lambda run: run.update(versions=[]), "versions takes an object, got []"),
        (lambda run: run.update(versions={"django": 6}), "versions.django takes a text, got 6"),
        (lambda run: run.pop("tests"), "tests takes a list, got None"),
        (lambda run: run.pop("versions"), "versions is missing"),
        (lambda run: run["tests"][0].update(db_ms="1"), "tests[0].db_ms takes a number, got '1'"),
        (lambda run: run["tests"][0].pop("outcome"), "tests[0].outcome is missing"),
        (
            lambda run: run["tests"][0]["groups"][0].update(count="5"),
            "tests[0].groups[0].count takes a whole number, got '5'",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_path(change, text):
    """So a file that was written by hand, or by another program, can be corrected."""
    run = json.loads(document(RUN))
    change(run)

    with pytest.raises(WrongValue) as error:
        run_from_json(run)
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (document(RUN)[:300], "is no JSON, or is cut off: "),
        ("", "is no JSON, or is cut off: "),
        (b"\xff\xfe\xff", "is no JSON, or is cut off: "),
        ("[]", 'is not read: it is no run of pytest-dbperf, which has "schema": "dbperf-run/1"; '),
        ('{"schema": 1}', "is not read: it is no run of pytest-dbperf"),
        ('{"schema": "sarif"}', "is not read: it is no run of pytest-dbperf"),
        (
            '{"schema": "dbperf-run/2"}',
            "it has the schema dbperf-run/2, and this version of pytest-dbperf reads dbperf-run/1; ",
        ),
        ('{"schema": "dbperf-run/1", "tests": []}', "is missing; "),
        (None, "cannot be read: No such file or directory; "),
    ],
)
def test_a_file_that_is_no_run_is_refused(tmp_path, content, text):
    """The text names the file, what is wrong with it, and how such a file is written."""
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(NotARun) as error:
        read_run(path)
    assert str(error.value).startswith(f"{path} ")
    assert text in str(error.value)
    assert str(error.value).endswith(f"; to write it: pytest --dbperf-report=json:{path}")

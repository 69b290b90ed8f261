"""A baseline accepts what is over a default today, and nothing that is new."""

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "dbperf-run-1.schema.json"
BASELINE = "dbperf-baseline.tsv"
LIMITS = ("dbperf_query_budget = 3", "dbperf_query_budget_per_request = 2", "dbperf_no_n_plus_one = true")
VIEWS = """
@pytest.fixture
def books(db):
    for name in ("Ada", "Bob", "Cyd"):
        Author.objects.create(name=name).books.create(title=f"By {name}")

@pytest.mark.query_budget(None)
def test_list(client, books):
    client.get("/books/")

@db
@pytest.mark.parametrize("number", [1, 9, 5])
def test_numbers(number):
    queries(number)

@db
def test_fine():
    queries(1)
"""
DEBTS = [
    "# dbperf-baseline/1",
    "finding\tno_n_plus_one\tBook.author\tshop/views.py name_of_author",
    "route\tGET books/\tqueries=4",
    "test\ttest_it.py::test_numbers\tquery_budget=9",
]


@pytest.fixture(autouse=True)
def on_sqlite(monkeypatch):
    """Use a database that starts at once: a baseline knows none of them."""
    monkeypatch.setenv("DATABASE_URL", "sqlite://")


@pytest.fixture
def grown(suite):
    """A suite that is over its new limits: by a cause, by a request and by a test."""
    configure(suite, *LIMITS)
    suite.tests(VIEWS)
    return suite


def configure(suite, *lines):
    """Write pytest.ini. A query that repeats without rows is no finding, and only a warning."""
    suite.ini(*lines)
    ini = suite.path / "pytest.ini"
    ini.write_text(
        ini.read_text().replace("= error", "=\n    error\n    ignore::pytest_dbperf.BudgetWarning")
    )


def read(suite, name=BASELINE):
    """The lines of a file of a suite."""
    return (suite.path / name).read_text().splitlines()


def write(suite, *lines, name=BASELINE):
    """Write a baseline."""
    suite.file(name, "\n".join((DEBTS[0], *lines, "")))


def said(result):
    """What the plugin said about a run."""
    return [line for line in result.outlines if line.startswith("dbperf: ")]


def git(directory, *args):
    """Run git."""
    subprocess.run(["git", *args], cwd=directory, check=True, capture_output=True)


def test_a_suite_adopts_its_limits_in_one_run(grown):
    """An update passes, and lists what it accepts. From then on the suite is green and quiet."""
    update, check = grown.run("--dbperf-update"), grown.run("-q")

    assert update.ret == check.ret == 0
    assert read(grown) == DEBTS
    assert said(update) == [
        "dbperf: accepted: finding no_n_plus_one Book.author shop/views.py name_of_author",
        "dbperf: accepted: route GET books/ queries=4",
        "dbperf: accepted: test test_it.py::test_numbers query_budget=9",
        "dbperf: dbperf-baseline.tsv: 3 new debts, 0 raised",
        "dbperf: 5 tests, 20 queries, 0 over limit, 3 debts",
    ]
    assert said(check) == ["dbperf: 5 tests, 20 queries, 0 over limit, 3 debts"]


def test_what_is_over_its_debt_fails_with_the_command_that_accepts_it(grown):
    """So does a new cause in a test that has another one. Slack fails nothing, and is told."""
    write(grown, "route\tGET books/\tqueries=99", "test\ttest_it.py::test_numbers\tquery_budget=8\t# import")
    result = grown.run("--dbperf-report=json:run.json")
    run = json.loads((grown.path / "run.json").read_text())

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        [
            "N+1 queries 3 > 0 (+3) in 1 loop   no_n_plus_one in pytest.ini   GET /books/",
            "  debt  not in dbperf-baseline.tsv. To accept it: pytest --dbperf-update test_it.py::test_list",
            "queries 9 > 8 (+1)   query_budget(3) in pytest.ini, with 8 accepted for this test",
            "  debt  dbperf-baseline.tsv:3 accepts 8. "
            "To accept it: pytest --dbperf-update test_it.py::test_numbers",
        ]
    )
    assert said(result) == [
        "dbperf: a debt could be lower: route GET books/ queries 99 -> 4",
        "dbperf: to take back what no test needs: pytest --dbperf-tighten",
        "dbperf: 5 tests, 20 queries, 2 over limit, 2 debts",
        "dbperf: not in dbperf-baseline.tsv: 1 new and 1 higher than accepted. Fix it, or accept it: "
        "pytest --dbperf-update",
    ]
    assert result.outlines[-1] == said(result)[-1]
    jsonschema.validate(run, json.loads(SCHEMA.read_text()))
    assert run["baseline"] == {
        "path": BASELINE,
        "debts": 2,
        "used": 2,
        "new": [
            {
                "debt_type": "finding",
                "names": ["no_n_plus_one", "Book.author", "shop/views.py name_of_author"],
                "numbers": {},
            }
        ],
        "higher": [
            {
                "debt_type": "test",
                "names": ["test_it.py::test_numbers"],
                "number": "query_budget",
                "accepted": 8,
                "needed": 9,
            }
        ],
        "stale": [],
        "too_high": [
            {"debt_type": "route", "names": ["GET books/"], "number": "queries", "accepted": 99, "needed": 4}
        ],
        "renamed": [],
        "unknown_because": "",
    }


def test_tightening_takes_back_what_no_test_needs(grown):
    """A run of some tests only lowers the numbers of tests, and says why it removes nothing."""
    write(
        grown,
        "# gone with its file",
        "finding\tno_n_plus_one\tBook.tags\tshop/gone.py titles",
        *DEBTS[1:3],
        "test\tgone.py::test_gone\tquery_budget=7",
        "test\ttest_it.py::test_fine\tquery_budget=7",
        "test\ttest_it.py::test_numbers\tquery_budget=80\t# import",
    )
    before = read(grown)
    some, all_of_them = grown.run("--dbperf-tighten", "-k", "fine"), grown.run("--dbperf-tighten")

    assert said(some)[:-1] == [
        "dbperf: dbperf-baseline.tsv: 0 removed, 0 lowered",
        "dbperf: no debt was removed: not all tests were selected (-k fine)",
    ]
    assert said(all_of_them)[:-1] == [
        "dbperf: removed: finding no_n_plus_one Book.tags shop/gone.py titles",
        "dbperf: removed: test gone.py::test_gone query_budget=7",
        "dbperf: removed: test test_it.py::test_fine query_budget=7",
        "dbperf: lowered: test test_it.py::test_numbers query_budget 80 -> 9",
        "dbperf: dbperf-baseline.tsv: 3 removed, 1 lowered",
    ]
    assert len(before) == 8
    assert read(grown) == [*DEBTS[:3], f"{DEBTS[3]}\t# import"]


def test_a_failing_run_in_ci_leaves_a_patch(grown, monkeypatch):
    """git applies it, and then the suite is green. An update is refused."""
    monkeypatch.setenv("CI", "true")
    write(grown, *DEBTS[1:2])
    git(grown.path, "init", "-q")

    refused = grown.run("--dbperf-update")
    failed = grown.run()
    git(grown.path, "apply", ".dbperf/baseline.patch")
    passed = grown.run()

    assert (refused.ret, failed.ret, passed.ret) == (4, 1, 0)
    refused.stderr.fnmatch_lines(
        ["ERROR: --dbperf-update is refused, because the environment variable CI is set*"]
    )
    assert failed.outlines[-1] == (
        "dbperf: not in dbperf-baseline.tsv: 2 new. Fix it, or accept it: git apply .dbperf/baseline.patch"
    )
    assert read(grown) == DEBTS
    assert not (grown.path / ".dbperf" / "baseline.patch").exists()


@pytest.mark.parametrize(
    "args", [["-n", "2"], ["-n", "2", "--dist=loadscope"], ["-p", "randomly", "--reruns=1"]]
)
def test_the_file_is_the_same_whichever_way_the_tests_run(grown, args):
    """With workers, in any order, and when tests run again."""
    result = grown.run("--dbperf-update", *args)

    assert result.ret == 0
    assert read(grown) == DEBTS


def test_workers_read_the_baseline(grown):
    """The controller tells them where it is, and judges the results of all."""
    write(grown, *DEBTS[1:3], "test\ttest_it.py::test_numbers\tquery_budget=8")
    result = grown.run("-n", "2")

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["  debt  dbperf-baseline.tsv:4 accepts 8. To accept it: *"])
    assert said(result)[-1].startswith("dbperf: not in dbperf-baseline.tsv: 1 higher than accepted.")


def test_only_what_is_fine_otherwise_is_accepted(suite):
    """Limits that are written for a test stay. Tests that fail, or are expected to, add nothing."""
    suite.ini("dbperf_query_budget = 1")
    suite.tests(
        """
        @db
        @pytest.mark.query_budget(2)
        def test_hard():
            queries(4)

        @db
        def test_window(query_budget):
            with query_budget(0):
                queries(4)

        @db
        def test_fails():
            queries(5)
            assert not Author

        @db
        @pytest.mark.xfail
        def test_xfails():
            queries(6)
            assert not Author

        @pytest.mark.query_budget(1)
        class TestSoft:
            @db
            def test_it(self):
                queries(7)
        """.replace("\n        ", "\n")
    )
    result = suite.run("--dbperf-update")

    result.assert_outcomes(failed=3, xfailed=1, passed=1)
    assert read(suite) == [DEBTS[0], "test\ttest_it.py::TestSoft::test_it\tquery_budget=7"]


@pytest.mark.parametrize(
    ("source", "args"),
    [
        ("def test_fails(): assert 0\ndef test_later(): pass", ["-x"]),
        ("import os\ndef test_crash(): os._exit(1)\ndef test_later(): pass", ["-n", "2"]),
        ("import no_such_module", []),
        ("import pytest\ndef test_stops(): pytest.exit('enough', returncode=0)", []),
    ],
)
def test_an_incomplete_run_writes_nothing(grown, source, args):
    """It says so. If no test failed, the run fails all the same."""
    grown.file("test_then.py", source)
    write(grown)
    result = grown.run("--dbperf-update", *args)

    assert read(grown) == DEBTS[:1]
    assert said(result)[-1] == (
        "dbperf: dbperf-baseline.tsv was not changed: the run is incomplete, results are missing. "
        "Run the tests to their end: pytest --dbperf-update"
    )
    assert result.ret == (10 if "returncode=0" in source else result.ret) != 0


def test_a_test_that_was_moved_keeps_its_comment(grown):
    """It is told in the red run, and an update accepts the new name."""
    write(grown, *DEBTS[1:3], "test\ttest_old.py::test_numbers\tquery_budget=9\t# import, owner=@shop")
    red, update = grown.run("--dbperf-tighten"), grown.run("--dbperf-update", "--dbperf-tighten")

    assert (red.ret, update.ret) == (1, 0)
    red.stdout.fnmatch_lines(
        ["dbperf: renamed[?] test test_old.py::test_numbers -> test test_it.py::test_numbers: *"]
    )
    update.stdout.fnmatch_lines(["dbperf: renamed: * test_it.py::test_numbers, and the old line is removed"])
    assert read(grown) == [*DEBTS[:3], f"{DEBTS[3]}\t# import, owner=@shop"]


def test_the_baseline_nearest_to_the_root_holds(grown, monkeypatch):
    """Its paths begin at its own directory, and debts of other suites are left alone."""
    services = grown.path / "services"
    shutil.copytree(grown.path, services / "shop")
    git(services, "init", "-q")
    others = ["route\tGET users/\tqueries=9", "test\tusers/test_it.py::test_other\tquery_budget=7"]
    write(grown, *others, name=f"services/{BASELINE}")
    monkeypatch.chdir(services / "shop")
    monkeypatch.setenv("CI", "1")
    red = grown.run()
    git(services, *red.outlines[-1].partition("git -C .. ")[2].split())
    green = grown.run("--dbperf-tighten")

    assert (red.ret, green.ret) == (1, 0)
    assert red.outlines[-1].endswith("accept it: git -C .. apply shop/.dbperf/baseline.patch")
    assert read(grown, f"services/{BASELINE}") == [
        DEBTS[0],
        DEBTS[1].replace("shop/", "shop/shop/"),
        DEBTS[2],
        others[0],
        DEBTS[3].replace("test_it", "shop/test_it"),
        others[1],
    ]


@pytest.mark.parametrize(
    ("ini", "args", "text"),
    [
        (
            "-p no:faker --dbperf-update",
            [],
            "--dbperf-update has to be given on the command line, not in addopts",
        ),
        ("", ["--dbperf=off", "--dbperf-tighten"], "--dbperf-tighten needs measurements, but dbperf is off"),
        ("", ["--dbperf-baseline="], "--dbperf-baseline takes the path of a file, got an empty text"),
        (
            "",
            ["--dbperf-baseline=no.tsv"],
            "--dbperf-baseline=no.tsv: there is no file *no.tsv. To write it: pytest *",
        ),
        ("dbperf_baseline = no.tsv", [], "dbperf_baseline in *pytest.ini: there is no file *"),
        ("", ["--dbperf-tighten"], "--dbperf-tighten: there is no dbperf-baseline.tsv in *"),
    ],
)
def test_a_wrong_option_is_an_error(suite, ini, args, text):
    """Nothing is guessed, and nothing runs."""
    suite.ini("" if "-p" in ini else ini)
    path = suite.path / "pytest.ini"
    path.write_text(path.read_text().replace("-p no:faker", ini if "-p" in ini else "-p no:faker"))
    result = suite.run_tests("def test_it(): pass", *args)

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {text}"])


@pytest.mark.parametrize("args", [[], ["-n", "1"], ["--dbperf-update"]])
def test_a_baseline_that_cannot_be_read_stops_the_run(suite, args):
    """Nothing is reset in silence."""
    suite.file(BASELINE, "# dbperf-baseline/1\n<<<<<<< HEAD\n")
    result = suite.run_tests("def test_it(): pass", *args)

    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *dbperf-baseline.tsv:2: `<<<<<<<` is a conflict that git left*"])


@pytest.mark.parametrize("args", [["--dbperf-baseline=ci/debts.tsv"], []])
def test_a_baseline_can_have_another_name(suite, monkeypatch, args):
    """By the option or the setting. In CI, an update has to be asked for in full."""
    monkeypatch.setenv("CI", "true")
    suite.ini("dbperf_query_budget = 1", *([] if args else ["dbperf_baseline = ci/debts.tsv"]))
    suite.file("ci/readme.txt", "")
    result = suite.run_tests("@db\ndef test_it(): queries(2)", "--dbperf-update-in-ci", *args)

    assert result.ret == 0
    assert read(suite, "ci/debts.tsv") == [DEBTS[0], "test\t../test_it.py::test_it\tquery_budget=2"]


@pytest.mark.parametrize(
    ("meanwhile", "line"),
    [
        ("path.write_text('<<<<<<< HEAD\\n')", "dbperf: *dbperf-baseline.tsv:1: `<<<<<<<` is a conflict*"),
        ("path.unlink(); path.mkdir()", "dbperf: *dbperf-baseline.tsv: it cannot be read: Is a directory*"),
    ],
)
def test_a_baseline_that_cannot_be_written_fails_the_run(suite, meanwhile, line):
    """The tests have passed, so the exit code is the one of a report that cannot be written."""
    write(suite)
    result = suite.run_tests(
        f"from pathlib import Path\ndef test_it():\n    path = Path('{BASELINE}')\n    {meanwhile}\n",
        "--dbperf-update",
    )

    assert result.ret == 4
    result.stdout.fnmatch_lines([line])


def test_all_examples_of_hypothesis_are_accepted_at_once(suite):
    """Their budgets fail nothing during an update, so that Hypothesis goes on to the highest number."""
    suite.ini("dbperf_query_budget = 1")
    suite.tests(
        """
from hypothesis import HealthCheck, given, settings, strategies

@db
@settings(database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(strategies.sampled_from([1, 2, 3, 4, 5]))
def test_examples(number):
    queries(number)
"""
    )
    update, check = suite.run("--dbperf-update"), suite.run()

    assert (update.ret, check.ret) == (0, 0)
    assert read(suite) == [DEBTS[0], "test\ttest_it.py::test_examples\tquery_budget=5"]

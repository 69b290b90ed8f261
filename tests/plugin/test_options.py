"""What is asked for on the command line comes before the ini file, and nonsense is refused."""

import json

import pytest

OVER = """
@db
@pytest.mark.query_budget(0)
def test_over(query_budget, dbperf):
    with query_budget(1):
        queries(2)
    assert len(dbperf.queries) == 2
"""


def test_report_mode_measures_and_fails_nothing(suite):
    """A team looks before it leaps."""
    result = suite.run_tests(OVER, "--dbperf=report", "--dbperf-report=json:run.json")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*      2 *test_it.py::test_over  OVER LIMIT", "dbperf: 1 test, 2 queries, 1 over limit"]
    )
    (test,) = json.loads((suite.path / "run.json").read_text())["tests"]
    assert [violation["message"].split("   ")[0] for violation in test["violations"]] == [
        "queries 2 > 1 (+1)",
        "queries 2 > 0 (+2)",
    ]


def test_report_mode_says_what_a_failure_would_say(suite):
    """Which budget, from which lines; where budgets are enforced, the failure says it already."""
    suite.tests(OVER)
    result = suite.run("--dbperf=report")

    result.stdout.fnmatch_lines(
        [
            "over limit: test_it.py::test_over",
            "queries 2 > 1 (+1)   query_budget(1) at test_it.py:*",
            "    2x  SELECT *",
            "        test_it.py:* queries  <- test_it.py:* test_over",
            "over limit: test_it.py::test_over",
            "queries 2 > 0 (+2)   query_budget(0) at test_it.py:*",
            "dbperf: 1 test, 2 queries, 1 over limit",
        ]
    )
    suite.run("--dbperf=enforce").stdout.no_fnmatch_line("over limit: *")


def test_off_measures_nothing_but_what_is_asked_for_by_name(suite):
    """No enforcement, no report; a fixture still counts, or its test could not run."""
    suite.tests(OVER + "\n@db\n@pytest.mark.query_budget(0)\ndef test_marked(): queries(1)")
    result = suite.run("--dbperf=off")

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("dbperf: *")


def test_off_leaves_every_seam_alone(suite):
    """The price of a plugin that is off is nothing."""
    result = suite.run_tests(
        """
from django.db.backends.utils import CursorWrapper

def test_untouched():
    assert not hasattr(CursorWrapper._execute_with_wrappers, "__wrapped__")
""",
        "--dbperf=off",
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("ini", "args", "outcomes"),
    [
        ("dbperf = report", (), {"passed": 1}),
        ("dbperf = report", ("--dbperf=enforce",), {"failed": 1}),
        ("dbperf = off", ("--dbperf=report",), {"passed": 1}),
        ("dbperf = enforce", (), {"failed": 1}),
    ],
)
def test_the_command_line_comes_before_the_ini_file(suite, ini, args, outcomes):
    """A run may differ from what is usual."""
    suite.ini(ini)

    suite.run_tests(OVER, *args).assert_outcomes(**outcomes)


def test_reports_and_rows_have_ini_options(suite):
    """What a team always wants need not be typed."""
    suite.ini("dbperf_report =", "    term", "    json:out/run.json", "dbperf_top = 1")
    result = suite.run_tests("def test_a(): pass\ndef test_b(): pass")

    assert sum("test_it.py::" in line for line in result.outlines) == 1
    assert (suite.path / "out" / "run.json").exists()


@pytest.mark.parametrize(
    ("ini", "args", "complaint"),
    [
        ("", ("--dbperf=loose",), "*argument --dbperf: invalid choice: 'loose'*"),
        ("dbperf = loose", (), "ERROR: dbperf must be one of enforce, report, off, got 'loose'"),
        (
            "",
            ("--dbperf-report=xml:x",),
            "ERROR: --dbperf-report takes term or json:PATH or openmetrics:PATH, got 'xml:x'",
        ),
        (
            "",
            ("--dbperf-report=json",),
            "ERROR: --dbperf-report takes term or json:PATH or openmetrics:PATH, got 'json'",
        ),
        (
            "",
            ("--dbperf-report=term:x",),
            "ERROR: --dbperf-report takes term or json:PATH or openmetrics:PATH, got 'term:x'",
        ),
        (
            "",
            ("--dbperf-report=jsn:x",),
            "ERROR: --dbperf-report takes * got 'jsn:x' (did you mean 'json'?)",
        ),
        (
            "",
            ("--dbperf-suggestt",),
            "ERROR: there is no option --dbperf-suggestt (did you mean --dbperf-suggest?)",
        ),
        ("", ("--dbperf_top=3",), "ERROR: there is no option --dbperf_top (did you mean --dbperf-top?)"),
        (
            "dbperf_query_budgett = 3",
            (),
            "ERROR: *pytest.ini:*: there is no setting dbperf_query_budgett "
            "(did you mean dbperf_query_budget?)",
        ),
        (
            "",
            ("-o", "dbperf_no_nplus_one=true"),
            "ERROR: --override-ini=dbperf_no_nplus_one=true: there is no setting dbperf_no_nplus_one "
            "(did you mean dbperf_no_n_plus_one?)",
        ),
        ("", ("--dbperf-top=-1",), "ERROR: --dbperf-top must be >= 0, got -1"),
        ("", ("--dbperf-top=few",), "*argument --dbperf-top: invalid int value: 'few'*"),
        (
            "dbperf_top = few",
            (),
            "ERROR: dbperf_top in *pytest.ini: takes a whole number, as in dbperf_top = 60, got 'few'",
        ),
        (
            "dbperf_query_budget = -1",
            (),
            "ERROR: dbperf_query_budget in *pytest.ini: query_budget limit must be >= 0*",
        ),
        (
            "dbperf_query_budget_per_request = -1",
            (),
            "ERROR: dbperf_query_budget_per_request in *pytest.ini: query_budget limit must be >= 0*",
        ),
        (
            "dbperf_query_budget_per_requests = 3",
            (),
            "ERROR: *pytest.ini:*: there is no setting dbperf_query_budget_per_requests "
            "(did you mean dbperf_query_budget_per_request?)",
        ),
        *(
            (
                f"dbperf_query_budget = {value}",
                (),
                "ERROR: dbperf_query_budget in *pytest.ini: takes a whole number, "
                f"as in dbperf_query_budget = 60, got '{value}'",
            )
            for value in ("many", "1.5", "1 000", "")
        ),
        *(
            (
                f"dbperf_no_n_plus_one = {value}",
                (),
                f"ERROR: dbperf_no_n_plus_one in *pytest.ini: takes true or false, got '{value}'",
            )
            for value in ("perhaps", "5", "")
        ),
        (
            "dbperf_reset_caches = never",
            (),
            "ERROR: dbperf_reset_caches in *pytest.ini: takes true or false, got 'never'",
        ),
        (
            "dbperf_project = shop my-shop",
            (),
            "ERROR: dbperf_project in *pytest.ini: takes packages as in an import (*), got 'my-shop'",
        ),
        ("dbperf_project = shop.", ("--dbperf=off",), "ERROR: dbperf_project in *pytest.ini: *, got 'shop.'"),
        (
            "dbperf_project = django.db",
            (),
            "ERROR: dbperf_project in *pytest.ini: 'django.db' is a library that pytest-dbperf knows*",
        ),
    ],
)
def test_an_option_that_means_nothing_is_a_usage_error(suite, ini, args, complaint):
    """The error names the option and the value that it takes."""
    suite.ini(ini)
    result = suite.run_tests("def test_it(): pass", *args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_help_tells_of_every_option(suite):
    """Markers, fixtures and ini options are generated from the budgets."""
    (suite.path / "test_it.py").write_text("")

    helped = suite.run("--help").stdout.str()
    for option in (
        "--dbperf={enforce,report,off}",
        "--dbperf-report=",
        "--dbperf-top=",
        "--dbperf-suggest ",
        "--dbperf-write=TESTS",
        "--dbperf-dry-run={yes,no}",
        "dbperf_query_budget",
        "dbperf_query_budget_per_request",
        "dbperf_max_thread_hops_per_request",
        "dbperf_no_blocking_calls",
        "dbperf_driver_queries",
    ):
        assert option in helped
    suite.run("--markers").stdout.fnmatch_lines(
        [
            "@pytest.mark.query_budget(limit, [*], at_least=0, *): Fail when more than `limit` queries *",
            "@pytest.mark.max_new_connections(limit, [*], using=None, reason=''): Fail when more than *",
            "@pytest.mark.no_sync_to_async([*], allow=(), reason=''): Fail when your code moves work from *",
        ]
    )
    suite.run("--fixtures").stdout.fnmatch_lines(
        [
            "dbperf -- *",
            "*The recording of this test*",
            "query_budget -- *",
            "*A budget for a part of a test*",
        ]
    )


def test_a_setting_of_another_plugin_may_be_like_ours(suite):
    """It has been declared, so that it is not misspelt."""
    suite.ini("dbperf_tops = 3")
    suite.file("conftest.py", "def pytest_addoption(parser):\n    parser.addini('dbperf_tops', 'tops')\n")

    suite.run_tests("def test_it(): pass").assert_outcomes(passed=1)

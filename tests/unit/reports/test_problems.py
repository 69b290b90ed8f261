"""Each cause is one problem, whichever tests it breaks."""

from dataclasses import replace

import pytest

from pytest_dbperf.baseline.debts import Key
from pytest_dbperf.reports.problems import accepted, broken_findings, problems
from tests.unit.reports.runs import FAILED, FINE, VIEW, finding, number, result, run, violation

TAGS = finding("Book.tags", count=3)


def told(*tests, **fields):
    """What is wrong with these tests: the title of each problem, and its tests."""
    return [(problem.title, list(problem.tests)) for problem in problems(run(*tests, **fields))]


def test_a_cause_of_many_tests_is_one_problem():
    """Its numbers are those of the test with the most, and the causes of most tests come first."""
    tests = [
        result(
            f"tests/test_{name}.py::test",
            findings=[replace(finding(), count=count)],
            violations=[violation()],
        )
        for name, count in (("a", 2), ("b", 9), ("c", 4))
    ]
    other = result("tests/test_d.py::test", findings=[TAGS], violations=[violation()])

    assert told(other, *tests) == [
        (f"Book.author 9 times in {VIEW}", [test.id for test in tests]),
        (f"Book.tags 3 times in {VIEW}", [other.id]),
    ]


def test_two_findings_of_one_test_are_two_problems_of_its_violation():
    """The violation is not told a third time."""
    test = result(findings=[finding(), TAGS], violations=[violation()])

    assert [title for title, _ in told(test)] == [
        f"Book.author 25 times in {VIEW}",
        f"Book.tags 3 times in {VIEW}",
    ]


def test_a_cause_that_the_baseline_accepts_is_no_problem():
    """If the test breaks a limit by another one, that one is."""
    test = result(findings=[replace(finding(), is_accepted=True), TAGS], violations=[violation()])

    assert [title for title, _ in told(test)] == [f"Book.tags 3 times in {VIEW}"]
    assert [(debt.title, debt.fails) for debt in accepted(run(test))] == [
        (f"Book.author 25 times in {VIEW}", False)
    ]


def test_no_debt_lifts_a_hard_limit():
    """The marker of a function holds, and its cause is not listed as accepted, too."""
    hard = replace(finding(), is_accepted=True, limit_is_hard=True)
    soft = result("tests/test_c.py::test", "passed", findings=[replace(finding(), is_accepted=True)])
    broken = run(result(findings=[hard], violations=[violation()]), soft)

    assert [problem.title for problem in problems(broken)] == [f"Book.author 25 times in {VIEW}"]
    assert accepted(broken) == []


def test_a_finding_without_a_broken_budget_is_no_problem():
    """A test that caught the error, as a test of a budget does, has no violations."""
    assert told(result(outcome="passed", findings=[finding()])) == []
    assert broken_findings(result(findings=[finding()], violations=[violation("query_budget")])) == []


@pytest.mark.parametrize(
    ("outcome", "count", "fails"),
    [
        ("failed", 1, True),
        ("error", 1, True),
        ("passed", 1, False),
        ("xpassed", 1, False),
        ("xfailed", 0, False),
    ],
)
def test_a_problem_says_whether_a_test_failed(outcome, count, fails):
    """In report mode the tests pass; a test that is expected to fail is no problem."""
    found = problems(run(result(outcome=outcome, findings=[finding()], violations=[violation()])))

    assert [problem.fails for problem in found] == [fails] * count


def test_problems_of_failed_tests_come_first():
    """Others may break more tests."""
    passed = [
        result(f"tests/test_{name}.py::test", "passed", findings=[finding()], violations=[violation()])
        for name in "ab"
    ]
    failed = result("tests/test_c.py::test", findings=[TAGS], violations=[violation()])

    assert [title for title, _ in told(*passed, failed)] == [
        f"Book.tags 3 times in {VIEW}",
        f"Book.author 25 times in {VIEW}",
    ]


def test_what_the_tests_do_themselves_is_said_to_be_theirs():
    """It is no debt of the project, and comes after what is, also if it breaks more tests."""
    own = replace(finding(), count=1, in_tests=True, function="tests/test_a.py test_b")
    tests = [result(f"tests/test_{name}.py::test", findings=[own], violations=[violation()]) for name in "ab"]

    assert [title for title, _ in told(*tests, FAILED)] == [
        f"Book.author 25 times in {VIEW}",
        "Book.author once in tests/test_a.py test_b (the tests' own code)",
    ]


def test_a_finding_with_a_fix_stands_for_those_without():
    """In a test with more rows the line may not be known."""
    other = result("tests/test_c.py::test", findings=[finding(count=99)], violations=[violation()])

    assert [problem.fix for problem in problems(run(FAILED, other))] == [FAILED.findings[0].fix]


@pytest.mark.parametrize(
    ("name", "budget"),
    [
        ("queries", "query_budget"),
        ("hops_on_other", "max_thread_hops"),
        ("max_open_connections_on_other", "max_open_connections"),
    ],
)
def test_a_number_belongs_to_its_budget(name, budget):
    """That of one database alias as well."""
    test = result(violations=[violation(budget, 34, 20)], over=[number(name=name)])

    assert [problem.budget for problem in problems(run(test))] == [budget]


def test_a_number_of_a_test_is_a_problem_of_the_test_without_its_parameters():
    """The largest one is shown, and the violation that it belongs to is not told again."""
    tests = [
        result(
            f"tests/test_a.py::test_b[{parameter}]",
            violations=[
                violation("query_budget", measured, 20, explanation=["  fix     a.py:1  x   34 -> 2"])
            ],
            over=[number(measured=measured)],
        )
        for parameter, measured in (("x", 30), ("y", 34))
    ]

    (problem,) = problems(run(*tests))

    assert problem.title == "tests/test_a.py::test_b: query_budget 34 > 20"
    assert problem.key == Key("test", ("tests/test_a.py::test_b",))
    assert (problem.budget, problem.fix) == ("query_budget", "a.py:1  x   34 -> 2")
    assert list(problem.tests) == [test.id for test in tests]


def test_a_number_of_a_route_is_one_problem_for_all_tests():
    """The violation names the worst route, and covers the others."""
    over = [
        number("route", "GET books/", "queries", measured=26, accepted=24),
        number("route", "GET tags/", "queries", measured=22),
        number("route", "GET fine/", "hops", measured=22, accepted=22),
    ]
    tests = [
        result(f"tests/test_{name}.py::test", violations=[violation("query_budget", 26, 24)], over=over)
        for name in "ab"
    ]
    tests = [
        replace(test, violations=[*test.violations, violation("query_budget", 22, 20)]) for test in tests
    ]

    assert told(*tests) == [
        ("GET books/: queries 26 > 20, the baseline accepts 24", [test.id for test in tests]),
        ("GET tags/: queries 22 > 20", [test.id for test in tests]),
    ]
    assert [problem.budget for problem in problems(run(*tests))] == ["query_budget", "query_budget"]
    assert [debt.title for debt in accepted(run(*tests))] == [
        "GET fine/: hops 22 > 20, the baseline accepts 22"
    ]


def test_a_number_without_its_violation_is_still_told():
    """It points at the test."""
    (problem,) = problems(run(result(violations=[violation("max_thread_hops", 3, 2)], over=[number()])))[1:]

    assert (problem.title, problem.location) == (
        "tests/test_a.py::test_b: query_budget 34 > 20",
        "tests/test_a.py:1",
    )


def test_a_broken_budget_without_findings_is_a_problem_of_its_test():
    """Times, and the budgets of other plugins."""
    test = result(violations=[violation("max_db_time", 48.2, 20), violation("max_rows", 3, 2, None)])

    found = problems(run(test))

    assert [(problem.title, problem.number, problem.location) for problem in found] == [
        ("tests/test_a.py::test_b: max_db_time 48.2 > 20", "max_db_time", "shop/views.py:16"),
        ("tests/test_a.py::test_b: max_rows 3 > 2", "max_rows", "tests/test_a.py:1"),
    ]


def test_fingerprints_differ_for_causes_alone():
    """Neither lines, counts nor other tests change one."""
    moved = replace(finding(), count=2, lines=["shop/views.py:99 titles_and_names"])
    of = {
        name: [problem.fingerprint for problem in problems(run(test))]
        for name, test in {
            "first": FAILED,
            "moved": result("tests/test_c.py::test", findings=[moved], violations=[violation()]),
            "tags": result(findings=[TAGS], violations=[violation()]),
            "budgets": result(violations=[violation("max_rows"), violation("max_db_time")]),
        }.items()
    }

    assert of["first"] == of["moved"] != of["tags"]
    assert len({*of["first"], *of["tags"], *of["budgets"]}) == 4


@pytest.mark.parametrize(
    ("lines", "directory", "location"),
    [
        (["shop/views.py:16 name_of_author", "shop/views.py:11 titles_and_names"], "", "shop/views.py:11"),
        (["tests/test_a.py:3 test_b"], "", "tests/test_a.py:3"),
        ([], "", "tests/test_a.py:1"),
        (["/srv/lib/loops.py:16 loop"], "", "tests/test_a.py:1"),
        (["C:/lib/loops.py:16 loop"], "", "tests/test_a.py:1"),
        (["shop/views.py:0 titles_and_names"], "", "shop/views.py:1"),
        (["shop/views.py:11 titles_and_names"], "backend", "backend/shop/views.py:11"),
        (["../shared/loops.py:4 loop"], "backend", "shared/loops.py:4"),
    ],
)
def test_a_problem_is_at_the_line_of_the_function_that_did_it(lines, directory, location):
    """Its path begins at the repository; a file outside of it cannot be shown there."""
    test = result(findings=[finding(lines=lines)], violations=[violation()])

    assert [problem.location for problem in problems(run(test, directory=directory))] == [location]


def test_all_is_well():
    """There are no problems."""
    assert problems(run(FINE)) == accepted(run(FINE)) == []

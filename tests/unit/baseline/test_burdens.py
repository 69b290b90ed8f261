"""What most tests suffer from is worth fixing first."""

from pytest_dbperf.baseline.burdens import burdens_in
from pytest_dbperf.results.model import Measurements, RequestResult, Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult


def finding(subject, *, in_tests=False, fix="", function="shop/views.py titles"):
    """A finding of N+1."""
    return FindingResult(
        "no_n_plus_one",
        subject,
        function,
        count=3,
        in_tests=in_tests,
        is_accepted=subject == "Book.author",
        limit_is_hard=False,
        lines=["shop/views.py:31 titles"],
        fix=fix,
    )


def run_of(*tests):
    """A run; of each test its requests and its findings."""
    results = [
        TestResult(
            f"test_{number}",
            "passed",
            Measurements(requests=[RequestResult(request, 1, view=view) for request, view in requests]),
            findings=findings,
        )
        for number, (requests, findings) in enumerate(tests)
    ]
    return Run(complete=True, exit_code=0, versions={}, tests=results)


def test_a_finding_has_the_tests_and_the_routes_of_these_tests():
    """Those of most tests come first, then those of most routes."""
    books, tags, missing = ("GET /books/1/", "books/<int:pk>/"), ("GET /tags/", "tags/"), ("POST /x/", "")
    run = run_of(
        ([books], [finding("Book.author"), finding("Book.tags")]),
        (
            [books, books, tags],
            [finding("Book.author", fix='.select_related("author")'), finding("Book.author")],
        ),
        ([missing, tags], [finding("Book.zone")]),
        ([], []),
    )
    first, second, third = burdens_in(run)

    assert (first.subject, first.tests) == ("Book.author", ["test_0", "test_1"])
    assert (first.routes, first.requests) == (["GET books/<int:pk>/", "GET tags/"], 4)
    assert (first.is_accepted, first.fix) == (True, '.select_related("author")')
    assert (first.lines, first.in_tests) == (["shop/views.py:31 titles"], False)
    assert first.cause == "finding no_n_plus_one Book.author shop/views.py titles"
    assert (second.subject, second.routes, second.is_accepted) == (
        "Book.zone",
        ["GET tags/", "POST /x/"],
        False,
    )
    assert (third.subject, third.routes, third.fix) == ("Book.tags", ["GET books/<int:pk>/"], "")


def test_what_the_tests_themselves_do_comes_last():
    """It is no debt of the project, however many tests it is in."""
    here, there = finding("b", in_tests=True), finding("b")
    found = burdens_in(run_of(([], [here, there]), ([], [here]), ([], [finding("a")])))

    assert [(each.subject, each.in_tests, len(each.tests)) for each in found] == [
        ("a", False, 1),
        ("b", False, 1),
        ("b", True, 2),
    ]

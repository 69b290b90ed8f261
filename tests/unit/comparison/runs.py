"""Runs as literals, for the modules that compare them."""

from pytest_dbperf.results.model import (
    GroupResult,
    HopGroupResult,
    Measurements,
    RequestResult,
    Run,
    TestResult,
)
from pytest_dbperf.results.of_budgets import FindingResult

AUTHOR = "SELECT shop_author.id, shop_author.name FROM shop_author WHERE shop_author.id = %s LIMIT 21"
VIEW = ("shop/views.py:16 name_of_author", "shop/views.py:11 titles", "tests/test_a.py:9 test_a")


def group(count=1, fingerprint=AUTHOR, path=VIEW, using="default"):
    """Return a group of queries."""
    return GroupResult(count, count, fingerprint, "select", ["shop_author"], using, path, None, 0.5)


def hops(count=1, function="load", path=VIEW):
    """Return a group of hops."""
    fields = (count, "sync_to_async", function, "project", None, True, 0, 0.1, 0.1, path)
    return HopGroupResult(*fields)


def request(queries=1, *, text="GET /books/", view="books/", made=0):
    """Return a request."""
    return RequestResult(text, queries, {"project": made} if made else {}, view=view)


def finding(count=3, subject="Book.author", function="shop/views.py name_of_author", path=VIEW, **fields):
    """Return something that a budget found."""
    about = {"in_tests": False, "is_accepted": False, "limit_is_hard": False, "lines": path, **fields}
    return FindingResult("no_n_plus_one", subject, function, count, **about)


def result(test_id="tests/test_a.py::test_a", *did, outcome="passed", connections=0, violations=()):
    """Return the result of a test that did this: groups, hops, requests and findings."""
    groups = [each for each in did if isinstance(each, GroupResult)]
    hop_groups = [each for each in did if isinstance(each, HopGroupResult)]
    hop_count = sum(each.count for each in hop_groups)
    return TestResult(
        test_id,
        outcome,
        Measurements(
            queries=sum(each.count for each in groups),
            hops={"project": hop_count} if hop_count else {},
            new_connections=connections,
            requests=[each for each in did if isinstance(each, RequestResult)],
            groups=groups,
            hop_groups=hop_groups,
        ),
        findings=[each for each in did if isinstance(each, FindingResult)],
        violations=violations,
    )


def run(*tests, **fields):
    """Return a run of these tests."""
    return Run(**{"complete": True, "exit_code": 0, "versions": {}, "tests": tests, **fields})

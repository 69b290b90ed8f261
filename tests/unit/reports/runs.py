"""Runs with broken budgets and accepted debts as literals, and texts that could break a format."""

from pytest_dbperf.results.model import Measurements, Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult, NumberResult, ViolationResult

STATEMENT = "SELECT ... FROM shop_author WHERE shop_author.id = %s"
VIEW = "shop/views.py titles_and_names"


def finding(subject="Book.author", *, budget="no_n_plus_one", function=VIEW, count=25, **fields):
    """A finding of the view, at line 11 of it."""
    path = fields.pop("lines", ["shop/views.py:16 name_of_author", "shop/views.py:11 titles_and_names"])
    values = {"in_tests": False, "is_accepted": False, "limit_is_hard": False, "what": STATEMENT, **fields}
    return FindingResult(budget, subject, function, count, lines=path, **values)


def violation(budget="no_n_plus_one", measured=25, limit=1, location="shop/views.py:16", **fields):
    """A broken budget."""
    message = fields.pop("message", f"{budget} {measured} > {limit}   {budget}() in pytest.ini   GET /books/")
    return ViolationResult(budget, measured, limit, message, location, **fields)


def number(debt_type="test", key="tests/test_a.py::test_b", name="query_budget", **fields):
    """A number over a limit that a baseline can lift."""
    return NumberResult(debt_type, key, name, **{"measured": 34, "limit": 20, "accepted": None, **fields})


def result(test_id="tests/test_a.py::test_b[x]", outcome="failed", **fields):
    """The result of a test that failed."""
    return TestResult(test_id, outcome, Measurements(queries=26, hops={"django": 2}), **fields)


def run(*tests, complete=True, directory=""):
    """A run of these tests."""
    versions = {"pytest-dbperf": "0.1.0"}
    return Run(complete, 1 if tests else 0, versions, tests, project="shop", directory=directory)


FIX = 'shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget'
FAILED = result(findings=[finding(fix=FIX)], violations=[violation(explanation=["", "   25x  SELECT 1"])])
FINE = result("tests/test_a.py::test_fine", "passed")

# What texts of users and of databases can have in them. Each ends one of the formats, or begins a command.
HOSTILE = (
    "line\nbreak\r\n::error file=a.py::injected",
    "%0A::warning::injected%0D%25",
    "##[error]injected",
    "a | b `tick` ``two`` ```three``` <script>alert(1)</script> [link](https://evil.example) @team #1",
    "]]> &amp; <![CDATA[ \x00\x07\x1b[31m \ud800 \udcff \u202e \u2028 \x85 {0} {name}",
    "'; rm -rf ~; echo '$(id) `id`",
    "x" * 1_000_000,
)

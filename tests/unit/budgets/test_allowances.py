"""Patterns in `allow` match names and call sites."""

import pytest

from pytest_dbperf.budgets.allowances import allows
from tests.factories import site

CREATE = site("create_user", "/srv/app/campaigns/api.py", 31)
VIEW = site("view", "/srv/app/views.py", 7)


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "QuerySet.get",
        "get",
        "QuerySet.*",
        "g?t",
        "create_user",
        "create_*",
        "api.py",
        "campaigns/api.py",
        "/campaigns/api.py",
        "app/*/api.py",
        "/srv/app/campaigns/api.py",
        "campaigns/*",
        "campaigns/api.py:31",
        "api.py:*",
    ],
)
def test_a_name_or_the_innermost_call_site_is_allowed(pattern):
    """A pattern may be either of the two."""
    assert allows([pattern], ["QuerySet.get"], (CREATE, VIEW)) == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "Get",
        "QuerySet",
        "et",
        "user",
        "view",
        "views.py",
        "pi.py",
        "campaigns",
        "campaigns/api.py:3",
        "campaigns/api.py:7",
        "other/api.py",
        "camp*",
    ],
)
def test_nothing_else_is_allowed(pattern):
    """A pattern matches no part of a name or path, and no outer caller."""
    assert allows([pattern], ["QuerySet.get"], (CREATE, VIEW)) is None


def test_the_first_pattern_that_matches_is_told():
    """So a budget can tell which of its patterns are used."""
    assert allows(["save", "*.py", "get"], ["get"], (CREATE,)) == "*.py"


def test_without_a_frame_of_yours_only_names_count():
    """There is no call site to match."""
    assert allows(["get"], ["QuerySet.get"], ()) == "get"
    assert allows(["api.py", "create_user"], ["QuerySet.get"], ()) is None


def site_of(code, *names):
    """The call site at the start of a nested function."""
    for name in names:
        code = next(inner for inner in code.co_consts if getattr(inner, "co_name", None) == name)
    return code, 0


NESTED = compile(
    """
class Jobs:
    def run(self):
        def load():
            return sum(row for row in ())
""",
    "jobs.py",
    "exec",
)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("Jobs", "run"), "Jobs.run"),
        (("Jobs", "run"), "run"),
        (("Jobs", "run", "load"), "load"),
        (("Jobs", "run", "load", "<genexpr>"), "load"),
    ],
)
def test_a_function_is_named_as_it_is_shown(names, pattern):
    """With its class, without its outer functions; a comprehension counts as its function."""
    assert allows([pattern], (), (site_of(NESTED, *names),)) == pattern

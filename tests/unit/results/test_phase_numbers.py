"""The numbers of a phase survive the way to the process that collects them."""

import json
from dataclasses import replace
from pathlib import Path

from pytest_dbperf.results.measuring import measure
from pytest_dbperf.results.model import Measurements, SourceResult
from pytest_dbperf.results.of_budgets import (
    AllowanceResult,
    BudgetResult,
    FindingResult,
    NumberResult,
    ViolationResult,
    WarningResult,
)
from pytest_dbperf.results.of_defaults import Cause, DefaultResult
from pytest_dbperf.results.phase_numbers import PhaseNumbers
from tests.factories import hop, new_connection, query, recording, request, response, site

VIEW = site("view", "/srv/app/views.py", 7)
BROKEN = ViolationResult("query_budget", 2, 1, "queries 2 > 1 (+1)", "views.py:7", ["    2x  SELECT 1"])
FINDING = FindingResult(
    *("no_n_plus_one", "Book.author", "views.py view", 3),
    in_tests=False,
    is_accepted=True,
    limit_is_hard=False,
    lines=["views.py:7 view"],
    routes=["GET books/"],
)
OVER = NumberResult("route", "GET books/", "queries", measured=9, limit=5, accepted=None)
SOURCE = SourceResult("a.py", 1, "test_it", "digest", "", is_async=False, has_database=True)


def test_the_numbers_of_a_phase_can_be_read_back():
    """They travel as plain values, and nothing is lost on the way."""
    events = [request(1), query(path=[VIEW]), new_connection(), hop(path=[VIEW]), response(1)]
    body = measure(recording(*events), Path("/srv/app"), with_groups=True)
    sent = PhaseNumbers(
        queries={"setup": 2, "teardown": 1},
        call=body,
        violations=[BROKEN],
        warnings=[WarningResult("no_n_plus_one", "SELECT ... 2x", None)],
        allowances=[AllowanceResult("no_sync_to_async", "at a.py:1", "load", is_used=True)],
        findings=[FINDING],
        over=[OVER],
        is_checked=True,
        defaults=[
            DefaultResult("query_budget", measured=2, causes=[]),
            DefaultResult("no_n_plus_one", causes=[Cause("Book.author", "views.py view", in_tests=False)]),
        ],
        warm_caches=["shop/conf.py:7 setting (lru_cache)"],
        budgets=[BudgetResult("query_budget", 9, 7, "", "query_budget(9) at a.py:1", "on the function")],
        source=SOURCE,
        versions={"postgresql": "15.4"},
    )

    assert all((body.requests, body.by_alias, body.groups, body.hop_groups))
    assert PhaseNumbers.from_dict(json.loads(json.dumps(sent.to_dict()))) == sent


def test_numbers_without_a_body_can_be_read_back():
    """The setup and the teardown have no measurements."""
    sent = PhaseNumbers().with_queries("setup", 2).with_queries("setup", 1)

    received = PhaseNumbers.from_dict(json.loads(json.dumps(sent.to_dict())))

    assert (received.queries, received.call, received.source) == ({"setup": 3}, None, None)


def test_later_numbers_are_added():
    """Queries add up, the body's numbers are those of its own report, and the source is that of the setup."""
    setup = PhaseNumbers(queries={"setup": 2}, source=SOURCE)
    body = PhaseNumbers(queries={"setup": 1, "teardown": 1}, call=Measurements(), violations=[BROKEN])
    teardown = PhaseNumbers(queries={"teardown": 4})

    whole = setup.followed_by(body).followed_by(teardown)

    assert whole == replace(body, queries={"setup": 3, "teardown": 5}, source=SOURCE)

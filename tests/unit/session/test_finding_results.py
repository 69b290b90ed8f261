"""What a budget found is kept by cause, each with its fix, or with the reason why there is none."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pytest_dbperf.budgets.enforcement import check_all
from pytest_dbperf.budgets.findings import Found, WithFindings
from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.no_idle_in_transaction import NoIdleInTransaction
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import FARTHER, NEARER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.results.of_budgets import FindingResult
from pytest_dbperf.session.finding_results import accepted_by, each_once, finding_results_of
from pytest_dbperf.violations.violation import Evidence, Fix, Hint, Violation
from tests.factories import hop, new_connection, query, recording, request, response, site

ROOT = Path("/srv/app")
TEST = site("test_a", "/srv/app/test_a.py", 3)
VIEW, OTHER = site("view", "/srv/app/views.py", 7), site("other", "/srv/app/views.py", 19)
BOOKS, AUTHORS = "SELECT a FROM shop_book WHERE id = %s", "SELECT a FROM shop_author WHERE id = %s"
DETAIL = Hint("note", "no .select_related(), because", is_detail=True)


@dataclass(frozen=True)
class Selects(WithFindings):
    """Finds each query, and has a fix for those that a view made."""

    name = "no_selects"
    is_lifted = False
    aliases = ()

    def forbidden(self, recording):
        return recording.queries

    def found(self, judged):
        requests = () if judged.request is None else (judged.request,)
        return Found(judged.statement.tables[0], 1, judged.statement.fingerprint, judged.call_path, requests)

    def violation_by(self, recording, forbidden):
        with_fix = [one for one in forbidden if one.call_path[:1] == (VIEW,)]
        is_kept = ", within budget" * (with_fix == forbidden)
        fixes = [
            Fix(VIEW, f".without({one.statement.tables[0]})", f"{len(forbidden)} -> 0{is_kept}")
            for one in with_fix
        ]
        evidence = tuple(Evidence(1, one.statement.fingerprint, one.call_path) for one in forbidden)
        advice = (*fixes, DETAIL, Hint("why", "it costs"), Hint("why", "it costs"), Hint("or", "allow it"))
        return Violation(self.name, len(forbidden), 0, "selects", evidence, advice=advice)


def results_of(budget, *events, accepts=None, nearness=FARTHER):
    """The results of what a budget finds in a recording."""
    window = recording(*events)
    is_accepted = None if accepts is None else accepted_by(accepts)
    checked = check_all([PlacedBudget(budget, "at a.py:1", nearness)], window, is_accepted)
    return [result for each in checked for result in finding_results_of(each, window, ROOT, is_accepted)]


def asks(sql=BOOKS, *path, **fields):
    """A query of a test."""
    return query(sql, path=(*(path or (VIEW,)), TEST), **fields)


def test_a_result_has_the_lines_and_the_fix():
    """The only finding has the fix of its failure, with the result that it promises."""
    assert results_of(Selects(), asks()) == [
        FindingResult(
            budget="no_selects",
            subject="shop_book",
            function="views.py view",
            count=1,
            in_tests=False,
            is_accepted=False,
            limit_is_hard=False,
            lines=["views.py:7 view", "test_a.py:3 test_a"],
            what=BOOKS,
            fix="views.py:7  .without(shop_book)   1 -> 0, within budget",
            reason="",
            routes=[],
        )
    ]


def test_a_finding_without_a_fix_has_the_reasons():
    """Why a fix would not help, and what is known of the cost; other ways to allow it are none."""
    [result] = results_of(Selects(), asks(BOOKS, OTHER))

    assert (result.fix, result.reason) == ("", "no .select_related(), because; it costs")


def test_what_only_the_tests_did_is_told_apart():
    """A function of the tests has done it."""
    [result] = results_of(Selects(), asks(BOOKS, TEST))

    assert (result.in_tests, result.function) == (True, "test_a.py test_a")


def test_each_of_several_findings_has_a_fix_of_its_own():
    """As long as the others are left, it does not keep the budget."""
    books, authors = results_of(Selects(), asks(), asks(), asks(AUTHORS))

    assert books.fix == "views.py:7  .without(shop_book)   2 -> 0"
    assert authors.fix == "views.py:7  .without(shop_author)   1 -> 0"
    assert (books.count, authors.count) == (2, 1)


def of_authors(budget, subject, function):
    """A baseline with one debt."""
    return (budget, subject, function) == ("no_selects", "shop_author", "views.py view")


def test_a_finding_that_is_accepted_is_kept_as_such():
    """The fix of the one that is left keeps the budget, and that of the accepted one does not."""
    books, authors = results_of(Selects(), asks(), asks(), asks(AUTHORS), accepts=of_authors)

    assert (books.is_accepted, authors.is_accepted) == (False, True)
    assert books.fix.endswith("2 -> 0, within budget")
    assert authors.fix.endswith("1 -> 0")


def test_findings_are_kept_if_all_are_accepted():
    """Then there is no failure, and the fix is the one that it would tell."""
    [result] = results_of(Selects(), asks(AUTHORS), accepts=of_authors)

    assert (result.is_accepted, result.fix[-13:]) == (True, "within budget")


@pytest.mark.parametrize(("nearness", "is_hard"), [(FARTHER, False), (ON_FUNCTION, True), (NEARER, True)])
def test_no_debt_lifts_a_limit_of_the_test_itself(nearness, is_hard):
    """A marker of the function, of a parameter, or a fixture was written for this test."""
    [result] = results_of(Selects(), asks(AUTHORS), accepts=of_authors, nearness=nearness)

    assert (result.limit_is_hard, result.is_accepted) == (is_hard, not is_hard)


def test_routes_are_written_by_their_pattern():
    """Or by the path, if no pattern matched; a regular expression may have line breaks."""
    first, second, third = (request(number, "POST", f"/{number}/") for number in (1, 2, 3))
    events = [asks(request=each) for each in (first, second, third, first)]
    patterns = [response(1, view="books/"), response(2, view="^a\n  b$"), response(3, view="")]

    [result] = results_of(Selects(), *events, *patterns)

    assert result.routes == ["POST /3/", "POST ^a b$", "POST books/"]


def test_hops_that_can_be_one_have_the_fix_in_common():
    """Alone, neither of them is more than one hop."""
    first = hop("load", number=1, path=[VIEW])
    second = hop("save", number=2, follows=1, path=[VIEW])
    alone = hop("other", number=3, path=[OTHER])

    results = results_of(NoSyncToAsync(), first, second, alone)

    shared = "make these calls in one sync_to_async function, 2 -> 1 hops: views.py:7 view"
    assert {one.subject: one.fix for one in results} == {"load": shared, "save": shared, "other": ""}
    assert results[-1].reason.startswith("a hop costs about 0.1 ms")


def test_leaks_of_which_each_alone_is_allowed_have_the_fix_of_all():
    """One may stay open, and two have."""
    leaks = [new_connection(1, path=[VIEW]), new_connection(2, path=[OTHER])]

    first, second = results_of(NoConnectionLeaks(allowed=1), *leaks)

    assert first.fix == second.fix == "call django.db.connections.close_all() at the end of the thread's work"


def test_gaps_of_which_each_alone_is_over_the_limit_have_a_fix():
    """The fix is a sentence, without a line."""
    starts = {"BEGIN": 0.0, "SELECT 1": 0.0, "SELECT 2": 0.3, "COMMIT": 0.5}
    events = [
        query(sql, started=start, seconds=0, path=[OTHER if sql == "SELECT 2" else VIEW])
        for sql, start in starts.items()
    ]

    results = results_of(NoIdleInTransaction(100), *events)

    fix = "move the slow work before or after the block, or into transaction.on_commit()"
    assert [(one.function, one.fix) for one in results] == [("views.py view", fix), ("views.py other", fix)]


def test_a_budget_without_causes_has_no_findings():
    """And nothing that broke no budget is kept."""
    assert results_of(NoRepeatedQueries(), asks(), asks()) == []


FOUND = FindingResult(
    "a", "b", "c", 2, in_tests=False, is_accepted=True, limit_is_hard=False, routes=["GET b/"]
)


def test_a_cause_is_kept_once_for_a_test():
    """Two windows may find it, of which one may be a hard limit; the highest count is kept."""
    more = replace(FOUND, count=3, is_accepted=False, limit_is_hard=True, routes=["GET a/"])
    other = replace(FOUND, function="d")

    assert each_once([FOUND, other, more, FOUND]) == [replace(more, routes=["GET a/", "GET b/"]), other]

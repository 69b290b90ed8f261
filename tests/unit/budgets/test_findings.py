"""What breaks a budget is told by cause: its subject, and the function of yours that did it."""

from dataclasses import replace

import pytest

from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.findings import HasFindings, nothing_is_accepted
from pytest_dbperf.budgets.no_blocking_calls import NoBlockingCalls
from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.no_idle_in_transaction import NoIdleInTransaction
from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.recording.loads import LoadedVia, RelationLoad
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.plan import Plan, UnservedFilter
from tests.factories import (
    blocking_call,
    checkout,
    hop,
    new_connection,
    query,
    recording,
    request,
    sample,
    site,
)

TEST = site("test_a", "/srv/app/test_a.py", 3)
VIEW, OTHER = site("view", "/srv/app/views.py", 7), site("other", "/srv/app/views.py", 19)
LOWER = (VIEW[0].replace(co_firstlineno=9), 0)
"""The same function, and another line."""

BOOK = type("Book", (), {})
ASK = "SELECT a FROM shop_book WHERE author_id = %s"
NAME = "SELECT a FROM shop_author WHERE shop_author.name = %s"
VISIT, SECOND_VISIT = request(1), request(2)


def loop(number, sql=ASK, *, path=(VIEW, TEST), **fields):
    """The same statement for so many values."""
    return [query(sql, parameters=value, path=path, **fields) for value in range(number)]


def lazy(number, name="author", *, path=(VIEW, TEST), **fields):
    """A relation that is loaded for one row after another."""
    return [
        query(ASK, parameters=row, path=path, load=RelationLoad(LoadedVia.TO_ONE, BOOK, name, row), **fields)
        for row in range(number)
    ]


def again(number, sql=ASK, *, path=(VIEW, TEST), **fields):
    """The same query for the same value."""
    return [query(sql, path=path, **fields) for _ in range(number)]


def found_by(budget, *events, plans=()):
    """The findings of a recording: subject, function without its file, and count."""
    window = recording(*events)
    window.keep_plans(plans)
    assert bool(budget.findings(window)) is (budget.check(window) is not None)
    return [(one.subject, one.key[1].partition(" ")[2], one.count) for one in budget.findings(window)]


def plan(sql, table, condition, **fields):
    """A plan with a filter that no index serves."""
    unserved = UnservedFilter("public", table, table, condition, **fields)
    return Plan("default", statement_of(sql), {"Node Type": "Seq Scan"}, (unserved,))


BOOKS = "SELECT a FROM shop_book WHERE title = %s"
TITLE = plan(BOOKS, "shop_book", "((shop_book.title)::text = 'x'::text)")
LOGS = "SELECT a FROM log WHERE level = %s AND day = %s"
PARTITION = plan(
    LOGS, "log_2026", '((log_2026.level = 1) AND (log_2026."day" = 2))', partition_of=("log_of_years", "log")
)


def gaps(*before, started=0.0, using="default"):
    """A transaction with an idle time of so many seconds after statements of these call paths."""
    events, now = [query("BEGIN", started=started, seconds=0, path=(VIEW,), using=using)], started
    for path, seconds in before:
        events.append(query("SELECT a FROM t", started=now, seconds=0, path=path, using=using))
        now += seconds
    return [*events, query("COMMIT", started=now, seconds=0, path=(VIEW,), using=using)]


@pytest.mark.parametrize(
    ("budget", "events", "expected"),
    [
        (NoNPlusOne(), lazy(2), [("Book.author", "view", 2)]),
        (NoNPlusOne(), loop(3), [("shop_book.author_id", "view", 3)]),
        (NoNPlusOne(), loop(3, "SELECT now(%s)"), [("select", "view", 3)]),
        (
            NoNPlusOne(),
            [*lazy(3), *lazy(2, "editor")],
            [("Book.author", "view", 3), ("Book.editor", "view", 2)],
        ),
        (NoNPlusOne(), [*lazy(2), *lazy(2, path=[LOWER])], [("Book.author", "view", 4)]),
        (
            NoNPlusOne(),
            [*lazy(2), *lazy(3, path=[OTHER])],
            [("Book.author", "other", 3), ("Book.author", "view", 2)],
        ),
        (NoNPlusOne(), lazy(2, path=[TEST]), [("Book.author", "test_a", 2)]),
        (NoNPlusOne(allow=["Book.author"]), [*lazy(2), *lazy(2, "editor")], [("Book.editor", "view", 2)]),
        (NoNPlusOne(), lazy(1), []),
        (NoRepeatedQueries(), again(3), [("shop_book.author_id", "view", 3)]),
        (
            NoRepeatedQueries(),
            [*again(3), *again(4, NAME)],
            [("shop_author.name", "view", 4), ("shop_book.author_id", "view", 3)],
        ),
        (NoRepeatedQueries(), again(3, "SELECT a FROM shop_book"), [("shop_book", "view", 3)]),
        (NoWriteLoops(), loop(3, "INSERT INTO shop_book (a) VALUES (%s)"), [("insert shop_book", "view", 3)]),
        (
            NoWriteLoops(),
            loop(3, "UPDATE shop_book SET a = %s WHERE id = %s"),
            [("update shop_book", "view", 3)],
        ),
        (
            NoWriteLoops(),
            loop(3, "WITH a AS (SELECT 1) INSERT INTO shop_book (a) VALUES (%s)"),
            [("insert shop_book", "view", 3)],
        ),
        (
            NoSyncToAsync(),
            [hop("check_password", path=[VIEW]), hop("f.<locals>.load", path=[VIEW])] * 2,
            [("check_password", "view", 2), ("load", "view", 2)],
        ),
        (NoSyncToAsync(allow=["load"]), [hop("load", path=[VIEW]), hop("save", origin="django")], []),
        (NoBlockingCalls(), [blocking_call(sql=ASK, path=[VIEW])] * 2, [("select shop_book", "view", 2)]),
        (NoBlockingCalls(), [blocking_call("commit", sql="COMMIT", path=[VIEW])], [("commit", "view", 1)]),
        (NoBlockingCalls(), [blocking_call("connect", sql=None, path=[VIEW])], [("connect", "view", 1)]),
        (
            NoBlockingCalls(),
            [blocking_call("acheck_password", via="hashers", sql=None, path=[VIEW])],
            [("verify_password", "view", 1)],
        ),
        (
            NoConnectionLeaks(),
            [
                new_connection(1, path=[VIEW]),
                new_connection(2, path=[VIEW]),
                new_connection(3, using="x", path=[VIEW]),
            ],
            [("default", "view", 2), ("x", "view", 1)],
        ),
        (
            NoConnectionLeaks(),
            [new_connection(using=None, driver="psycopg2", path=[VIEW])],
            [("psycopg2", "view", 1)],
        ),
        (
            NoConnectionLeaks(),
            [checkout(1, path=[VIEW]), checkout(2, using=None, path=[VIEW])],
            [("default", "view", 1), ("psycopg", "view", 1)],
        ),
        (NoConnectionLeaks(allowed=1), [new_connection(path=[VIEW])], []),
        (NoConnectionLeaks(allowed=None), [new_connection(path=[VIEW])], []),
        (NoConnectionLeaks(using="x"), [new_connection(path=[VIEW])], []),
        (NoIdleInTransaction(100), gaps(([VIEW], 0.2)), [("default", "view", 1)]),
        (
            NoIdleInTransaction(100),
            gaps(([VIEW], 0.05), ([OTHER], 0.01), ([VIEW], 0.06)),
            [("default", "view", 2)],
        ),
        (
            NoIdleInTransaction(100),
            gaps(([VIEW], 0.2), ([OTHER], 0.15), ([TEST], 0.1)),
            [("default", "view", 1), ("default", "other", 1)],
        ),
        (
            NoIdleInTransaction(100),
            [*gaps(([VIEW], 0.2)), *gaps(([VIEW], 0.3), started=5)],
            [("default", "view", 2)],
        ),
        (NoIdleInTransaction(100), gaps(([VIEW], 0.1)), []),
        (NoIdleInTransaction(None), gaps(([VIEW], 0.1)), []),
        (NoIdleInTransaction(100, using="x"), gaps(([VIEW], 0.2)), []),
    ],
)
def test_a_finding_has_a_subject_and_the_function_that_did_it(budget, events, expected):
    """Those with the same subject and function are one, whatever their lines."""
    assert found_by(budget, *events) == expected


@pytest.mark.parametrize(
    ("sql", "known", "expected"),
    [
        (BOOKS, TITLE, [("shop_book.title", "view", 2)]),
        (LOGS, PARTITION, [("log.day, level", "view", 2)]),
        ("DELETE FROM shop_book", TITLE, []),
    ],
)
def test_a_filter_is_its_table_and_its_columns(sql, known, expected):
    """The table is the one with partitions, since their names may have a date. A smell is no finding."""
    events = [query(sql, path=[VIEW]), sample(sql), query(sql, path=[LOWER])]

    assert found_by(NoUnindexedFilters(), *events, plans=[known]) == expected


def test_these_budgets_have_findings():
    """The others compare a number with a limit, and have no useful causes."""
    assert {budget_class.name for budget_class in BUDGETS if issubclass(budget_class, HasFindings)} == {
        "no_n_plus_one",
        "no_repeated_queries",
        "no_write_loops",
        "no_unindexed_filters",
        "no_sync_to_async",
        "no_blocking_calls",
        "no_connection_leaks",
        "no_idle_in_transaction",
    }
    assert not isinstance(QueryBudget(3), HasFindings)


@pytest.mark.parametrize(
    ("budget", "accepted", "rest"),
    [
        (NoNPlusOne(), lazy(3), [*lazy(2, "editor")]),
        (NoNPlusOne(), lazy(2), lazy(2, path=[OTHER])),
        (NoRepeatedQueries(), again(3), again(4, NAME)),
        (
            NoWriteLoops(),
            loop(3, "INSERT INTO shop_book (a) VALUES (%s)"),
            loop(4, "INSERT INTO shop_author (a) VALUES (%s)"),
        ),
        (NoBlockingCalls(), [blocking_call(sql=ASK, path=[VIEW])], [blocking_call(sql=ASK, path=[OTHER])]),
        (NoConnectionLeaks(), [new_connection(1, path=[VIEW])], [checkout(2, path=[OTHER])]),
        (NoConnectionLeaks(), [checkout(1, path=[VIEW])], [new_connection(2, path=[OTHER])]),
        (NoIdleInTransaction(100), gaps(([VIEW], 0.2)), gaps(([OTHER], 0.3), started=5)),
    ],
)
def test_a_failure_tells_what_is_not_accepted(budget, accepted, rest):
    """It is the failure of a recording in which the accepted finding did not happen."""
    window = recording(*accepted, *rest)
    [first] = budget.findings(recording(*accepted))
    left = budget.check_without(window, lambda found: found.key == first.key)

    expected = budget.check(recording(*rest))
    assert (left.headline, left.measured) == (expected.headline, expected.measured)
    assert [(one.count, one.what, one.call_path) for one in left.evidence] == [
        (one.count, one.what, one.call_path) for one in expected.evidence
    ]
    assert budget.check_without(window, lambda _: True) is None


def test_a_filter_that_is_accepted_is_not_counted():
    """The other filter of the same line is."""
    by_author = plan(ASK, "shop_book", "(shop_book.author_id = 1)")
    window = recording(query(BOOKS, path=[VIEW]), query(ASK, path=[VIEW]))
    window.keep_plans([TITLE, by_author])

    left = NoUnindexedFilters().check_without(window, lambda found: found.subject == "shop_book.title")

    assert (left.measured, left.evidence[0].what) == (1, "shop_book: author_id = 1")


def test_a_gap_that_is_accepted_takes_no_time():
    """The rest of its transaction is compared with the limit."""
    window = recording(*gaps(([VIEW], 0.2), ([OTHER], 0.15)))

    left = NoIdleInTransaction(100).check_without(window, lambda found: found.key[1].endswith(" view"))

    assert (left.measured, [each.call_path for each in left.evidence]) == (150.0, [(OTHER,)])


def test_leaks_that_are_accepted_leave_room_for_others():
    """Two are left, and so many are allowed."""
    leaks = [new_connection(number, path=[path]) for number, path in enumerate((VIEW, VIEW, OTHER))]
    window, budget = recording(*leaks), NoConnectionLeaks(allowed=2)

    assert len(budget.findings(window)) == 2
    assert budget.check_without(window, lambda found: found.key[1].endswith(" other")) is None


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ((), "1 other hop is not counted: made by Django or a library, or allowed"),
        (("load",), "2 other hops are not counted: made by Django or a library, allowed or accepted"),
    ],
)
def test_hops_that_are_accepted_are_told_as_not_counted(names, note):
    """Without any, the note is as ever."""
    window = recording(
        hop("save", path=[VIEW]), *[hop("load", path=[VIEW])] * bool(names), hop("get", origin="django")
    )

    left = NoSyncToAsync().check_without(window, lambda found: found.subject in names)

    assert (left.measured, left.advice[-1].text) == (1, note)


def test_a_finding_has_its_requests():
    """Each once, also if several parts of it happened there."""
    events = [
        *lazy(2, request=VISIT),
        *lazy(2, request=VISIT, path=[LOWER]),
        *lazy(2, request=SECOND_VISIT),
        *lazy(2),
    ]
    [found] = NoNPlusOne().findings(recording(*events))

    assert (found.count, found.requests) == (8, (VISIT, SECOND_VISIT))
    assert found.what == "SELECT a FROM shop_book WHERE author_id = %s"


def test_nothing_is_accepted_without_a_baseline():
    """Checking is then what it was."""
    window = recording(*lazy(2))
    [found] = NoNPlusOne().findings(window)

    assert not nothing_is_accepted(found)
    assert NoNPlusOne().check(window) == NoNPlusOne().check_without(window, lambda _: False)
    assert replace(found, count=99).key == found.key

"""Transactions and their gaps are read from statements."""

import pytest

from pytest_dbperf.recording.transactions import transactions_of
from tests.factories import checkout, closed_connection, driver_query, query

WINDOW = [(0.0, 100.0)]


def ran(*statements, **fields):
    """Statements at these seconds: `(SQL, start)`, or `(SQL, start, end)`; the others take no time."""
    return [
        query(sql, started=start, seconds=(end[0] if end else start) - start, **fields)
        for sql, start, *end in statements
    ]


def gaps_of(events, periods=WINDOW):
    """The gaps of each transaction: what ran before, what after, and the seconds."""
    return [
        [(gap.before.sql, getattr(gap.after, "sql", gap.after), gap.seconds) for gap in transaction.gaps]
        for transaction in transactions_of(events, periods)
    ]


def test_a_gap_lies_between_the_end_of_a_statement_and_the_start_of_the_next():
    """The time of statements is not idle, and COMMIT is one."""
    block = ran(("BEGIN", 1), ("SELECT a", 1, 3), ("UPDATE b", 3.5, 4), ("COMMIT", 8, 9))

    assert gaps_of(block) == [[("SELECT a", "UPDATE b", 0.5), ("UPDATE b", "COMMIT", 4)]]
    assert [transaction.idle_seconds for transaction in transactions_of(block, WINDOW)] == [4.5]


@pytest.mark.parametrize(
    "block",
    [
        [("BEGIN", 1), ("SELECT a", 9), ("COMMIT", 9)],
        [("SAVEPOINT s1", 1), ("SELECT a", 9), ("RELEASE SAVEPOINT s1", 9)],
        [("BEGIN", 1), ("COMMIT", 9)],
        [("SAVEPOINT s1", 1), ("RELEASE SAVEPOINT s1", 9)],
    ],
)
def test_a_transaction_begins_with_its_first_statement(block):
    """The driver sends BEGIN together with it."""
    assert gaps_of(ran(*block)) == [[]]


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_sqlite_may_be_told_to_lock_at_once(mode):
    """Then BEGIN is the first statement."""
    block = ran((f"BEGIN {mode}", 1), ("SELECT a", 3), ("COMMIT", 3))

    assert gaps_of(block) == [[(f"BEGIN {mode}", "SELECT a", 2)]]


@pytest.mark.parametrize("begin", ["BEGIN", "begin;", "START TRANSACTION", "BEGIN DEFERRED"])
@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK", "rollback;", "END", "ABORT"])
def test_what_follows_its_end_is_not_part_of_it(begin, end):
    """Such as what on_commit() calls."""
    block = ran((begin, 1), ("SELECT a", 1), (end, 2), ("SELECT b", 8), ("SELECT c", 9))

    assert gaps_of(block) == [[("SELECT a", end, 1)]]


@pytest.mark.parametrize(
    "end",
    [
        [("RELEASE SAVEPOINT s1", 2)],
        [('RELEASE "s1"', 2)],
        [("ROLLBACK TO SAVEPOINT s1", 2), ("RELEASE SAVEPOINT s1", 2)],
        [("ROLLBACK TO s1", 2)],
        [("ROLLBACK", 2)],
    ],
)
def test_a_savepoint_outside_of_any_transaction_is_a_block_within_that_of_the_test(end):
    """It is judged as the transaction that it is in production."""
    name = '"s1"' if '"' in end[0][0] else "s1"
    block = ran((f"SAVEPOINT {name}", 1), ("SELECT a", 1), *end, ("SELECT b", 9), ("SELECT c", 20))

    assert gaps_of(block) == [[("SELECT a", end[0][0], 1)]]


def test_statements_outside_of_a_block_are_in_the_transaction_of_the_test():
    """That one does not count."""
    assert gaps_of(ran(("SELECT a", 1), ("SELECT b", 5), ("RELEASE s0", 6), ("ROLLBACK TO s0", 9))) == []


@pytest.mark.parametrize(("begin", "commit"), [("BEGIN", "COMMIT"), ("SAVEPOINT s1", "RELEASE SAVEPOINT s1")])
def test_nested_blocks_are_one_transaction(begin, commit):
    """A savepoint within is a statement like any other, and may be the first one."""
    block = [
        *[(begin, 1), ("SAVEPOINT s2", 2), ("SELECT a", 4), ("ROLLBACK TO SAVEPOINT s2", 5)],
        *[("RELEASE SAVEPOINT s2", 5), ("SAVEPOINT s3", 5), ("RELEASE SAVEPOINT s3", 5), (commit, 6)],
    ]

    assert gaps_of(ran(*block)) == [
        [
            ("SAVEPOINT s2", "SELECT a", 2),
            ("SELECT a", "ROLLBACK TO SAVEPOINT s2", 1),
            ("RELEASE SAVEPOINT s3", commit, 1),
        ]
    ]


def test_threads_of_one_name_have_transactions_of_their_own():
    """Executors may give their threads the same names."""
    events = [
        *ran(("BEGIN", 1), ("SELECT a", 1), thread="db_0", thread_number=1),
        *ran(("BEGIN", 2), ("SELECT b", 2), ("COMMIT", 3), thread="db_0", thread_number=2),
        *ran(("COMMIT", 9), thread="db_0", thread_number=1),
    ]

    assert gaps_of(events) == [[("SELECT b", "COMMIT", 1)], [("SELECT a", "COMMIT", 8)]]


def test_aliases_and_threads_have_transactions_of_their_own():
    """A connection belongs to one of each."""
    events = [
        *ran(("BEGIN", 1), ("SELECT a", 1)),
        *ran(("BEGIN", 1), ("SELECT b", 1), using="other"),
        *ran(("BEGIN", 1), ("SELECT c", 1), thread="worker"),
        *ran(("COMMIT", 2)),
        *ran(("COMMIT", 3), using="other"),
        *ran(("COMMIT", 4), thread="worker"),
    ]

    assert gaps_of(events) == [
        [("SELECT a", "COMMIT", 1)],
        [("SELECT b", "COMMIT", 2)],
        [("SELECT c", "COMMIT", 3)],
    ]
    assert [each.using for each in transactions_of(events, WINDOW)] == ["default", "other", "default"]


def test_a_transaction_without_a_statement_has_no_alias():
    """It never began for the database."""
    assert [each.using for each in transactions_of(ran(("BEGIN", 1)), WINDOW)] == [None]


def test_what_is_open_at_the_end_is_idle_until_then():
    """A thread may have been left behind."""
    assert gaps_of(ran(("BEGIN", 1), ("SELECT a", 1, 2))) == [[("SELECT a", None, 98)]]
    assert gaps_of(ran(("BEGIN", 1))) == [[]]


def test_closing_the_connection_ends_its_transaction():
    """The server rolls back, and Django sends nothing any more."""
    closed = closed_connection(started=5)
    events = [*ran(("BEGIN", 1), ("SELECT a", 1)), closed, *ran(("SELECT b", 9))]

    assert gaps_of(events) == [[("SELECT a", closed, 4)]]


@pytest.mark.parametrize(
    "closed",
    [closed_connection(using="other"), closed_connection(using=None), closed_connection(dropped=True)],
)
def test_closing_another_connection_does_not(closed):
    """A connection that the garbage collector drops may belong to another thread."""
    events = [*ran(("BEGIN", 1), ("SELECT a", 1)), closed, *ran(("COMMIT", 3))]

    assert gaps_of(events) == [[("SELECT a", "COMMIT", 2)]]


def test_closing_a_connection_outside_of_transactions_ends_none():
    """As at the end of a request."""
    assert gaps_of([closed_connection()]) == []


def test_pauses_are_no_gaps():
    """The time of a pause is unknown; the time around it counts."""
    periods = [(0.0, 3.0), (5.0, 6.0), (7.0, 10.0)]
    block = ran(("BEGIN", 1), ("SELECT a", 2), ("SELECT b", 9), ("COMMIT", 9))

    assert gaps_of(block, periods) == [[("SELECT a", "SELECT b", 4)]]


def test_an_end_that_may_have_come_in_a_pause_is_not_waited_for():
    """Another thread goes on during a pause, and its transaction may have ended."""
    periods = [(0.0, 3.0), (5.0, 10.0)]
    block = ran(("BEGIN", 1), ("SELECT a", 2))

    assert gaps_of(block, periods) == [[]]
    assert gaps_of([*block, *ran(("BEGIN", 6), ("SELECT b", 6), ("COMMIT", 7))], periods) == [
        [],
        [("SELECT b", "COMMIT", 1)],
    ]


def test_a_statement_within_another_makes_no_gap():
    """A function that SQLite calls may run one. The outer statement ends last."""
    block = ran(("BEGIN", 1), ("SELECT inner", 2, 3), ("SELECT outer", 1, 4), ("COMMIT", 5))

    assert gaps_of(block) == [[("SELECT outer", "COMMIT", 1)]]


def test_statements_of_the_driver_count_where_their_connection_is_known():
    """COPY is not idle. Without an alias, the BEGIN is not recorded."""
    begin, commit = ran(("BEGIN", 1), ("COMMIT", 9))
    copy = driver_query("COPY t FROM STDIN", using="default", started=1, seconds=7)
    alone = [driver_query("BEGIN"), driver_query("SELECT 1"), driver_query("COMMIT", started=9)]

    assert gaps_of([begin, copy, commit]) == [[("COPY t FROM STDIN", "COMMIT", 1)]]
    assert gaps_of(alone) == []


def test_other_events_are_passed_over():
    """A recording has more than statements."""
    assert gaps_of([checkout(), *ran(("/* a comment */ SET x", 1))]) == []


def test_a_gap_knows_what_ran_before_it():
    """They tell which rows are locked."""
    [transaction] = transactions_of(
        ran(("BEGIN", 1), ("SELECT a", 1), ("UPDATE b", 2), ("COMMIT", 3)), WINDOW
    )

    assert [[query.sql for query in transaction.statements_until(gap)] for gap in transaction.gaps] == [
        ["SELECT a"],
        ["SELECT a", "UPDATE b"],
    ]

"""Budgets in milliseconds: for all queries, and for idle transactions."""

import math
import re
from pathlib import Path

import pytest

from pytest_dbperf.budgets.budget import WrongArguments, make, takes_a_limit, usage, written
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.no_idle_in_transaction import NoIdleInTransaction
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import compare_milliseconds, in_milliseconds
from tests.factories import closed_connection, query, recording, request, site

ROOT = Path("/srv/app")
VIEW = site("view", "/srv/app/views.py", 7)
CALL = site("view", "/srv/app/views.py", 12)
TASK = site("task", "/srv/app/tasks.py", 3)

LOCK = "SELECT a FROM t WHERE id = %s FOR UPDATE"


def block(start, *statements, begin="BEGIN", end="COMMIT", path=(VIEW,), after=(CALL,), **fields):
    """A transaction whose statements take a millisecond, each at these seconds after its start."""
    last = statements[-1][1]
    return [
        query(begin, started=start, seconds=0, path=path, **fields),
        *(query(sql, started=start + at, path=path, **fields) for sql, at in statements),
        query(end, started=start + last + 0.251, path=after, **fields),
    ]


def idle(*events, limit=100, **options):
    """The violation that these events cause."""
    return NoIdleInTransaction(limit, **options).check(recording(*events))


def text_of(violation):
    """Its explanation."""
    return explain([violation], ROOT)


@pytest.mark.parametrize("budget_class", [MaxDbTime, NoIdleInTransaction])
@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ((-1,), "{} milliseconds must be >= 0 and finite, got -1"),
        ((-0.5,), "{} milliseconds must be >= 0 and finite, got -0.5"),
        ((math.nan,), "{} milliseconds must be >= 0 and finite, got nan"),
        ((math.inf,), "{} milliseconds must be >= 0 and finite, got inf"),
        ((True,), "{} milliseconds must be a number or None, got bool"),
        (("20",), "{} milliseconds must be a number or None, got str"),
        ((), "{}: missing a required argument: 'milliseconds'"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(budget_class, args, complaint):
    """The message names the argument and shows the usage."""
    with pytest.raises(WrongArguments) as raised:
        make(budget_class, args, {})

    name = budget_class.name
    assert str(raised.value) == (
        f"{complaint.format(name)}. Usage: {name}(milliseconds, *, using=None, reason='')"
    )


@pytest.mark.parametrize("budget_class", [MaxDbTime, NoIdleInTransaction])
def test_an_alias_that_is_no_name_is_refused(budget_class):
    """With the same message as other budgets."""
    with pytest.raises(WrongArguments, match="using must be the name of a database alias or None"):
        make(budget_class, (1,), {"using": ""})


@pytest.mark.parametrize("budget_class", [MaxDbTime, NoIdleInTransaction])
def test_none_lifts_it(budget_class):
    """Nothing is limited."""
    assert budget_class(None).is_lifted
    assert budget_class(None).check(recording(*block(0, ("SELECT 1", 0)))) is None
    assert not budget_class(0).is_lifted


@pytest.mark.parametrize("budget_class", [MaxDbTime, NoIdleInTransaction])
def test_it_is_written_as_its_marker(budget_class):
    """Fractions are allowed, and a suite may have a default."""
    assert (
        written(budget_class(0.5, using="other", reason="slow")) == f"{budget_class.name}(0.5, using='other')"
    )
    assert budget_class(0.5, using="other").aliases == ("other",)
    assert budget_class(20).aliases == ()
    assert takes_a_limit(budget_class)
    assert usage(budget_class).startswith(budget_class.name)


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [(0.0482, 48.2), (0.04821, 48.3), (0.020000001, 20.1), (0.253, 253.0), (0, 0), (1.0, 1000)],
)
def test_a_time_is_rounded_up(seconds, milliseconds):
    """So a time over the limit is also shown as over it."""
    assert in_milliseconds(seconds) == milliseconds


def test_times_are_compared_with_both_numbers_and_the_difference():
    """The unit is shown once."""
    assert compare_milliseconds(48.2, 20) == "48.2 > 20 ms (+28.2)"
    assert compare_milliseconds(0.3, 0.25) == "0.3 > 0.25 ms (+0.05)"


def test_the_time_of_all_statements_is_limited():
    """Transaction control is included: COMMIT may take long."""
    statements = [query("COMMIT", seconds=0.0282), query(seconds=0.02)]

    violation = MaxDbTime(20).check(recording(*statements))

    assert violation.headline == "db time 48.2 > 20 ms (+28.2)"
    assert (violation.measured, violation.limit) == (48.2, 20)
    assert MaxDbTime(48.2).check(recording(*statements)) is None
    assert MaxDbTime(48.1).check(recording(*statements)) is not None


def test_the_time_of_one_alias_can_be_limited():
    """Other aliases do not count."""
    statements = [query(seconds=0.5), query(using="other", seconds=0.001)]

    assert MaxDbTime(1, using="other").check(recording(*statements)) is None


def test_the_slowest_statements_come_first():
    """The order is by time, not by number."""
    count = [query("SELECT COUNT(*) FROM t", seconds=0.03, path=[TASK])]
    loop = [query("SELECT a FROM t WHERE id = %s", seconds=0.0025, path=[VIEW]) for _ in range(4)]

    assert text_of(MaxDbTime(5).check(recording(*loop, *count, query("COMMIT", seconds=0)))) == [
        "db time 40.0 > 5 ms (+35.0)",
        "",
        "    1x  SELECT COUNT(*) FROM t   30.0 ms",
        "        tasks.py:3 task",
        "    4x  SELECT a FROM t WHERE id = %s   10.0 ms",
        "        views.py:7 view",
        "    1x  COMMIT   0.0 ms",
        "        (no frame of your code)",
        "",
        "  note  times vary with the machine and its load; query_budget(5) does not",
    ]


def test_aliases_and_requests_are_told_where_there_are_several():
    """A single request is in the first line instead."""
    here, there = request(1, path="/here/"), request(2, path="/there/")

    one = MaxDbTime(1).check(recording(query(seconds=0.01, request=here)))
    two = MaxDbTime(1).check(
        recording(
            query(seconds=0.01, request=here),
            query(seconds=0.02, request=there, using="other"),
            query(seconds=0.001, using=None),
        )
    )

    assert one.during == "GET /here/"
    assert one.evidence[0].note == "10.0 ms"
    assert two.during == ""
    assert [evidence.note for evidence in two.evidence] == [
        "20.0 ms, on other, GET /there/",
        "10.0 ms, on default, GET /here/",
        "1.0 ms, on a connection without an alias",
    ]


def test_an_idle_transaction_is_told_with_both_ends_of_its_gaps():
    """The longest gap comes first, and the advice says why it matters."""
    gaps = block(1, (LOCK, 0), ("SELECT b FROM u", 0.003))

    assert text_of(idle(*gaps)) == [
        "idle transaction 252.0 > 100 ms (+152.0)",
        "",
        "    1x  after SELECT b FROM u   250.0 ms",
        "        views.py:7 view",
        "        until COMMIT at views.py:12 view",
        "    1x  after SELECT a FROM t WHERE id = %s FOR UPDATE   2.0 ms",
        "        views.py:7 view",
        "        until SELECT at views.py:7 view",
        "",
        "  why   its row locks and its connection stay taken the whole time, even behind a pool or PgBouncer",
        "  fix   move the slow work before or after the block, or into transaction.on_commit()",
    ]


@pytest.mark.parametrize("budget", [MaxDbTime(1), NoIdleInTransaction(100)])
def test_both_numbers_are_within_thirty_characters(budget):
    """The short test summary shows little more than that."""
    violation = budget.check(recording(*block(1, ("SELECT 1", 0))))

    assert re.search(r"[\d.]+ > [\d.]+ ", violation.headline[:30])
    assert violation.budget == budget.name


@pytest.mark.parametrize(
    ("sql", "locks"),
    [
        (LOCK, True),
        ("SELECT a FROM t FOR NO KEY UPDATE OF t SKIP LOCKED", True),
        ("SELECT a FROM t FOR SHARE", True),
        ("INSERT INTO t (a) VALUES (%s)", True),
        ("UPDATE t SET a = %s", True),
        ("DELETE FROM t", True),
        ("SELECT a FROM t", False),
        ("SELECT 'FOR UPDATE' FROM t", False),
    ],
)
def test_locks_are_spoken_of_where_there_are_some(sql, locks):
    """A transaction that only reads keeps its connection, and no rows."""
    assert idle(*block(1, (sql, 0))).advice[0].text.startswith("its row locks and") == locks


def test_locks_that_come_after_the_gap_are_not_spoken_of():
    """Those locks are taken after the gap."""
    late = block(1, ("SELECT a FROM t", 0), (LOCK, 0.9))

    assert idle(*late).advice[0].text.startswith("its connection stays")


def test_the_worst_transaction_is_judged_and_not_their_sum():
    """The limit applies to each transaction."""
    blocks = [statement for start in range(3) for statement in block(start, ("SELECT 1", 0))]

    assert idle(*blocks, limit=250) is None
    assert idle(*blocks, limit=249.9).measured == 250.0


def test_equal_gaps_of_several_transactions_are_one_row():
    """A loop is one line; transactions within the limit are not shown."""
    loop = [statement for start in range(3) for statement in block(start, ("SELECT 1", 0))]
    short = [query("BEGIN", started=9), query(started=9, path=[TASK]), query("COMMIT", started=9.002)]

    assert text_of(idle(*loop, *short))[2:] == [
        "    3x  after SELECT %s   750.0 ms in total",
        "        views.py:7 view",
        "        until COMMIT at views.py:12 view",
        "",
        "  why   its connection stays taken the whole time, even behind a pool or PgBouncer",
        "  fix   move the slow work before or after the block, or into transaction.on_commit()",
        "  note  3 of 4 transactions are over the limit",
    ]


def test_one_alias_can_be_judged():
    """Other aliases do not count; without `using`, each row names its alias."""
    events = [*block(1, ("SELECT 1", 0)), *block(1, ("SELECT 1", 0), using="other")]

    assert idle(*events, using="third") is None
    assert [each.note for each in idle(*events, using="other").evidence] == ["250.0 ms"]
    assert [each.note for each in idle(*events).evidence] == [
        "250.0 ms, on default",
        "250.0 ms, on other",
    ]


def test_the_request_of_the_transactions_is_named():
    """If all of them ran in one request."""
    first, second = request(1), request(2, path="/other/")
    one = block(1, ("SELECT 1", 0), request=first)

    assert idle(*one).during == "GET /api/campaigns/"
    assert idle(*one, *block(2, ("SELECT 1", 0), request=second)).during == ""


def test_an_end_without_a_line_of_yours_is_told_without_one():
    """Django ends the atomic() block around a view, for example."""
    assert text_of(idle(*block(1, ("SELECT 1", 0), after=())))[4] == "        until COMMIT"


def test_a_transaction_that_nothing_ended_is_told_as_such():
    """Its last gap ends with the recording, or when the connection is closed."""
    begun = block(1, ("SELECT 1", 0))[:-1]
    closed = closed_connection(started=9)

    assert text_of(idle(*begun))[4] == "        and still open at the end"
    assert text_of(idle(*begun, closed))[4] == "        until the connection was closed"


def test_a_recording_knows_when_it_ran():
    """Pauses are left out, and the last period has no end until the recording stops."""
    with Recorder().record() as running:
        [(started, so_far)] = running.periods
        with running.pause():
            [(_, paused)] = running.periods
        [_, (resumed, _)] = running.periods

    assert started <= so_far <= paused <= resumed
    assert running.periods == running.periods
    assert running.periods[0] == (started, paused)

"""A broken budget says which numbers, where and during which request: each field by its value."""

import pytest

from pytest_dbperf.budgets.budget import summary, wants_plans
from pytest_dbperf.budgets.max_db_time import MaxDbTime
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_blocking_calls import NoBlockingCalls
from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.no_idle_in_transaction import NoIdleInTransaction
from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.budgets.repeats import require_threshold
from pytest_dbperf.recording.connections import Why
from tests.factories import (
    blocking_call,
    closed_connection,
    hop,
    new_connection,
    query,
    recording,
    request,
    site,
)

VIEW = site("view", "/srv/app/views.py", 7)
SAVE = site("save", "/srv/app/views.py", 12)
ASK = "SELECT a FROM t WHERE id = %s"
WRITE = "INSERT INTO t (a) VALUES (%s)"


def loop(number, sql=ASK, *, path=(VIEW,), **fields):
    """The same statement for so many values."""
    return [query(sql, parameters=value, path=path, **fields) for value in range(number)]


def fields_of(violation):
    """What JSON and the reports read, and how much of it there is."""
    return (
        violation.budget,
        violation.measured,
        violation.limit,
        [evidence.count for evidence in violation.evidence],
        violation.during,
    )


VISIT = request()


@pytest.mark.parametrize(
    ("budget", "events", "fields"),
    [
        (QueryBudget(1), loop(3), ("query_budget", 3, 1, [3], "")),
        (QueryBudget(1), loop(3, request=VISIT), ("query_budget", 3, 1, [3], str(VISIT))),
        (QueryBudget(5, at_least=2), loop(1), ("query_budget", 1, 2, [1], "")),
        (
            QueryBudget(9, tables={"u": 1, "t": 0}),
            [*loop(2), *loop(3, "SELECT b FROM u WHERE id = %s")],
            ("query_budget", 3, 1, [3], ""),
        ),
        (MaxDbTime(1), loop(3), ("max_db_time", 3.0, 1, [3], "")),
        (
            MaxNewConnections(1),
            [new_connection(1, path=[VIEW]), new_connection(2, path=[VIEW])],
            ("max_new_connections", 2, 1, [2], ""),
        ),
        (
            MaxOpenConnections(1),
            [new_connection(1, path=[VIEW]), new_connection(2, path=[VIEW])],
            ("max_open_connections", 2, 1, [2], ""),
        ),
        (
            MaxThreadHops(1),
            [
                hop(number=1, request=VISIT),
                hop(number=2, request=VISIT),
                hop("save", number=3, request=VISIT),
            ],
            ("max_thread_hops", 3, 1, [2, 1], str(VISIT)),
        ),
        (NoBlockingCalls(), [blocking_call()] * 2, ("no_blocking_calls", 2, 0, [2], "")),
        (
            NoConnectionLeaks(allowed=1),
            [new_connection(1), new_connection(2)],
            ("no_connection_leaks", 2, 1, [2], ""),
        ),
        (NoNPlusOne(), loop(3), ("no_n_plus_one", 3, 0, [3], "")),
        (NoNPlusOne(), loop(3, request=VISIT), ("no_n_plus_one", 3, 0, [3], str(VISIT))),
        (NoNPlusOne(2), loop(2), ("no_n_plus_one", 2, 0, [2], "")),
        (NoRepeatedQueries(), [query(ASK, path=[VIEW])] * 3, ("no_repeated_queries", 3, 0, [3], "")),
        (
            NoRepeatedQueries(2),
            [query(ASK, path=[VIEW], request=VISIT)] * 2,
            ("no_repeated_queries", 2, 0, [2], str(VISIT)),
        ),
        (NoSyncToAsync(), [hop(), hop(), hop("save")], ("no_sync_to_async", 3, 0, [2, 1], "")),
        (NoWriteLoops(), loop(3, WRITE), ("no_write_loops", 3, 0, [3], "")),
    ],
)
def test_a_violation_has_both_numbers_the_groups_and_the_request(budget, events, fields):
    """These are what JSON, the baseline of a suite and annotations are made from."""
    assert fields_of(budget.check(recording(*events))) == fields


@pytest.mark.parametrize(
    ("budget", "events"),
    [
        (NoNPlusOne(4), loop(3)),
        (NoRepeatedQueries(4), [query(ASK, path=[VIEW])] * 3),
        (NoWriteLoops(4), loop(3, WRITE)),
        (MaxDbTime(1, using="other"), loop(3)),
        (NoConnectionLeaks(using="other"), [new_connection()]),
        (MaxOpenConnections(0, using="other"), [new_connection()]),
        (NoIdleInTransaction(100, using="other"), [query("BEGIN"), query("COMMIT", started=1.0)]),
    ],
)
def test_fewer_or_elsewhere_is_no_violation(budget, events):
    """A threshold is the first number that fails, and `using` leaves out the other databases."""
    assert budget.check(recording(*events)) is None


@pytest.mark.parametrize(
    ("budget", "event"),
    [
        (MaxDbTime(0, using="other"), query(using="other")),
        (NoConnectionLeaks(using="other"), new_connection(using="other")),
        (MaxOpenConnections(0, using="other"), new_connection(using="other")),
        (MaxNewConnections(0, using="other"), new_connection(using="other")),
    ],
)
def test_using_counts_on_its_alias(budget, event):
    """Where it happened on that alias, the budget is broken."""
    assert budget.check(recording(event)).measured >= 1


def test_the_evidence_of_repeats_is_the_most_frequent_first():
    """With the statement, the call path and a note for each."""
    repeats = [*[query(ASK, path=[VIEW])] * 3, *[query("SELECT b FROM u WHERE id = %s", path=[SAVE])] * 4]

    violation = NoRepeatedQueries().check(recording(*repeats))

    assert [(each.count, each.what, each.call_path) for each in violation.evidence] == [
        (4, "SELECT b FROM u WHERE id = %s", (SAVE,)),
        (3, "SELECT a FROM t WHERE id = %s", (VIEW,)),
    ]
    assert violation.headline == "repeated queries 7 > 0 (+7)"


def test_write_loops_have_no_note():
    """The statement and its line say it all."""
    violation = NoWriteLoops().check(recording(*loop(3, WRITE)))

    assert [each.note for each in violation.evidence] == [""]


def test_the_evidence_of_an_n_plus_one_is_its_loop():
    """One row for a loop, with the statement and the line."""
    violation = NoNPlusOne().check(recording(*loop(4)))

    assert [(each.count, each.what, each.call_path) for each in violation.evidence] == [
        (4, "SELECT a FROM t WHERE id = %s", (VIEW,))
    ]
    assert violation.headline == "N+1 queries 4 > 0 (+4) in 1 loop"


def test_several_loops_are_counted():
    """The headline has their number, and the sum of their queries."""
    violation = NoNPlusOne().check(
        recording(*loop(3), *loop(4, "SELECT b FROM u WHERE id = %s", path=[SAVE]))
    )

    assert violation.headline == "N+1 queries 7 > 0 (+7) in 2 loops"


def test_requests_of_several_are_not_named_in_the_headline():
    """Each row names its own."""
    hops = [hop(number=1, request=VISIT), hop(number=2, request=request(2, path="/other/"))]

    assert MaxThreadHops(1).check(recording(*hops)).during == ""


def test_the_request_with_most_hops_counts_alone():
    """A budget for each request looks at the worst one, wherever it stands."""
    other = request(2, path="/other/")
    hops = [
        hop(number=1, request=other),
        hop(number=2, request=VISIT),
        hop(number=3, request=VISIT),
        hop(number=4, request=request(3, path="/third/")),
    ]

    violation = MaxThreadHops(1, per_request=True).check(recording(*hops))

    assert fields_of(violation) == ("max_thread_hops", 2, 1, [2], str(VISIT))


def test_hops_are_shown_with_their_lines():
    """The middlewares first in one row with the line of the first, then a row for each function."""
    hops = [
        hop("one", number=1, part="middleware:One", path=[SAVE]),
        hop("two", number=2, part="middleware:Two", path=[VIEW]),
        hop("load", number=3, path=[VIEW]),
    ]

    violation = MaxThreadHops(0).check(recording(*hops))

    assert [(each.count, each.call_path) for each in violation.evidence] == [(2, (SAVE,)), (1, (VIEW,))]


def test_open_connections_are_shown_with_their_reason():
    """Why each was opened."""
    opened = [new_connection(1, why=Why.FIRST_IN_THREAD), new_connection(2, why=Why.FIRST_IN_THREAD)]

    violation = MaxOpenConnections(1).check(recording(*opened))

    assert str(Why.FIRST_IN_THREAD) in violation.evidence[0].note


def test_a_leak_is_told_from_a_dropped_connection():
    """The two need different cures."""
    still = NoConnectionLeaks().check(recording(new_connection(1)))
    dropped = NoConnectionLeaks().check(recording(new_connection(1), closed_connection(1, dropped=True)))

    assert "still open" in still.evidence[0].note
    assert "dropped while open" in dropped.evidence[0].note


def transaction(started, gap, *, path=(VIEW,), using="default"):
    """A transaction with an idle gap of so many seconds."""
    return [
        query("BEGIN", started=started, seconds=0.0, path=path, using=using),
        query(ASK, started=started, seconds=0.0, path=path, using=using),
        query("COMMIT", started=started + gap, seconds=0.0, path=path, using=using),
    ]


def test_idle_transactions_are_compared_exactly():
    """A gap that equals the limit is within it; one that is a fifth of a millisecond longer is not."""
    budget = NoIdleInTransaction(250)

    assert budget.check(recording(*transaction(0.0, 0.25))) is None
    violation = budget.check(recording(*transaction(0.0, 0.2502)))
    assert (violation.budget, violation.measured, violation.limit) == ("no_idle_in_transaction", 250.2, 250)


def test_gaps_are_grouped_by_both_ends():
    """Two gaps from one line to different lines are two rows; a repeated one is a row with its sum."""
    events = [
        *transaction(0.0, 0.3),
        *transaction(1.0, 0.3),
        *transaction(2.0, 0.4, path=[SAVE]),
    ]

    violation = NoIdleInTransaction(100).check(recording(*events))

    assert [(each.count, each.note) for each in violation.evidence] == [
        (2, "600.0 ms in total"),
        (1, "400.0 ms"),
    ]


def test_the_number_of_idle_transactions_is_told_from_two_on():
    """For one it says nothing."""

    def notes(*events):
        violation = NoIdleInTransaction(100).check(recording(*events))
        return [hint.text for hint in violation.advice if hint.label == "note"]

    assert notes(*transaction(0.0, 0.3), *transaction(1.0, 0.01)) == []
    assert notes(*transaction(0.0, 0.3), *transaction(1.0, 0.3), *transaction(2.0, 0.01)) == [
        "2 of 3 transactions are over the limit"
    ]


def test_a_threshold_begins_at_two():
    """Two queries may be a repeat, one cannot."""
    require_threshold("n", 2)
    require_threshold("n", 3)
    with pytest.raises(ValueError, match=r"^n must be >= 2, got 1$"):
        require_threshold("n", 1)


@pytest.mark.parametrize(
    "budget", [NoNPlusOne(2), NoRepeatedQueries(2), NoWriteLoops(2)], ids=lambda budget: budget.name
)
def test_the_least_threshold_is_allowed(budget):
    """It is the strictest that makes sense."""
    assert budget.threshold == 2


def test_a_budget_wants_plans_only_when_it_checks_something():
    """Asking PostgreSQL for plans takes time."""
    assert wants_plans(NoUnindexedFilters()) is True
    assert wants_plans(NoUnindexedFilters(allow=["*"])) is False
    assert wants_plans(QueryBudget(1)) is False


def test_the_summary_is_the_first_paragraph_in_one_line():
    """`--markers` shows it."""

    class Documented:
        __doc__ = "Fail when it is\ntoo much.\n\nMore text."

    class Silent:
        pass

    assert summary(Documented) == "Fail when it is too much."
    assert summary(Silent) == ""

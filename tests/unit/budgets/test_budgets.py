"""A budget compares a recording with its limit, and refuses wrong arguments."""

from pathlib import Path

import django
import pytest

from pytest_dbperf.budgets.budget import WrongArguments, make, summary, takes_a_limit, usage, written
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.enforcement import (
    BudgetWindow,
    WrongWindow,
    check_all,
)
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.max_open_connections import MaxOpenConnections
from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_blocking_calls import NoBlockingCalls
from pytest_dbperf.budgets.no_connection_leaks import NoConnectionLeaks
from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.budgets.no_repeated_queries import NoRepeatedQueries
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.no_unindexed_filters import NoUnindexedFilters
from pytest_dbperf.budgets.no_write_loops import NoWriteLoops
from pytest_dbperf.budgets.placed import PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.diagnosis.connections import hints_on_connections
from pytest_dbperf.recording.connections import Why
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.violations.text import explain
from pytest_dbperf.violations.violation import Hint
from tests.factories import (
    blocking_call,
    checkout,
    closed_connection,
    driver_query,
    hop,
    new_connection,
    not_sent,
    query,
    recording,
    request,
    returned_connection,
    site,
)

VIEW = site("view", "/srv/app/views.py", 7)


@pytest.mark.parametrize(
    ("budget", "events"),
    [
        (QueryBudget(2), [query()] * 2),
        (QueryBudget(0), [query("BEGIN"), query("COMMIT")]),
        (QueryBudget(None, at_least=1), [query()]),
        (QueryBudget(9, select=1), [query(), query("DELETE FROM t")]),
        (QueryBudget(9, tables={"t": 1}), [query("SELECT a FROM t"), query("SELECT a FROM u")]),
        (QueryBudget(0, using="other"), [query()]),
        (MaxNewConnections(1), [new_connection()]),
        (MaxNewConnections(0, using="other"), [new_connection()]),
        (MaxNewConnections(0, using="other"), [new_connection(using=None)]),
        (MaxOpenConnections(1), [new_connection(1), closed_connection(1), new_connection(2)]),
        (MaxOpenConnections(0, using="other"), [new_connection()]),
        (NoConnectionLeaks(), [new_connection(1), closed_connection(1)]),
        (NoConnectionLeaks(), [new_connection(is_kept=True)]),
        (NoConnectionLeaks(), [closed_connection(dropped=True)]),
        (NoConnectionLeaks(using="other"), [new_connection()]),
        (NoConnectionLeaks(allowed=1), [new_connection()]),
        (NoConnectionLeaks(), [checkout(1), returned_connection(1), checkout(2, is_kept=True)]),
        (NoConnectionLeaks(using="other"), [checkout()]),
        (NoConnectionLeaks(allowed=1), [checkout()]),
        (NoSyncToAsync(), [hop(origin="django"), hop(origin="library:ninja")]),
        (NoSyncToAsync(), [hop(via="async_to_sync")]),
        (NoSyncToAsync(allow=["load"]), [hop("load")]),
        (NoSyncToAsync(allow=["check_password"]), [hop("AbstractBaseUser.check_password")]),
        (NoSyncToAsync(allow=["create_*"]), [hop("UserManager.create_user")]),
        (NoSyncToAsync(allow=["views.py:7"]), [hop(path=[VIEW])]),
        (MaxThreadHops(2), [hop(), hop(via="async_to_sync", origin="django")]),
    ],
)
def test_a_budget_that_holds_is_silent(budget, events):
    """A number equal to the limit is within it."""
    assert budget.check(recording(*events)) is None


@pytest.mark.parametrize(
    ("budget", "events", "headline"),
    [
        (QueryBudget(2), [query()] * 3, "queries 3 > 2 (+1)"),
        (QueryBudget(0), [query()], "queries 1 > 0 (+1)"),
        (QueryBudget(9, at_least=1), [query("BEGIN")], "queries 0 < 1"),
        (QueryBudget(9, select=0), [query()], "select queries 1 > 0 (+1)"),
        (
            QueryBudget(9, select=0, insert=0, delete=0),
            [query("WITH a AS (DELETE FROM t RETURNING id) INSERT INTO u SELECT id FROM a")],
            "insert queries 1 > 0 (+1), delete queries 1 > 0 (+1)",
        ),
        (QueryBudget(9, insert=0), [query("INSERT INTO t (a) VALUES (1)")], "insert queries 1 > 0 (+1)"),
        (QueryBudget(9, update=0), [query("UPDATE t SET a = 1")], "update queries 1 > 0 (+1)"),
        (QueryBudget(9, delete=0), [query("DELETE FROM t")], "delete queries 1 > 0 (+1)"),
        (QueryBudget(9, tables={"t": 0}), [query("SELECT a FROM t")], "queries on t 1 > 0 (+1)"),
        (QueryBudget(1, select=0), [query()] * 2, "queries 2 > 1 (+1), select queries 2 > 0 (+2)"),
        (QueryBudget(0, using="other"), [query(using="other")], "queries 1 > 0 (+1)"),
        (MaxNewConnections(0), [new_connection()], "new connections 1 > 0 (+1)"),
        (MaxNewConnections(0), [new_connection(using=None)], "new connections 1 > 0 (+1)"),
        (MaxOpenConnections(1), [new_connection(1), new_connection(2)], "open connections 2 > 1 (+1)"),
        (NoConnectionLeaks(), [new_connection()], "leaked connections 1 > 0 (+1)"),
        (
            NoConnectionLeaks(),
            [new_connection(1), closed_connection(1, dropped=True)],
            "leaked connections 1 > 0 (+1)",
        ),
        (NoSyncToAsync(), [hop()], "sync_to_async hops 1 > 0 (+1)"),
        (NoSyncToAsync(), [hop(via="executor")], "sync_to_async hops 1 > 0 (+1)"),
        (NoSyncToAsync(allow=["save"]), [hop("load"), hop("save")], "sync_to_async hops 1 > 0 (+1)"),
        (MaxThreadHops(1), [hop(), hop(via="async_to_sync", origin="django")], "thread hops 2 > 1 (+1)"),
    ],
)
def test_a_broken_budget_says_both_numbers_within_thirty_characters(budget, events, headline):
    """pytest's short test summary shows little more than that."""
    violation = budget.check(recording(*events))

    assert violation.headline == headline
    assert len(headline.partition(",")[0]) <= 30
    assert violation.budget == budget.name


def text_of(budget, *events):
    """The explanation of a broken budget, without its first line."""
    return explain([budget.check(recording(*events))], Path("/srv/app"))[1:]


def test_queries_are_shown_in_groups_with_their_parameters():
    """A loop is one line, with the number of different parameters."""
    queries = [query("SELECT a FROM t WHERE id = %s", parameters=each, path=[VIEW]) for each in range(3)]

    assert text_of(QueryBudget(0), *queries) == [
        "",
        "    3x  SELECT a FROM t WHERE id = %s   N+1: 3 different parameters",
        "        views.py:7 view",
    ]


def test_equal_parameters_are_told():
    """The same question asked again is another matter than a loop."""
    assert "same parameters" in text_of(QueryBudget(0), query(), query())[1]


def test_unknown_parameters_are_not_remarked_on():
    """Without parameters there is no note."""
    assert text_of(QueryBudget(0), *[query(parameters=None)] * 2)[1].endswith("SELECT %s")


def test_what_assert_num_queries_counts_differently_is_told():
    """It counts each call of `execute()`, whatever an `execute_wrapper` does with it."""
    failed = [query(), query(is_sent_again=True), query(is_sent_again=True), not_sent()]
    elsewhere = [query(using="other", is_sent_again=True), not_sent(using="other")]

    violation = QueryBudget(0, using="default").check(recording(*failed, *elsewhere))

    assert violation.advice == (
        Hint("note", "2 of them are not in assertNumQueries: an execute_wrapper sent them again"),
        Hint("note", "assertNumQueries counts 1 more, which was not sent"),
    )
    several = QueryBudget(0).check(recording(query(), not_sent(), not_sent()))
    assert several.advice == (Hint("note", "assertNumQueries counts 2 more, which were not sent"),)


def test_several_aliases_are_told_apart():
    """The alias is shown if there are several."""
    lines = text_of(QueryBudget(0), query(), query(using="other"))

    assert [line.rsplit("  ", 1)[1].strip() for line in lines[1::2]] == ["on default", "on other"]


def test_a_statement_without_an_alias_is_told_as_such():
    """The driver's own connection has none."""
    found = recording(query(), driver_query(), driver_queries=True)

    assert [evidence.note for evidence in QueryBudget(0).check(found).evidence] == [
        "on default",
        "on a connection without an alias",
    ]


def test_the_only_request_is_named_once():
    """The first line names it."""
    violation = QueryBudget(0).check(recording(query(request=request()), query(request=request())))

    assert violation.first_line == "queries 2 > 0 (+2)   GET /api/campaigns/"


def test_several_requests_are_told_apart():
    """Each row names its request."""
    lines = text_of(QueryBudget(0), query(request=request(1)), query(request=request(2, path="/b/")))

    assert lines[1].endswith("GET /api/campaigns/")
    assert lines[3].endswith("GET /b/")


def test_only_what_is_over_the_limit_is_shown():
    """A broken limit on inserts shows no selects."""
    lines = text_of(QueryBudget(9, insert=0), query("SELECT 1"), query("INSERT INTO t (a) VALUES (1)"))

    assert not any("SELECT" in line for line in lines)


def test_connections_are_shown_with_alias_backend_and_thread():
    """The server's log has the backend's number, too."""
    lines = text_of(MaxNewConnections(0), new_connection(thread="export_0", backend_pid=4711, path=[VIEW]))

    assert lines == [
        "",
        "    1x  default, 4.0 ms, thread export_0, backend 4711   first use in its thread",
        "        views.py:7 view",
    ]


def test_connections_from_one_place_for_one_reason_are_a_group():
    """It shows their mean time, their threads and their backends."""
    opened = [
        new_connection(number, thread=f"w{number % 2}", backend_pid=number, seconds=number / 1000)
        for number in range(1, 4)
    ]

    assert text_of(MaxNewConnections(0), *opened)[1] == (
        "    3x  default, 2.0 ms each, 2 threads: w1 w0, 3 backends: 1 2 3   first use in its thread"
    )


def test_threads_of_one_name_are_counted_one_by_one():
    """Executors may give their threads the same names."""
    opened = [new_connection(thread="db_0", thread_number=number) for number in (7, 8)]

    lines = text_of(MaxNewConnections(0), *opened)

    assert "2 threads: db_0 db_0   first use" in lines[1]
    assert lines[-1] == "  why   2 threads: Django opens a connection for each"


def test_a_connection_that_the_driver_made_has_no_time():
    """The driver's connections are seen only once they are open."""
    lines = text_of(MaxNewConnections(0), new_connection(seconds=None, why=Why.DRIVER, using=None))

    assert lines[1].startswith("    1x  psycopg without a Django alias, thread MainThread   the driver")


@pytest.mark.parametrize(
    ("why", "because"),
    [
        (Why.FIRST_IN_THREAD, "        the thread was started by jobs.py:3 start"),
        (Why.CLOSED, "        the one before was closed by jobs.py:3 start"),
        (Why.UNUSABLE, "        the one before was closed by jobs.py:3 start"),
    ],
)
def test_what_made_a_connection_necessary_is_shown(why, because):
    """The row names the line to change, if that is not the line that opened the connection."""
    job = site("start", "/srv/app/jobs.py", 3)

    assert because in text_of(MaxNewConnections(0), new_connection(path=[VIEW], why=why, because_of=[job]))


def test_a_reason_is_not_told_twice():
    """A second call path is shown only if it differs from the first."""
    opened = new_connection(path=[VIEW], because_of=[VIEW])

    assert not any("started by" in line for line in text_of(MaxNewConnections(0), opened))


def test_the_most_connections_at_once_are_shown():
    """Connections that were closed before are not shown."""
    events = [
        new_connection(1),
        closed_connection(1),
        new_connection(2, thread="a"),
        new_connection(3, using="other", thread="b"),
        closed_connection(2),
        new_connection(4, thread="c"),
        closed_connection(99),
    ]

    assert MaxOpenConnections(2).check(recording(*events)) is None
    assert MaxOpenConnections(1, using="default").check(recording(*events)) is None
    violation = MaxOpenConnections(1).check(recording(*events))
    assert violation.measured == 2
    assert [evidence.what for evidence in violation.evidence] == [
        "default, 4.0 ms, thread a",
        "other, 4.0 ms, thread b",
    ]


@pytest.mark.parametrize(
    ("left", "advice"),
    [
        ({"why": Why.FIRST_IN_REQUEST, "is_persistent": True}, '"CONN_MAX_AGE": 0 under ASGI'),
        ({"why": Why.FIRST_IN_REQUEST}, "close_all() at the end of the thread's work"),
        ({"why": Why.FIRST_IN_THREAD, "is_persistent": True}, "close_all() at the end of the thread's work"),
        ({"why": Why.DRIVER, "using": None}, "close() the connection"),
    ],
)
def test_leaks_are_told_with_their_cure(left, advice):
    """Each reason has its own text."""
    events = [new_connection(1, **left), new_connection(2, **left), closed_connection(2, dropped=True)]
    lines = text_of(NoConnectionLeaks(), *events)

    assert any(line.endswith("still open") for line in lines)
    assert any(line.endswith("dropped while open") for line in lines)
    (fix,) = [line for line in lines if line.startswith("  fix   ")]
    assert advice in fix


def test_a_connection_that_is_not_given_back_is_told_with_its_code():
    """A pool cannot give it to others."""
    start = site("start", "/srv/app/jobs.py", 3)
    events = [
        new_connection(7, why=Why.POOL, is_kept=True),
        *(checkout(number, path=[VIEW], thread=f"w{number}", because_of=[start]) for number in (1, 2)),
        returned_connection(3),
        checkout(4, path=[VIEW], connection=7, because_of=[VIEW]),
        closed_connection(7, dropped=True),
    ]

    assert [line for line in text_of(NoConnectionLeaks(), *events) if line] == [
        "    2x  default from its pool, 2 threads: w1 w2   not given back",
        "        views.py:7 view",
        "        the thread was started by jobs.py:3 start",
        "    1x  default from its pool, thread MainThread   dropped, not given back",
        "        views.py:7 view",
        "  fix   call django.db.connections.close_all() at the end of the thread's work",
        "  why   a pool does not replace a connection that is not given back, until none is left",
    ]


def test_a_pool_without_django_has_its_own_cure():
    """Its connections are no business of Django's."""
    lines = text_of(NoConnectionLeaks(), checkout(using=None, path=[VIEW]), new_connection(is_kept=True))

    assert lines[1] == "    1x  psycopg from its pool, thread MainThread   not given back"
    assert lines[-2] == "  fix   take it with `with pool.connection()`, or give it back with pool.putconn()"


PER_REQUEST = Hint(
    "why",
    "under ASGI each request runs in its own thread and opens its own connection, whatever CONN_MAX_AGE is",
)


@pytest.mark.parametrize(
    ("opened", "advice"),
    [
        ([new_connection()], []),
        (
            [new_connection(), *[new_connection(why=Why.OUT_OF_AGE)] * 9],
            [Hint("fix", """set "CONN_MAX_AGE": 600 in DATABASES['default']: 10 -> 1 connections""")],
        ),
        (
            [new_connection(why=Why.FIRST_IN_REQUEST)] * 10,
            [
                PER_REQUEST,
                Hint(
                    "fix",
                    'set "CONN_MAX_AGE": 0, "OPTIONS": {"pool": True} (psycopg[pool]) in '
                    "DATABASES['default']: 10 -> 4 connections",
                ),
            ],
        ),
        ([new_connection(why=Why.FIRST_IN_REQUEST)] * 4, [PER_REQUEST]),
        ([new_connection(why=Why.FIRST_IN_REQUEST, driver="mysql")] * 10, [PER_REQUEST]),
        ([new_connection(why=Why.FIRST_IN_REQUEST)], []),
        (
            [new_connection(why=Why.POOL)],
            [
                Hint(
                    "why", "a pool opens min_size connections at once, and up to max_size while requests wait"
                )
            ],
        ),
        (
            [new_connection(why=Why.UNUSABLE)],
            [
                Hint(
                    "why",
                    "the server closed the one before, and a query failed on it; "
                    "CONN_HEALTH_CHECKS avoids that",
                )
            ],
        ),
    ],
)
def test_advice_is_proven_by_the_numbers_or_left_out(opened, advice):
    """A saving is what the same test would show, and nothing is suggested that would save nothing."""
    assert list(hints_on_connections(opened)) == advice


def test_each_database_has_its_own_advice():
    """Settings are those of an alias."""
    opened = [new_connection(why=Why.OUT_OF_AGE), new_connection(using="other", why=Why.OUT_OF_AGE)] * 2

    assert [hint.text.split(" in ")[1] for hint in hints_on_connections(opened)] == [
        "DATABASES['default']: 2 -> 0 connections",
        "DATABASES['other']: 2 -> 0 connections",
    ]


def test_connections_of_several_threads_are_explained():
    """Django's reason is given where the numbers prove it."""
    opened = [new_connection(thread="export_0"), new_connection(thread="export_1")]

    assert text_of(MaxNewConnections(0), *opened)[-1] == (
        "  why   2 threads: Django opens a connection for each"
    )


def test_a_connection_behind_djangos_back_is_named_by_its_driver():
    """A raw connection has no alias."""
    assert "psycopg without a Django alias" in text_of(MaxNewConnections(0), new_connection(using=None))[1]


def test_hops_are_shown_with_what_crossed():
    """What was sent to the thread, how, and from where."""
    hops = [hop("load", path=[VIEW]), hop("load", path=[VIEW]), hop("save", via="executor")]

    lines = text_of(NoSyncToAsync(), *hops)

    assert lines[1:5] == [
        "    2x  sync_to_async(load)",
        "        views.py:7 view",
        "    1x  save in a thread, by executor",
        "        (no frame of your code)",
    ]


def test_the_way_to_allow_a_hop_can_be_pasted():
    """The offered marker allows exactly what was found."""
    lines = text_of(NoSyncToAsync(), hop("Model.load"), hop("save"), hop("count", origin="django"))

    assert '  or    allow it: no_sync_to_async(allow=["load", "save"])' in lines
    assert lines[-1] == "  note  1 other hop is not counted: made by Django or a library, or allowed"
    assert NoSyncToAsync(allow=["load", "save"]).check(recording(hop("Model.load"), hop("save"))) is None


def test_blocking_calls_are_shown_with_what_blocked_and_for_how_long():
    """The statement or the function, and the time that all tasks of the loop waited."""
    calls = [
        *[blocking_call(sql="SELECT a FROM t WHERE id = 1", path=[VIEW])] * 2,
        blocking_call("connect", via="psycopg", sql=None, using=None, seconds=None),
        blocking_call("verify_password", via="hashers", sql=None, using=None, seconds=0.25),
        blocking_call("acheck_password", via="hashers", sql=None, using=None, seconds=0.25),
    ]

    violation = NoBlockingCalls().check(recording(*calls))

    assert violation.headline == "blocking calls 5 > 0 (+5)"
    assert text_of(NoBlockingCalls(), *calls)[1:9] == [
        "    2x  SELECT a FROM t WHERE id = %s   blocked the loop for 2.0 ms",
        "        views.py:7 view",
        "    1x  connect",
        "        (no frame of your code)",
        "    1x  verify_password   blocked the loop for 250.0 ms",
        "        (no frame of your code)",
        "    1x  verify_password, by acheck_password   blocked the loop for 250.0 ms",
        "        (no frame of your code)",
    ]


ASYNC_METHODS = Hint(
    "fix", "use the ORM's async methods (aget, acount, async for), or await sync_to_async(function)()"
)
NATIVE = Hint("fix", "use psycopg.AsyncConnection, and await its connect(), execute() and commit()")
IN_A_THREAD = Hint("fix", "await sync_to_async(user.check_password)(password)")


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (blocking_call(), [ASYNC_METHODS]),
        (blocking_call("commit", via="psycopg", sql=None), [ASYNC_METHODS]),
        (blocking_call(via="psycopg", using=None), [NATIVE]),
        (blocking_call("verify_password", via="hashers", sql=None, using=None), [IN_A_THREAD]),
    ],
)
def test_each_sort_of_blocking_call_has_its_own_cure(monkeypatch, call, advice):
    """What is Django's goes to a thread, and psycopg has an asynchronous connection."""
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)

    assert list(NoBlockingCalls().check(recording(call)).advice) == advice


def test_the_switch_that_allows_it_is_named_where_it_is_set(monkeypatch):
    """It is not named if it is not set, nor for psycopg, which ignores it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

    of_django = NoBlockingCalls().check(recording(blocking_call())).advice
    of_driver = NoBlockingCalls().check(recording(blocking_call(via="psycopg"))).advice

    assert [(hint.label, hint.text.partition(" ")[0]) for hint in of_django[1:]] == [
        ("note", "DJANGO_ALLOW_ASYNC_UNSAFE")
    ]
    assert len(of_driver) == 1


def test_djangos_own_hashing_on_the_loop_is_explained():
    """An awaited coroutine does not look like a blocking call."""
    call = blocking_call("acheck_password", via="hashers", sql=None, using=None)

    why, fix = NoBlockingCalls().check(recording(call)).advice

    series = ".".join(map(str, django.VERSION[:2]))
    assert why == Hint(
        "why",
        f"acheck_password() of Django {series} hashes on the event loop's thread; since Django 6.0 it uses "
        "another thread",
    )
    assert fix == IN_A_THREAD


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        (blocking_call("connect", sql=None), "connect"),
        (blocking_call(sql="SELECT a FROM t WHERE id = 1"), "SELECT a FROM t *"),
        (blocking_call(), "execute"),
        (blocking_call("verify_password", via="hashers", sql=None), "verify_password"),
        (blocking_call("acheck_password", via="hashers", sql=None), "acheck_password"),
        (blocking_call("acheck_password", via="hashers", sql=None), "verify_password"),
        (blocking_call(path=[VIEW]), "views.py:7"),
        (blocking_call(path=[VIEW]), "view"),
    ],
)
def test_a_blocking_call_is_allowed_by_name_or_call_site(call, pattern):
    """Other calls are still counted."""
    other = blocking_call("commit", sql=None)

    assert NoBlockingCalls(allow=[pattern]).check(recording(call)) is None
    assert NoBlockingCalls(allow=[pattern]).check(recording(call, other)).measured == 1


@pytest.mark.parametrize("budget_class", BUDGETS, ids=lambda budget_class: budget_class.name)
def test_every_budget_can_be_lifted(budget_class):
    """An inner marker undoes an outer one."""
    by_keyword = {
        NoSyncToAsync: {"allow": ["*"]},
        NoBlockingCalls: {"allow": ["*"]},
        NoConnectionLeaks: {"allowed": None},
        NoNPlusOne: {"allow": ["*"]},
        NoRepeatedQueries: {"allow": ["*"]},
        NoWriteLoops: {"allow": ["*"]},
        NoUnindexedFilters: {"allow": ["*"]},
    }
    lifted = (
        budget_class(**by_keyword[budget_class])
        if budget_class in by_keyword
        else budget_class(None, reason="bulk import")
    )

    assert lifted.is_lifted
    assert lifted.check(recording(query(), new_connection(), hop(), blocking_call())) is None


@pytest.mark.parametrize(
    "budget",
    [
        QueryBudget(0),
        QueryBudget(None, at_least=1),
        MaxNewConnections(0),
        MaxOpenConnections(0),
        NoConnectionLeaks(),
    ],
)
def test_a_limit_does_not_lift(budget):
    """A budget is lifted only if it has no limit at all."""
    assert not budget.is_lifted


@pytest.mark.parametrize("budget_class", BUDGETS, ids=lambda budget_class: budget_class.name)
def test_every_budget_has_a_name_a_summary_and_a_reason(budget_class):
    """Marker, fixture, option and --markers line follow from the class."""
    budget = make(budget_class, (1,) if takes_a_limit(budget_class) else (), {"reason": "because"})

    assert budget.reason == "because"
    assert budget.name == budget_class.name
    assert summary(budget_class).endswith(".")
    assert usage(budget_class).startswith(f"{budget_class.name}(")


@pytest.mark.parametrize(
    ("budget_class", "args", "kwargs", "complaint"),
    [
        (QueryBudget, (), {}, "query_budget: missing a required argument: 'limit'"),
        (QueryBudget, (1, 2), {}, "query_budget: too many positional arguments"),
        (QueryBudget, (1,), {"max": 2}, "query_budget: unexpected 'max'"),
        (QueryBudget, (-1,), {}, "query_budget limit must be >= 0, got -1"),
        (QueryBudget, ("3",), {}, "query_budget limit must be a whole number or None, got str"),
        (QueryBudget, (True,), {}, "query_budget limit must be a whole number or None, got bool"),
        (QueryBudget, (1,), {"at_least": 2}, "query_budget at_least must be <= limit, got 2 > 1"),
        (QueryBudget, (1,), {"at_least": None}, "query_budget at_least must be a whole number, got NoneType"),
        (QueryBudget, (1,), {"select": -1}, "query_budget select must be >= 0, got -1"),
        (QueryBudget, (1,), {"tables": {"t": -1}}, "query_budget tables['t'] must be >= 0, got -1"),
        (QueryBudget, (1,), {"tables": {"t": None}}, "query_budget tables['t'] must be a whole number"),
        (
            QueryBudget,
            (1,),
            {"tables": ["t"]},
            "query_budget tables must be a mapping of table names to limits",
        ),
        (QueryBudget, (1,), {"using": 1}, "query_budget using must be the name of a database alias or None"),
        (MaxNewConnections, (-1,), {}, "max_new_connections limit must be >= 0, got -1"),
        (MaxNewConnections, (1,), {"using": ""}, "max_new_connections using must be the name"),
        (MaxOpenConnections, (-1,), {}, "max_open_connections limit must be >= 0, got -1"),
        (MaxOpenConnections, (1,), {"using": ""}, "max_open_connections using must be the name"),
        (NoConnectionLeaks, (1,), {}, "no_connection_leaks: too many positional arguments"),
        (NoConnectionLeaks, (), {"allowed": -1}, "no_connection_leaks allowed must be >= 0, got -1"),
        (NoConnectionLeaks, (), {"using": 1}, "no_connection_leaks using must be the name"),
        (NoSyncToAsync, (1,), {}, "no_sync_to_async: too many positional arguments"),
        (MaxThreadHops, (-1,), {}, "max_thread_hops limit must be >= 0, got -1"),
        (MaxThreadHops, (1,), {"per_request": "yes"}, "max_thread_hops per_request must be True or False"),
        (NoSyncToAsync, (), {"allow": "save"}, "no_sync_to_async allow must be a list of names"),
        (NoSyncToAsync, (), {"allow": [1]}, "no_sync_to_async allow must be a list of names"),
        (NoSyncToAsync, (), {"allow": 1}, "no_sync_to_async allow must be a list of names"),
        (NoBlockingCalls, (1,), {}, "no_blocking_calls: too many positional arguments"),
        (NoBlockingCalls, (), {"allow": "connect"}, "no_blocking_calls allow must be a list of names"),
        (NoBlockingCalls, (), {"allow": [1]}, "no_blocking_calls allow must be a list of names"),
        (NoBlockingCalls, (), {"allow": 1}, "no_blocking_calls allow must be a list of names"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence_with_the_usage(budget_class, args, kwargs, complaint):
    """The message says what is wrong and shows the signature."""
    with pytest.raises(WrongArguments) as refused:
        make(budget_class, args, kwargs)

    assert str(refused.value).startswith(complaint)
    assert str(refused.value).endswith(f"Usage: {usage(budget_class)}")


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (QueryBudget(4), "query_budget(4)"),
        (QueryBudget(None, at_least=1, reason="x"), "query_budget(None, at_least=1)"),
        (QueryBudget(4, tables={"t": 1}), "query_budget(4, tables={'t': 1})"),
        (MaxNewConnections(0, using="other"), "max_new_connections(0, using='other')"),
        (MaxOpenConnections(4), "max_open_connections(4)"),
        (NoConnectionLeaks(), "no_connection_leaks"),
        (NoConnectionLeaks(allowed=None), "no_connection_leaks(allowed=None)"),
        (NoBlockingCalls(allow=["connect"]), "no_blocking_calls(allow=['connect'])"),
        (NoSyncToAsync(), "no_sync_to_async"),
        (NoSyncToAsync(allow=["save"]), "no_sync_to_async(allow=['save'])"),
    ],
)
def test_a_budget_is_written_as_its_marker(budget, text):
    """A failure names the limit in the words of the test."""
    assert written(budget) == text


def test_all_broken_budgets_are_found_with_their_places():
    """All are reported, not only the first."""
    budgets = [
        PlacedBudget(QueryBudget(0), "at a.py:1"),
        PlacedBudget(MaxNewConnections(1), ""),
        PlacedBudget(NoSyncToAsync(), "in ini"),
    ]

    found = check_all(budgets, recording(query(), new_connection(), hop()))

    assert [each.violation.placed for each in found] == [
        "query_budget(0) at a.py:1",
        "no_sync_to_async in ini",
    ]


class Checks:
    """Checks windows and keeps the violations, as a test run does."""

    def __init__(self):
        self.found = []

    def __call__(self, budgets, window):
        """Check a window."""
        self.found += [each.violation for each in check_all(budgets, window)]


def test_a_window_is_checked_when_it_closes():
    """A part of a test has its own budget."""
    recorder, checks = Recorder(), Checks()
    with BudgetWindow(PlacedBudget(QueryBudget(1), ""), recorder.record, checks) as window:
        recorder.emit(query())
        recorder.emit(query())

    assert [violation.measured for violation in checks.found] == [2]
    assert len(window.queries) == 2


def test_a_window_that_fails_is_not_checked():
    """A real failure is not hidden behind a budget."""
    recorder, checks = Recorder(), Checks()
    window = BudgetWindow(PlacedBudget(QueryBudget(0), ""), recorder.record, checks)
    with pytest.raises(ZeroDivisionError), window:
        recorder.emit(query())
        raise ZeroDivisionError

    assert checks.found == []


def test_a_window_counts_anew_each_time():
    """The limit applies to each entry, not to their sum."""
    recorder, checks = Recorder(), Checks()
    window = BudgetWindow(PlacedBudget(QueryBudget(1), ""), recorder.record, checks)
    recordings = []
    for _ in range(2):
        with window as recording:
            recorder.emit(query())
        recordings.append(recording)

    assert checks.found == []
    assert [len(recording.queries) for recording in recordings] == [1, 1]


def test_a_window_is_not_entered_twice_at_once():
    """Its queries would count in only one of the two."""
    recorder, checks = Recorder(), Checks()
    window = BudgetWindow(PlacedBudget(QueryBudget(0), "at test_it.py:3"), recorder.record, checks)
    with (
        pytest.raises(WrongWindow, match=r"query_budget\(0\) at test_it.py:3 is already open"),
        window,
        window,
    ):
        pytest.fail("it was entered")


async def test_a_window_can_be_entered_asynchronously():
    """A coroutine may use `async with`."""
    recorder, checks = Recorder(), Checks()
    async with BudgetWindow(PlacedBudget(QueryBudget(0), ""), recorder.record, checks):
        recorder.emit(query())

    assert len(checks.found) == 1


def test_the_request_with_most_hops_is_told():
    """With `per_request`, hops outside of requests do not count."""
    one, two = request(1, path="/one/"), request(2, path="/two/")
    hops = [hop(request=one), *[hop(request=two)] * 2, *[hop()] * 3]
    budget = MaxThreadHops(1, per_request=True)

    assert budget.check(recording(*hops)).first_line == "thread hops 2 > 1 (+1)   GET /two/"
    assert MaxThreadHops(2, per_request=True).check(recording(*hops)) is None
    assert MaxThreadHops(0, per_request=True).check(recording(hop())) is None
    assert MaxThreadHops(5).check(recording(*hops)).first_line == "thread hops 6 > 5 (+1)"


def test_hops_of_middlewares_are_one_row():
    """Otherwise seven middlewares with two hops each would hide all other rows."""
    of_django = [hop("process_request", origin="django", part=f"middleware:{name}") for name in "AAB"]

    lines = text_of(MaxThreadHops(0), hop(via="async_to_sync"), *of_django)

    assert lines[1] == "    3x  middlewares: A 2, B 1"
    assert lines[3] == "    1x  async_to_sync(load)"


def test_an_error_inside_a_budget_of_ours_is_raised_as_it_is():
    """It is a bug, and no wrong argument of the user."""

    class Broken:
        name = "broken"

        def __init__(self):
            raise LookupError

    Broken.__module__ = "pytest_dbperf.budgets.broken"

    with pytest.raises(LookupError):
        make(Broken, (), {})

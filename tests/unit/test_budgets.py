"""A budget compares a recording with its limit, and refuses a limit that means nothing."""

from pathlib import Path

import pytest

from pytest_dbperf.budgets import BUDGETS
from pytest_dbperf.budgets.budget import WrongArguments, make, summary, usage, written
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.enforcement import BudgetWindow, Given, violations_of
from pytest_dbperf.recording import Recorder
from pytest_dbperf.violations import explain
from tests.factories import hop, new_connection, query, recording, request, site

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
        (NoSyncToAsync(), [hop(origin="django"), hop(origin="library:ninja")]),
        (NoSyncToAsync(), [hop(via="async_to_sync")]),
        (NoSyncToAsync(allow=["load"]), [hop("load")]),
        (NoSyncToAsync(allow=["check_password"]), [hop("AbstractBaseUser.check_password")]),
        (NoSyncToAsync(allow=["create_*"]), [hop("UserManager.create_user")]),
    ],
)
def test_a_budget_that_holds_is_silent(budget, events):
    """At the limit nothing is broken."""
    assert budget.check(recording(*events)) is None


@pytest.mark.parametrize(
    ("budget", "events", "headline"),
    [
        (QueryBudget(2), [query()] * 3, "queries 3 > 2 (+1)"),
        (QueryBudget(0), [query()], "queries 1 > 0 (+1)"),
        (QueryBudget(9, at_least=1), [query("BEGIN")], "queries 0 < 1"),
        (QueryBudget(9, select=0), [query()], "select queries 1 > 0 (+1)"),
        (QueryBudget(9, insert=0), [query("INSERT INTO t (a) VALUES (1)")], "insert queries 1 > 0 (+1)"),
        (QueryBudget(9, update=0), [query("UPDATE t SET a = 1")], "update queries 1 > 0 (+1)"),
        (QueryBudget(9, delete=0), [query("DELETE FROM t")], "delete queries 1 > 0 (+1)"),
        (QueryBudget(9, tables={"t": 0}), [query("SELECT a FROM t")], "queries on t 1 > 0 (+1)"),
        (QueryBudget(1, select=0), [query()] * 2, "queries 2 > 1 (+1), select queries 2 > 0 (+2)"),
        (QueryBudget(0, using="other"), [query(using="other")], "queries 1 > 0 (+1)"),
        (MaxNewConnections(0), [new_connection()], "new connections 1 > 0 (+1)"),
        (MaxNewConnections(0), [new_connection(using=None)], "new connections 1 > 0 (+1)"),
        (NoSyncToAsync(), [hop()], "sync_to_async hops 1 > 0 (+1)"),
        (NoSyncToAsync(), [hop(via="executor")], "sync_to_async hops 1 > 0 (+1)"),
        (NoSyncToAsync(allow=["save"]), [hop("load"), hop("save")], "sync_to_async hops 1 > 0 (+1)"),
    ],
)
def test_a_broken_budget_says_both_numbers_within_thirty_characters(budget, events, headline):
    """The short test summary shows little more than that."""
    violation = budget.check(recording(*events))

    assert violation.headline == headline
    assert len(headline.partition(",")[0]) <= 30
    assert violation.budget == budget.name


def text_of(budget, *events):
    """The explanation of a broken budget, without its first line."""
    return explain([budget.check(recording(*events))], Path("/srv/app"))[1:]


def test_queries_are_shown_in_groups_with_their_parameters():
    """A loop is one line, and the number of different parameters gives it away."""
    queries = [query("SELECT a FROM t WHERE id = %s", parameters=each, path=[VIEW]) for each in range(3)]

    assert text_of(QueryBudget(0), *queries) == [
        "",
        "    3x  SELECT a FROM t WHERE id = %s   3 different parameters",
        "        views.py:7 view",
    ]


def test_equal_parameters_are_told():
    """The same question asked again is another matter than a loop."""
    assert "the same parameters" in text_of(QueryBudget(0), query(), query())[1]


def test_unknown_parameters_are_not_remarked_on():
    """What is not known is not said."""
    assert text_of(QueryBudget(0), *[query(parameters=None)] * 2)[1].endswith("SELECT %s")


def test_several_aliases_are_told_apart():
    """The alias is shown where it is not the only one."""
    lines = text_of(QueryBudget(0), query(), query(using="other"))

    assert [line.rsplit("  ", 1)[1].strip() for line in lines[1::2]] == ["on default", "on other"]


def test_the_only_request_is_named_once():
    """What happened in one request is told in the first line."""
    violation = QueryBudget(0).check(recording(query(request=request()), query(request=request())))

    assert violation.first_line == "queries 2 > 0 (+2)   GET /api/campaigns/"


def test_several_requests_are_told_apart():
    """A test may make many requests."""
    lines = text_of(QueryBudget(0), query(request=request(1)), query(request=request(2, path="/b/")))

    assert lines[1].endswith("GET /api/campaigns/")
    assert lines[3].endswith("GET /b/")


def test_only_what_is_over_the_limit_is_shown():
    """A cap on inserts is not explained by selects."""
    lines = text_of(QueryBudget(9, insert=0), query("SELECT 1"), query("INSERT INTO t (a) VALUES (1)"))

    assert not any("SELECT" in line for line in lines)


def test_connections_are_shown_with_alias_backend_and_thread():
    """The server's own number of the connection makes it findable in its log."""
    lines = text_of(MaxNewConnections(0), new_connection(thread="export_0", backend_pid=4711, path=[VIEW]))

    assert lines == ["", "    1x  default, backend 4711, in thread export_0", "        views.py:7 view"]


def test_connections_of_several_threads_are_explained():
    """Django's reason is given where the numbers prove it."""
    opened = [new_connection(thread="export_0"), new_connection(thread="export_1")]

    assert (
        text_of(MaxNewConnections(0), *opened)[-1] == "  why  2 threads: Django keeps a connection for each"
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

    assert '  allow  no_sync_to_async(allow=["load", "save"])' in lines
    assert lines[-1] == "  note   1 more are not counted: decided on by Django or a library, or allowed"
    assert NoSyncToAsync(allow=["load", "save"]).check(recording(hop("Model.load"), hop("save"))) is None


@pytest.mark.parametrize("kind", BUDGETS, ids=lambda kind: kind.name)
def test_every_budget_can_be_lifted(kind):
    """An inner marker undoes an outer one."""
    lifted = kind(allow=["*"]) if kind is NoSyncToAsync else kind(None, reason="bulk import")

    assert lifted.is_lifted
    assert lifted.check(recording(query(), new_connection(), hop())) is None


@pytest.mark.parametrize("budget", [QueryBudget(0), QueryBudget(None, at_least=1), MaxNewConnections(0)])
def test_a_limit_does_not_lift(budget):
    """Only the absence of every limit does."""
    assert not budget.is_lifted


@pytest.mark.parametrize("kind", BUDGETS, ids=lambda kind: kind.name)
def test_every_budget_has_a_name_a_summary_and_a_reason(kind):
    """Marker, fixture, option and --markers line follow from the class."""
    budget = make(kind, () if kind is NoSyncToAsync else (1,), {"reason": "because"})

    assert budget.reason == "because"
    assert budget.name == kind.name
    assert summary(kind).endswith(".")
    assert usage(kind).startswith(f"{kind.name}(")


@pytest.mark.parametrize(
    ("kind", "args", "kwargs", "complaint"),
    [
        (QueryBudget, (), {}, "query_budget: missing a required argument: 'limit'"),
        (QueryBudget, (1, 2), {}, "query_budget: too many positional arguments"),
        (QueryBudget, (1,), {"max": 2}, "query_budget: got an unexpected keyword argument 'max'"),
        (QueryBudget, (-1,), {}, "query_budget limit must be >= 0, got -1"),
        (QueryBudget, ("3",), {}, "query_budget limit must be a whole number or None, got str"),
        (QueryBudget, (True,), {}, "query_budget limit must be a whole number or None, got bool"),
        (QueryBudget, (1,), {"at_least": 2}, "query_budget at_least must be <= limit, got 2 > 1"),
        (QueryBudget, (1,), {"at_least": None}, "query_budget at_least must be a whole number, got NoneType"),
        (QueryBudget, (1,), {"select": -1}, "query_budget select must be >= 0, got -1"),
        (QueryBudget, (1,), {"tables": {"t": -1}}, "query_budget tables['t'] must be >= 0, got -1"),
        (QueryBudget, (1,), {"tables": {"t": None}}, "query_budget tables['t'] must be a whole number"),
        (QueryBudget, (1,), {"tables": ["t"]}, "query_budget tables must map names of tables to limits"),
        (QueryBudget, (1,), {"using": 1}, "query_budget using must be the name of a database alias or None"),
        (MaxNewConnections, (-1,), {}, "max_new_connections limit must be >= 0, got -1"),
        (MaxNewConnections, (1,), {"using": ""}, "max_new_connections using must be the name"),
        (NoSyncToAsync, (1,), {}, "no_sync_to_async: too many positional arguments"),
        (NoSyncToAsync, (), {"allow": "save"}, "no_sync_to_async allow must be a list of names"),
        (NoSyncToAsync, (), {"allow": [1]}, "no_sync_to_async allow must be a list of names"),
        (NoSyncToAsync, (), {"allow": 1}, "no_sync_to_async allow must be a list of names"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence_with_the_usage(kind, args, kwargs, complaint):
    """Who slipped sees what was wrong and what would be right."""
    with pytest.raises(WrongArguments) as refused:
        make(kind, args, kwargs)

    assert str(refused.value).startswith(complaint)
    assert str(refused.value).endswith(f"Usage: {usage(kind)}")


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (QueryBudget(4), "query_budget(4)"),
        (QueryBudget(None, at_least=1, reason="x"), "query_budget(None, at_least=1)"),
        (QueryBudget(4, tables={"t": 1}), "query_budget(4, tables={'t': 1})"),
        (MaxNewConnections(0, using="other"), "max_new_connections(0, using='other')"),
        (NoSyncToAsync(), "no_sync_to_async"),
        (NoSyncToAsync(allow=["save"]), "no_sync_to_async(allow=['save'])"),
    ],
)
def test_a_budget_is_written_as_its_marker(budget, text):
    """A failure names the limit in the words of the test."""
    assert written(budget) == text


def test_all_broken_budgets_are_found_with_their_places():
    """None hides another."""
    given = [
        Given(QueryBudget(0), "at a.py:1"),
        Given(MaxNewConnections(1), ""),
        Given(NoSyncToAsync(), "in ini"),
    ]

    found = violations_of(given, recording(query(), new_connection(), hop()))

    assert [violation.given for violation in found] == [
        "query_budget(0) at a.py:1",
        "no_sync_to_async in ini",
    ]


def test_a_window_complains_when_it_closes():
    """A part of a test has a budget of its own."""
    recorder, complaints = Recorder(), []
    with BudgetWindow(Given(QueryBudget(1), ""), recorder.record(), complaints.extend) as window:
        recorder.emit(query())
        recorder.emit(query())

    assert [violation.measured for violation in complaints] == [2]
    assert len(window.queries) == 2


def test_a_window_that_fails_does_not_complain():
    """A real failure is not hidden behind a budget."""
    recorder, complaints = Recorder(), []
    window = BudgetWindow(Given(QueryBudget(0), ""), recorder.record(), complaints.extend)
    with pytest.raises(ZeroDivisionError), window:
        recorder.emit(query())
        raise ZeroDivisionError

    assert complaints == []


async def test_a_window_can_be_entered_asynchronously():
    """A coroutine may say `async with`."""
    recorder, complaints = Recorder(), []
    async with BudgetWindow(Given(QueryBudget(0), ""), recorder.record(), complaints.extend):
        recorder.emit(query())

    assert len(complaints) == 1

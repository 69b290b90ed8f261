"""Is every statement counted once? pytest-dbperf's counts are compared with PostgreSQL's own log."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from campaigns.tests.factories import make_campaign
from metrics.database import count_statement
from metrics.tests.readings import total
from pytest_dbperf import AsgiClient, DatabaseSettings, Recording, WsgiClient
from users.tests.factories import make_user, sign_in

EXECUTED = "django_db_execute_total"

in_production = pytest.mark.django_db(transaction=True)
on_a_server = pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="sqlite is in memory here: other threads cannot see it, and closing deletes it",
)


def executed() -> float:
    """Return how many statements were counted so far, on the current database."""
    return total(EXECUTED, alias="default", vendor=connection.vendor)


@pytest.fixture
def paths() -> list[str]:
    """Return pages with different numbers of queries."""
    campaign = make_campaign(make_user("ada"), tags=["river", "boats"])
    return ["/api/campaigns/", f"/api/campaigns/{campaign.pk}", "/api/campaigns/0"] * 3


@on_a_server
@in_production
@pytest.mark.query_budget(3 * (3 + 2 + 1))
def test_what_a_wsgi_server_runs_is_counted(
    wsgi_client: WsgiClient, paths: list[str], dbperf: Recording
) -> None:
    """Also in the threads of the server."""
    before = executed()

    with dbperf.record() as served:
        for path in paths:
            wsgi_client.get(path)

    assert executed() - before == len(served.queries) > len(paths)


@on_a_server
@in_production
def test_what_an_asgi_server_runs_is_counted(
    asgi_client: AsgiClient, paths: list[str], dbperf: Recording
) -> None:
    """In as many threads as there are requests at once."""
    before = executed()

    with dbperf.record() as served:
        asgi_client.gather(paths)

    assert executed() - before == len(served.queries) > len(paths)


@on_a_server
@in_production
def test_what_runs_on_a_pool_is_counted(
    asgi_client: AsgiClient, database_settings: DatabaseSettings, paths: list[str], dbperf: Recording
) -> None:
    """No matter how often a connection is checked out."""
    database_settings("default", CONN_MAX_AGE=0, pool={"min_size": 1, "max_size": 2})
    before = executed()

    with dbperf.record() as served:
        asgi_client.gather(paths)

    assert executed() - before == len(served.queries) > len(paths)


@on_a_server
@in_production
def test_what_writes_is_counted(asgi_client: AsgiClient, dbperf: Recording) -> None:
    """Whole transactions as well; their BEGIN and COMMIT are not statements of a cursor."""
    ada = make_user("ada")
    campaign = make_campaign(ada)
    before = executed()

    with dbperf.record() as served:
        joined = asgi_client.post(f"/api/campaigns/{campaign.pk}/join", headers=sign_in(ada))

    assert joined.status_code == 201
    assert executed() - before == len(served.queries)


@on_a_server
@in_production
def test_threads_of_nobody_are_counted(dbperf: Recording) -> None:
    """Each plain thread has its own connection."""

    def ask(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", [number])
        connections.close_all()

    before = executed()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(12)))

    assert executed() - before == len(dbperf.queries) == 12


@on_a_server
@in_production
def test_who_connects_again_is_counted_once() -> None:
    """Django's connection object stays the same."""
    connection.ensure_connection()
    connection.close()
    before = executed()

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert executed() - before == 1


@pytest.mark.django_db
def test_many_at_once_are_one_statement(dbperf: Recording) -> None:
    """The driver gets one call."""
    before = executed()

    with connection.cursor() as cursor:
        cursor.executemany(
            "SELECT %s"
            if connection.vendor == "postgresql"
            else "UPDATE users_user SET id = id WHERE id = %s",
            [[1], [2], [3]],
        )

    assert executed() - before == len(dbperf.queries) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="sqlite gives BEGIN to a cursor as well")
@in_production
def test_a_savepoint_is_a_statement(dbperf: Recording) -> None:
    """The database has to answer it; the budgets of pytest-dbperf leave it out."""
    before = executed()

    with transaction.atomic(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    of_cursors = [one for one in dbperf.bookkeeping if "SAVEPOINT" in one.sql]
    assert len(of_cursors) == 2
    assert executed() - before == len(dbperf.queries) + len(of_cursors)


@in_production
def test_a_statement_that_fails_is_counted() -> None:
    """The database received it all the same."""
    before = executed()

    with pytest.raises(Exception, match="no_such_table"), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")

    assert executed() - before == 1


@on_a_server
@in_production
def test_other_wrappers_come_and_go() -> None:
    """A wrapper that is there while Django connects is removed again, and the counting one stays."""
    connection.close()
    connection.execute_wrappers.remove(count_statement)

    with connection.execute_wrapper(lambda execute, *arguments: execute(*arguments)):
        connection.ensure_connection()

    assert connection.execute_wrappers == [count_statement]

"""Are the counts still true behind PgBouncer? They must agree with PgBouncer's and PostgreSQL's numbers.

`test_pgbouncer.py` runs these tests, and all others, in a process behind a PgBouncer.
"""

import os
from contextlib import closing

import pytest
from django.db import connection
from psycopg import OperationalError

from campaigns.tests.factories import make_campaign
from config.environment import environment
from config.tests import pgbouncer
from pytest_dbperf import AsgiClient, DatabaseSettings, LiveRecording, WsgiClient
from users.models import User
from users.tests.factories import make_user, sign_in

pytestmark = [
    pytest.mark.skipif(not environment().db_pooler, reason="DB_POOLER is not set"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.no_connection_leaks,
    pytest.mark.query_budget(None, reason="many requests in each test"),
]
CLIENTS = 40


@pytest.fixture(autouse=True)
def skip_where_pgbouncer_cannot_be_asked(transactional_db: None) -> None:
    """A PgBouncer that you run yourself may refuse its console, or have its log on another machine."""
    try:
        log = pgbouncer.configured("logfile")
    except OperationalError as refusal:
        pytest.skip(f"PgBouncer's console says: {refusal}")
    if not os.access(log, os.R_OK):
        pytest.skip("PgBouncer's log cannot be read here")


def number(sql: str) -> int:
    """Ask PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (answer,) = cursor.fetchone()
    return int(answer)


def sessions() -> int:
    """Count the connections to the test's database that PostgreSQL has had."""
    return number("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")


def test_each_new_connection_is_a_client_that_pgbouncer_let_in(
    asgi_client: AsgiClient, database_settings: DatabaseSettings, dbperf: LiveRecording
) -> None:
    """The plugin counts the clients' connections, because these are the connections of the site."""
    database_settings("default", CONN_MAX_AGE=0)
    before = pgbouncer.log_ins()

    with dbperf.record() as recording:
        responses = asgi_client.gather(["/api/campaigns/"] * CLIENTS)

    assert {response.status_code for response in responses} == {200}
    assert len(recording.new_connections) == CLIENTS
    assert pgbouncer.log_ins() - before == CLIENTS


def test_clients_share_the_connections_to_the_server(
    wsgi_client: WsgiClient, database_settings: DatabaseSettings, dbperf: LiveRecording
) -> None:
    """More clients connect at once than PostgreSQL allows; the pool's size limits the real connections."""
    database_settings("default", CONN_MAX_AGE=600)
    if number("SHOW max_connections") >= CLIENTS:
        pytest.skip("this PostgreSQL would let in all clients of the test")
    most = int(pgbouncer.configured("default_pool_size"))
    clients, before = len(pgbouncer.of_this_database("CLIENTS")), sessions()

    with dbperf.record() as recording:
        responses = wsgi_client.new(workers=CLIENTS).gather(["/api/campaigns/"] * CLIENTS)

    assert {response.status_code for response in responses} == {200}
    assert len(recording.new_connections) == CLIENTS
    assert len(pgbouncer.of_this_database("CLIENTS")) - clients == CLIENTS
    assert len(pgbouncer.of_this_database("SERVERS")) <= most
    assert sessions() - before <= most


def test_pgbouncer_has_passed_on_what_was_counted(
    asgi_client: AsgiClient, database_settings: DatabaseSettings, dbperf: LiveRecording
) -> None:
    """For PgBouncer, BEGIN and COMMIT are queries as well."""
    database_settings("default", CONN_MAX_AGE=0)
    ada = make_user("ada")
    campaign, session = make_campaign(ada), sign_in(ada)
    before = pgbouncer.queries()

    with dbperf.record() as recording:
        asgi_client.gather(["/api/campaigns/"] * 10)
        joined = asgi_client.post(f"/api/campaigns/{campaign.pk}/join", headers=session)

    assert joined.status_code == 201
    assert {query.sql for query in recording.bookkeeping} == {"BEGIN", "COMMIT"}
    assert pgbouncer.queries() - before == len(recording.queries) + len(recording.bookkeeping)


def test_a_kept_connection_is_tried_by_a_query_that_only_pgbouncer_sees(
    wsgi_client: WsgiClient, database_settings: DatabaseSettings, dbperf: LiveRecording
) -> None:
    """CONN_HEALTH_CHECKS use the driver, once for each request after the first."""
    database_settings("default", CONN_MAX_AGE=600, CONN_HEALTH_CHECKS=True)
    before = pgbouncer.queries()

    with dbperf.record() as recording:
        for _ in range(5):
            wsgi_client.get("/api/campaigns/")

    assert len(recording.new_connections) == 1
    assert pgbouncer.queries() - before == len(recording.queries) + 4


def test_rows_are_read_in_portions_while_others_take_the_connection() -> None:
    """No cursor stays in a server process that may serve another client for the next chunk."""
    for name in ("ada", "bob", "cyd"):
        make_user(name)
    other = connection.copy()

    rows = User.objects.order_by("nickname").iterator(chunk_size=1)
    read = [next(rows).nickname]
    with closing(other), other.cursor() as cursor:
        # In a transaction, and so on the connection that was just given back.
        cursor.execute("BEGIN")
        read += [user.nickname for user in rows]
        cursor.execute("ROLLBACK")

    assert read == ["ada", "bob", "cyd"]

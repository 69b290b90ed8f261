"""Which database does Django connect to?"""

from dataclasses import replace
from typing import Any

import pytest
from dj_database_url import DBConfig
from django.db import connection

from config.database import database_settings
from config.environment import environment


def settings_of(url: str, **variables: Any) -> DBConfig:
    """Return the settings for a URL, without a pooler; other variables are those of this process."""
    return database_settings(replace(environment(), database_url=url, **{"db_pooler": False, **variables}))


def test_a_server_is_found_by_its_url() -> None:
    """User, password, host, port and name come from the URL."""
    database = settings_of("postgres://ada:s%40fe@db.example.org:6543/campaigns")

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert [database[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "ada",
        "s@fe",
        "db.example.org",
        6543,
        "campaigns",
    ]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("postgres://%2Fvar%2FRun%2FPg/campaigns", ""),
        ("postgres://ada:s%40fe@%2Fvar%2FRun%2FPg:6543/campaigns", 6543),
    ],
)
def test_a_unix_socket_keeps_the_case_of_its_directory(url: str, port: object) -> None:
    """Host names may be lower-cased, paths may not."""
    database = settings_of(url)

    assert (database["HOST"], database["PORT"], database["NAME"]) == ("/var/Run/Pg", port, "campaigns")


def test_a_unix_socket_can_be_an_option_of_the_url() -> None:
    """libpq knows this spelling."""
    database = settings_of("postgresql:///campaigns?host=/var/Run/Pg")

    assert database["HOST"] == ""
    assert database["OPTIONS"]["host"] == "/var/Run/Pg"


def test_a_pool_is_as_large_as_it_was_asked_for() -> None:
    """It waits for a connection as long as a connection attempt may take."""
    database = settings_of("postgres:///campaigns", db_pool=8, db_conn_max_age=0, db_connect_timeout=2)

    pool = database["OPTIONS"]["pool"]
    assert (pool["min_size"], pool["max_size"], pool["timeout"]) == (1, 8, 2)


def test_the_timeouts_are_for_postgresql() -> None:
    """Seconds for the connection, milliseconds for a statement."""
    database = settings_of("postgres:///campaigns", db_connect_timeout=2, db_statement_timeout=3)

    assert database["OPTIONS"] == {"connect_timeout": 2, "options": "-c statement_timeout=3"}


def test_what_the_url_says_wins() -> None:
    """PostgreSQL takes the last of two equal options."""
    database = settings_of(
        "postgres:///campaigns?connect_timeout=1&options=-c%20statement_timeout%3D5", db_statement_timeout=3
    )

    assert database["OPTIONS"] == {
        "connect_timeout": 1,
        "options": "-c statement_timeout=3 -c statement_timeout=5",
    }


def test_a_pooler_is_given_nothing_that_it_cannot_keep() -> None:
    """It gets no session parameters and no cursors, which belong to one server process."""
    database = settings_of("postgres:///campaigns", db_pooler=True, db_connect_timeout=2)

    assert database["OPTIONS"] == {"connect_timeout": 2}
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True


@pytest.mark.parametrize("url", ["sqlite:////srv/campaigns.sqlite3", "sqlite://:memory:"])
def test_sqlite_has_no_timeouts_but_the_other_settings(url: str) -> None:
    """SQLite's driver would refuse unknown options."""
    database = settings_of(url, db_conn_max_age=7, db_conn_health_checks=False)

    assert not database.get("OPTIONS")
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (7, False)


@pytest.mark.django_db
def test_the_server_has_the_statement_timeout() -> None:
    """Every connection of this site has it."""
    if connection.vendor != "postgresql":
        pytest.skip(f"{connection.vendor} has no statement_timeout")
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
        assert cursor.fetchone() == (environment().db_statement_timeout,)

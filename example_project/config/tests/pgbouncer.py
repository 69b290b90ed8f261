"""What does PgBouncer report about itself? It has a console, a database with the name `pgbouncer`."""

from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import dict_row


def show(what: str) -> list[dict[str, Any]]:
    """Return the rows of `SHOW ...` of the PgBouncer that the site is behind."""
    database = connection.settings_dict
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        dbname="pgbouncer",
        autocommit=True,
        # The console knows no parameters, which other cursors send separately.
        cursor_factory=psycopg.ClientCursor,
        row_factory=dict_row,
    ) as console:
        return console.execute(f"SHOW {what}".encode()).fetchall()


def configured(name: str) -> str:
    """Return a setting of its pgbouncer.ini, or the default."""
    [value] = [row["value"] for row in show("CONFIG") if row["key"] == name]
    return str(value)


def of_this_database(what: str) -> list[dict[str, Any]]:
    """Return those rows of `SHOW ...` that are about the test's database."""
    return [row for row in show(what) if row["database"] == connection.settings_dict["NAME"]]


def log_ins() -> int:
    """Count the clients that have connected to the test's database: the log has a line for each."""
    log = Path(configured("logfile")).read_text()
    return log.count(f" login attempt: db={connection.settings_dict['NAME']} ")


def queries() -> int:
    """Count the queries of the test's database, including BEGIN and COMMIT."""
    return sum(int(row["total_query_count"]) for row in of_this_database("STATS"))

"""How many connections are opened, and how many statements run?"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.db.backends.base.base import BaseDatabaseWrapper
from prometheus_client import Counter

if TYPE_CHECKING:
    import psycopg

NEW_CONNECTIONS = Counter(
    "django_db_new_connections_total",
    "Physical connections to a database that were opened.",
    ["alias", "vendor"],
)
EXECUTED = Counter(
    "django_db_execute_total",
    "Statements of Django's cursors. A savepoint is one, BEGIN and COMMIT are not.",
    ["alias", "vendor"],
)


def count_from_now_on(connection: BaseDatabaseWrapper, **signal: Any) -> None:
    """Count a connection that Django has just opened, and its statements from now on."""
    # For a pool, Django sends this signal at each checkout; `counted_connection` counts what the pool opens.
    if getattr(connection, "pool", None) is None:
        NEW_CONNECTIONS.labels(connection.alias, connection.vendor).inc()
    if count_statement not in connection.execute_wrappers:
        # Insert it in front: at its end, `with connection.execute_wrapper(...)` removes the last one.
        connection.execute_wrappers.insert(0, count_statement)


def count_statement(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Run a statement, and count it even if it fails: the database received it."""
    connection = context["connection"]
    EXECUTED.labels(connection.alias, connection.vendor).inc()
    return execute(sql, params, many, context)


@cache
def counted_connection(alias: str) -> "type[psycopg.Connection[Any]]":
    """Return the `connection_class` for an alias's pool: it connects in threads without Django."""
    import psycopg

    class CountedConnection(psycopg.Connection[Any]):
        @classmethod
        def connect(cls, *arguments: Any, **parameters: Any) -> Self:
            connection = super().connect(*arguments, **parameters)
            NEW_CONNECTIONS.labels(alias, "postgresql").inc()
            return connection

    return CountedConnection

"""How is PostgreSQL asked for a plan? In a savepoint that is rolled back, and through the driver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from pytest_dbperf.plans.partitions import (
    PARTITIONS,
    Name,
    Partition,
    partition_of,
    relations_of,
    with_partitioned_tables,
)
from pytest_dbperf.recording.events import Sample
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.plan import Node, UnservedFilter, full_reads_as_filters, indexes_of

_SAVEPOINT = "dbperf_plans"
_SAVEPOINT_OF_PROOF = "dbperf_proof"
# These settings leave only bitmap scans, which search an index by a condition. Other plans would depend on
# the number of rows: on a table of two rows, a sequential scan or a walk along an index is cheaper.
# Bitmap scans are switched on in case the project has switched them off. The test itself may hold a lock.
_SETTINGS = {
    "enable_seqscan": "off",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "on",
    "max_parallel_workers_per_gather": "0",
    "lock_timeout": "2s",
}


# The B-tree indexes on several columns: PostgreSQL reads such an index in full for any but its first column.
# Not those that begin with an expression, nor partial ones: these may serve a condition on any column.
_FIRST_COLUMNS = (
    "SELECT index.relname, quote_ident(first.attname) "
    "FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = index.relam "
    "JOIN pg_attribute AS first ON first.attrelid = indrelid AND first.attnum = indkey[0] "
    "WHERE index.relname = ANY(%s) AND amname = 'btree' AND indnkeyatts > 1 AND indpred IS NULL"
)


class CannotExplain(RuntimeError):
    """PostgreSQL cannot explain the statements; the text says why."""


class _Status(IntEnum):
    """The state of a connection's transaction as libpq (PQtransactionStatus) and both drivers report it."""

    IDLE = 0
    ACTIVE = 1
    IN_TRANSACTION = 2
    IN_ERROR = 3
    UNKNOWN = 4


_WHY_NOT = {
    _Status.ACTIVE: "a statement is still running on it",
    _Status.IN_ERROR: "an earlier error aborted the transaction. Wrap code that is expected to fail in its "
    "own transaction.atomic()",
    _Status.UNKNOWN: "it was closed, by the test or by the server",
}


class Unexplained(Exception):
    """PostgreSQL has no plan for this statement; the transaction goes on."""


class ExplainSession:
    """A savepoint in which PostgreSQL explains statements, through the driver, so that Django logs none."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._cursor = connection.connection.cursor()
        self._was_idle = connection.connection.info.transaction_status == _Status.IDLE
        self._savepoint = _SAVEPOINT
        self._first_columns: dict[str, str] = {}
        self._partitions: dict[Name, Partition | None] = {}

    def begin(self) -> None:
        """Open the savepoint, after BEGIN if no transaction is open."""
        # Without autocommit, the driver begins a transaction by itself.
        if self._was_idle and self.connection.connection.autocommit:
            self._run("BEGIN")
        self._run(f"SAVEPOINT {_SAVEPOINT}")
        self._run(_set(_SETTINGS))

    def end(self) -> None:
        """Roll back what `begin` has begun."""
        self._run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        self._run(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        if self._was_idle:
            self._run("ROLLBACK")

    def plan_of(self, sample: Sample) -> Node:
        """Explain a statement. Raises Unexplained if that fails: its table is gone, or its SQL is wrong."""
        with self._undone_on_error():
            self._cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {sample.sql}", sample.parameters)
            ((answer,),) = self._cursor.fetchall()
            root = root_of(answer)
            if unknown := indexes_of(root) - self._first_columns.keys():
                self._cursor.execute(_FIRST_COLUMNS, [[*unknown]])
                self._first_columns |= dict.fromkeys(unknown, "") | dict(self._cursor.fetchall())
            if new := relations_of(root) - self._partitions.keys():
                self._cursor.execute(PARTITIONS, [[schema for schema, _ in new], [name for _, name in new]])
                found = {(schema, name): partition_of(*rest) for schema, name, *rest in self._cursor}
                self._partitions |= dict.fromkeys(new) | found
            read = full_reads_as_filters(root, self._first_columns)
            return with_partitioned_tables(
                read, self._partitions, sample.sql, statement_of(sample.sql, "postgresql").tables
            )

    @contextmanager
    def with_index(self, unserved: UnservedFilter, sql: str) -> Iterator[None]:
        """Hide a table behind an empty temporary copy of it that the SQL gives one more index.

        An index on the table itself would wait for locks of other transactions, and would need all deferred
        constraints checked first. PostgreSQL could not use it if this transaction has changed a row.
        """
        quoted = self.connection.ops.quote_name
        table, original = quoted(unserved.table), f"{quoted(unserved.schema)}.{quoted(unserved.table)}"
        self._run(f"SAVEPOINT {_SAVEPOINT_OF_PROOF}")
        self._savepoint = _SAVEPOINT_OF_PROOF
        try:
            with self._undone_on_error():
                self._run(f"CREATE TEMPORARY TABLE {table} (LIKE {original} INCLUDING INDEXES)")
                self._run(sql)
            yield
        finally:
            self._savepoint = _SAVEPOINT
            self._run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT_OF_PROOF}")

    def _run(self, sql: str) -> None:
        self._cursor.execute(sql)

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        try:
            yield
        except self.connection.Database.OperationalError:
            raise  # A lock, a timeout or a lost connection is not the fault of the statement.
        except (self.connection.Database.Error, LookupError, TypeError, ValueError) as error:
            self._run(f"ROLLBACK TO SAVEPOINT {self._savepoint}")
            self._run(_set(_SETTINGS))
            raise Unexplained from error


def _set(settings: Mapping[str, str]) -> str:
    """Write one statement that sets all settings, as SET LOCAL does."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{to}', true)" for name, to in settings.items())


def root_of(answer: Any) -> Node:
    """Take the plan out of the answer to EXPLAIN, which the driver may have parsed already."""
    ((explained),) = json.loads(answer) if isinstance(answer, str) else answer
    root: Node = explained["Plan"]
    return root


@contextmanager
def session_on(connection: Any) -> Iterator[ExplainSession]:
    """Open a savepoint in which PostgreSQL explains statements, and roll it back at the end."""
    from django.db import DatabaseError

    where = f"PostgreSQL cannot explain statements on the connection {connection.alias!r}"
    was_open = connection.connection is not None
    try:
        connection.ensure_connection()
        status = _Status(connection.connection.info.transaction_status)
        if status in _WHY_NOT:
            raise CannotExplain(f"{where}: {_WHY_NOT[status]}")
        session = ExplainSession(connection)
        session.begin()
        try:
            yield session
        finally:
            session.end()
    except (connection.Database.Error, DatabaseError) as error:
        raise CannotExplain(f"{where}: {str(error).strip()}") from error
    finally:
        if not was_open:
            connection.close()

"""How would PostgreSQL run what was asked? It is asked to explain each statement, and runs none of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from pytest_dbperf.plans.indexes import Key, candidates
from pytest_dbperf.plans.proposals import Proposal, proposal_for
from pytest_dbperf.recording.events import Sample
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.plan import (
    Node,
    Plan,
    UnservedFilter,
    as_it_is_read,
    columns_in,
    conditions_on,
    indexes_of,
    unserved_filters,
)

# Each attempt is a table and an index that are made and rolled back.
_MOST_FIXES = 10
_MOST_ATTEMPTS = 4

_SAVEPOINT = "dbperf_plans"
_SAVEPOINT_OF_PROOF = "dbperf_proof"
# What is left is to look a condition up in an index, by a bitmap. Reading a whole table costs next to nothing
# if it has two rows, and reading an index in its order looks cheap, too: the plan would depend on the rows.
# What a project has switched off would hide an index, and a lock may be held by the test itself.
_SETTINGS = {
    "enable_seqscan": "off",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "on",
    "max_parallel_workers_per_gather": "0",
    "lock_timeout": "2s",
}


# Those that PostgreSQL would read in full to look up another column. What is no column may be found by any.
_FIRST_COLUMNS = (
    "SELECT index.relname, quote_ident(first.attname) "
    "FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = index.relam "
    "JOIN pg_attribute AS first ON first.attrelid = indrelid AND first.attnum = indkey[0] "
    "WHERE index.relname = ANY(%s) AND amname = 'btree' AND indnkeyatts > 1 AND indpred IS NULL"
)


class CannotExplain(RuntimeError):
    """PostgreSQL could not be asked; the text tells why."""


class _Status(IntEnum):
    """What libpq says of a connection's transaction (PQtransactionStatus), which both drivers hand on."""

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


def explain(recording: Recording, root: Path) -> list[Plan]:
    """Explain what a recording has samples of, once a fingerprint and alias, on PostgreSQL alone.

    Raises CannotExplain where that is not possible: the transaction is broken, or there is no connection.
    """
    from django.db import connections

    samples: dict[str, list[Sample]] = {}
    for sample in recording.of_type(Sample):
        samples.setdefault(sample.using, []).append(sample)
    plans: list[Plan] = []
    with _away_from_the_loop():
        for alias, mine in samples.items():
            connection: Any = connections[alias]
            if connection.vendor == "postgresql":
                with _asking(connection) as server:
                    plans += _plans(mine, server, root)
    return plans


@contextmanager
def _away_from_the_loop() -> Iterator[None]:
    """Let this thread look as if no event loop ran in it.

    Django refuses its connections to a coroutine, and shows it others than those that the test stands on.
    Nothing is awaited meanwhile.
    """
    from asyncio import _get_running_loop, _set_running_loop

    loop = _get_running_loop()
    _set_running_loop(None)
    try:
        yield
    finally:
        _set_running_loop(loop)


class _Unexplained(Exception):
    """There is no plan of this statement; nothing is broken by that."""


class _Server:
    """A server that is asked within a savepoint, by the driver alone: Django does not hear of it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._cursor = connection.connection.cursor()
        self._was_idle = connection.connection.info.transaction_status == _Status.IDLE
        self._savepoint = _SAVEPOINT
        self._first_columns: dict[str, str] = {}

    def begin(self) -> None:
        # Without autocommit the driver begins by itself.
        if self._was_idle and self.connection.connection.autocommit:
            self._run("BEGIN")
        self._run(f"SAVEPOINT {_SAVEPOINT}")
        self._run(_set(_SETTINGS))

    def end(self) -> None:
        self._run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        self._run(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        if self._was_idle:
            self._run("ROLLBACK")

    def explain(self, sample: Sample) -> Node:
        """Ask for a plan. Raises _Unexplained for what has none: of a table that is gone, or a wrong text."""
        with self._harmless():
            self._cursor.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {sample.sql}", sample.parameters)
            ((answer,),) = self._cursor.fetchall()
            root = root_of(answer)
            if unknown := indexes_of(root) - self._first_columns.keys():
                self._cursor.execute(_FIRST_COLUMNS, [[*unknown]])
                self._first_columns |= dict.fromkeys(unknown, "") | dict(self._cursor.fetchall())
            return as_it_is_read(root, self._first_columns)

    @contextmanager
    def with_index(self, unserved: UnservedFilter, proposal: Proposal) -> Iterator[None]:
        """Put an empty twin of a table before it, with its indexes and one more.

        On the table itself the index would need a lock that others may hold up and all deferred constraints
        checked, and could not be used in this transaction if it has changed a row.
        """
        quoted = self.connection.ops.quote_name
        table, original = quoted(unserved.table), f"{quoted(unserved.schema)}.{quoted(unserved.table)}"
        self._run(f"SAVEPOINT {_SAVEPOINT_OF_PROOF}")
        self._savepoint = _SAVEPOINT_OF_PROOF
        try:
            with self._harmless():
                self._run(f"CREATE TEMPORARY TABLE {table} (LIKE {original} INCLUDING INDEXES)")
                self._run(proposal.sql)
            yield
        finally:
            self._savepoint = _SAVEPOINT
            self._run(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT_OF_PROOF}")

    def _run(self, sql: str) -> None:
        self._cursor.execute(sql)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except self.connection.Database.OperationalError:
            raise  # A lock, a time limit, a server that is gone: it says nothing of the statement.
        except (self.connection.Database.Error, LookupError, TypeError, ValueError) as error:
            self._run(f"ROLLBACK TO SAVEPOINT {self._savepoint}")
            self._run(_set(_SETTINGS))
            raise _Unexplained from error


def _set(settings: Mapping[str, str]) -> str:
    """Write SET LOCAL for all of them at once."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{to}', true)" for name, to in settings.items())


def root_of(answer: Any) -> Node:
    """Take the plan out of what EXPLAIN has answered, read by the driver already or not."""
    ((explained),) = json.loads(answer) if isinstance(answer, str) else answer
    root: Node = explained["Plan"]
    return root


@contextmanager
def _asking(connection: Any) -> Iterator[_Server]:
    """Open a savepoint in which a server can be asked, and roll it back."""
    from django.db import DatabaseError

    where = f"PostgreSQL cannot explain statements on the connection {connection.alias!r}"
    was_open = connection.connection is not None
    try:
        connection.ensure_connection()
        status = _Status(connection.connection.info.transaction_status)
        if status in _WHY_NOT:
            raise CannotExplain(f"{where}: {_WHY_NOT[status]}")
        server = _Server(connection)
        server.begin()
        try:
            yield server
        finally:
            server.end()
    except (connection.Database.Error, DatabaseError) as error:
        raise CannotExplain(f"{where}: {str(error).strip()}") from error
    finally:
        if not was_open:
            connection.close()


def _plans(samples: Iterable[Sample], server: _Server, root: Path) -> Iterator[Plan]:
    known: set[str] = set()
    room = _MOST_FIXES
    for sample in samples:
        statement = statement_of(sample.sql)
        if statement.kind == "other" or statement.fingerprint in known or _may_be_several(sample.sql):
            continue
        with suppress(_Unexplained):
            explained = server.explain(sample)
            unserved = unserved_filters(explained)
            known.add(statement.fingerprint)
            fixed = [replace(each, fix=_fix(each, sample, server, root)) for each in unserved[:room]]
            room -= len(fixed)
            yield Plan(sample.using, statement, explained, (*fixed, *unserved[len(fixed) :]))


def _may_be_several(sql: str) -> bool:
    """Tell whether there may be a second statement behind the first: that one would be run."""
    return ";" in sql.rstrip().rstrip(";")


def _scans(root: Node) -> set[tuple[str, str]]:
    return {(unserved.table, unserved.alias) for unserved in unserved_filters(root)}


def _fix(unserved: UnservedFilter, sample: Sample, server: _Server, root: Path) -> str:
    """Write the first index that is proven to serve a filter; the empty text without one."""
    for keys in candidates(unserved)[:_MOST_ATTEMPTS]:
        proposal = proposal_for(unserved.table, keys, server.connection, root)
        if proposal is not None and _is_proven(proposal, keys, unserved, sample, server):
            return proposal.fix
    return ""


def _is_proven(
    proposal: Proposal, keys: Sequence[Key], unserved: UnservedFilter, sample: Sample, server: _Server
) -> bool:
    """Tell whether each column of an index is looked up once it is there, so that the filter is served."""
    try:
        with server.with_index(unserved, proposal):
            explained = server.explain(sample)
    except _Unexplained:
        return False
    looked_up = columns_in(conditions_on(explained, proposal.name), unserved.alias)
    return {key.column for key in keys} <= {*looked_up} and (
        (unserved.table, unserved.alias) not in _scans(explained)
    )

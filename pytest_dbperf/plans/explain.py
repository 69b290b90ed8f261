"""How would PostgreSQL run the statements of a test? EXPLAIN tells, and runs none of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_dbperf.plans.explain_session import ExplainSession, Unexplained, session_on
from pytest_dbperf.plans.proving import Asked, proven_indexes
from pytest_dbperf.recording.events import Sample
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import statement_of
from pytest_dbperf.sql.plan import Plan, unserved_filters


def plans_of(recording: Recording, root: Path) -> list[Plan]:
    """Return the plans of a recording's samples: one for each fingerprint and alias on PostgreSQL.

    Raises CannotExplain if the transaction is aborted or the connection is lost.
    """
    samples: dict[str, list[Sample]] = {}
    for sample in recording.of_type(Sample):
        samples.setdefault(sample.using, []).append(sample)
    if not samples:
        return []
    from django.db import connections

    plans: list[Plan] = []
    with _without_running_loop():
        for alias, of_alias in samples.items():
            if alias not in connections.settings:
                # A test made this connection with a ConnectionHandler of its own, and closed it again.
                continue
            connection: Any = connections[alias]
            if connection.vendor == "postgresql":
                with session_on(connection) as session:
                    plans += _plans_of(of_alias, session, root)
    return plans


@contextmanager
def _without_running_loop() -> Iterator[None]:
    """Make this thread look as if it ran no event loop.

    On a thread with a running loop, Django refuses to use its connections, and `connections` has others than
    the test's own. Nothing is awaited in between.
    """
    from asyncio import _get_running_loop, _set_running_loop

    loop = _get_running_loop()
    _set_running_loop(None)
    try:
        yield
    finally:
        _set_running_loop(loop)


def _plans_of(samples: Iterable[Sample], session: ExplainSession, root: Path) -> list[Plan]:
    explained = list(_explain(samples, session))
    asked = [Asked(sample, unserved) for sample, plan in explained for unserved in plan.unserved]
    answers = iter(proven_indexes(asked, session, root))
    return [replace(plan, unserved=tuple(next(answers) for _ in plan.unserved)) for _, plan in explained]


def _explain(samples: Iterable[Sample], session: ExplainSession) -> Iterator[tuple[Sample, Plan]]:
    known: set[str] = set()
    for sample in samples:
        statement = statement_of(sample.sql, session.connection.vendor)
        if statement.kind == "other" or statement.fingerprint in known or _may_be_several(sample.sql):
            continue
        with suppress(Unexplained):
            explained = session.plan_of(sample)
            known.add(statement.fingerprint)
            yield sample, Plan(sample.using, statement, explained, tuple(unserved_filters(explained)))


def _may_be_several(sql: str) -> bool:
    """Tell whether there may be a second statement after the first: EXPLAIN would run that one."""
    return ";" in sql.rstrip().rstrip(";")

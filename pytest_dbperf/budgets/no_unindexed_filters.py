"""Has every filter an index?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.recording.events import Query, Sample
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import Statement, shortened
from pytest_dbperf.sql.plan import UnservedFilter
from pytest_dbperf.sql.smells import smells_of
from pytest_dbperf.violations.violation import Evidence, Hint, Violation, WarningLine, compare

# More would leave no room for what they are about.
_MOST_FIXES = 5
_LONGEST_STATEMENT = 100


@dataclass(frozen=True, slots=True)
class _Found:
    """A filter without an index in a statement that ran from one line, or else a smell of the statement."""

    count: int
    statement: Statement
    call_path: CallPath
    unserved: UnservedFilter | None = None
    smell: str = ""


@dataclass(frozen=True, slots=True)
class NoUnindexedFilters(WithAllowances):
    """Fail when PostgreSQL has no index to look up what a statement asks for, however few the rows are.

    After the test, each statement is explained once, with sequential scans priced out, and not run. Reading
    all of a table, without a condition, breaks nothing. Warn of LIKE with a leading wildcard, OFFSET over
    1,000, LIMIT without ORDER BY, UPDATE and DELETE without WHERE.

    Args:
        allow: What needs no index: tables that stay small (`["django_content_type"]`), statements
            (`["SELECT * FROM shop_book *"]`), or call sites (`["campaigns/api.py:31", "export"]`).
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "no_unindexed_filters"
    example: ClassVar[str] = "django_content_type"
    wants_plans: ClassVar[bool] = True

    def judged(self, recording: Recording) -> Sequence[_Found]:
        """The filters without an index, and what is wrong with statements at first sight."""
        return [*_unserved(recording), *_smells(recording)]

    def names_of(self, judged: _Found) -> Sequence[str]:
        """The statement, in full and as it is shown, and the table: the filtered one, or all of a smell's."""
        statement, unserved = judged.statement, judged.unserved
        tables = statement.tables if unserved is None else (unserved.table,)
        return (statement.fingerprint, shortened(statement), *tables)

    def check(self, recording: Recording) -> Violation | None:
        """Count the filters, each once a statement, without those that are allowed."""
        forbidden: dict[tuple[str, UnservedFilter], list[_Found]] = {}
        for found in self.forbidden(recording):
            if found.unserved is not None:
                forbidden.setdefault((found.statement.fingerprint, found.unserved), []).append(found)
        if not forbidden:
            return None
        evidence = [_evidence(unserved, found) for (_, unserved), found in forbidden.items()]
        fixes = dict.fromkeys(unserved.fix for _, unserved in forbidden if unserved.fix)
        return Violation(
            budget=self.name,
            measured=len(evidence),
            limit=0,
            headline=f"unindexed filters {compare(len(evidence), 0)}",
            evidence=tuple(sorted(evidence, key=lambda each: -each.count)),
            advice=tuple(Hint("fix", fix) for fix in [*fixes][:_MOST_FIXES]),
        )

    def remarks(self, recording: Recording) -> Sequence[WarningLine]:
        """What is wrong with statements at first sight."""
        return [
            WarningLine(f"{found.smell}: {shortened(found.statement)}", found.call_path)
            for found in self.forbidden(recording)
            if found.smell
        ]


def _evidence(unserved: UnservedFilter, together: Sequence[_Found]) -> Evidence:
    first = together[0]
    statement = shortened(first.statement)
    if len(statement) > _LONGEST_STATEMENT:
        statement = f"{statement[: _LONGEST_STATEMENT - 4]} ..."
    count = sum(found.count for found in together)
    return Evidence(count, f"{unserved.table}: {unserved.shown}", first.call_path, statement)


def _unserved(recording: Recording) -> Iterator[_Found]:
    plans = {(plan.using, plan.statement.fingerprint): plan for plan in recording.plans if plan.unserved}
    ran = recording.queries if plans else ()
    for queries in _by_line(query for query in ran if (query.using, query.statement.fingerprint) in plans):
        first = queries[0]
        for unserved in plans[str(first.using), first.statement.fingerprint].unserved:
            yield _Found(len(queries), first.statement, first.call_path, unserved)


def _smells(recording: Recording) -> Iterator[_Found]:
    parameters = {(sample.using, sample.sql): sample.parameters for sample in recording.of_type(Sample)}
    smells: dict[tuple[str | None, str], list[str]] = {}
    for query in recording.queries:
        text = (query.using, query.sql)
        if text not in smells:
            smells[text] = smells_of(query.sql, parameters.get((str(query.using), query.sql)))
    for queries in _by_line(query for query in recording.queries if smells[query.using, query.sql]):
        first = queries[0]
        for smell in smells[first.using, first.sql]:
            yield _Found(len(queries), first.statement, first.call_path, smell=smell)


def _by_line(queries: Iterable[Query]) -> list[list[Query]]:
    """Put together what is alike and ran from one line of your code, in the order of the first of each."""
    groups: dict[object, list[Query]] = {}
    for query in queries:
        key = (query.using, query.statement.fingerprint, identity(query.call_path[:1]))
        groups.setdefault(key, []).append(query)
    return [*groups.values()]

"""Has every filter an index?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.findings import Found, requests_of, subject_of_filter
from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.of_tests import is_of_tests
from pytest_dbperf.recording.cause import Request
from pytest_dbperf.recording.events import Query, Sample
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import Statement, shortened
from pytest_dbperf.sql.plan import UnservedFilter, columns_in, written_indexes
from pytest_dbperf.sql.smells import DELETES_ALL_ROWS, smells_of
from pytest_dbperf.violations.violation import Evidence, Hint, Violation, WarningLine, compare

# More fixes would leave no room for the evidence.
_MOST_FIXES = 5
_LONGEST_STATEMENT = 100


@dataclass(frozen=True, slots=True)
class _Judged:
    """A filter without an index, or a smell, in a statement that one line of your code ran."""

    count: int
    statement: Statement
    call_path: CallPath
    unserved: UnservedFilter | None = None
    smell: str = ""
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class NoUnindexedFilters(WithAllowances):
    """Fail when PostgreSQL has no index for a filter of a query, however few rows the table has.

    After the test, PostgreSQL explains each statement once, with sequential scans disabled, and runs none of
    them. A query that reads a whole table, without a condition, is fine. These are warnings: LIKE with a
    leading wildcard, OFFSET over 1,000, LIMIT without ORDER BY, and UPDATE or DELETE without WHERE. A test
    that deletes all rows itself to clean up gets no warning.

    Args:
        allow: Filters that need no index: tables that stay small (`["django_content_type"]`), statements
            (`["SELECT * FROM shop_book *"]`), or call sites (`["campaigns/api.py:31", "export"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_unindexed_filters"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)
    example: ClassVar[str] = "django_content_type"
    wants_plans: ClassVar[bool] = True

    def judged(self, recording: Recording) -> Sequence[_Judged]:
        """The filters without an index, and the smells of the statements."""
        return [*_unserved(recording), *_smells(recording)]

    def names_to_allow(self, judged: _Judged) -> Sequence[str]:
        """The statement, in full and shortened, and its tables: for a filter, only the filtered one.

        A partition also has the names of the tables that it belongs to.
        """
        statement, unserved = judged.statement, judged.unserved
        tables = statement.tables if unserved is None else (unserved.table, *unserved.partition_of)
        return (statement.fingerprint, shortened(statement), *tables)

    def forbidden(self, recording: Recording) -> list[_Judged]:
        """The filters without an index that are not allowed. A smell is only a warning."""
        return [each for each in _unserved(recording) if self.allowance_of(each) is None]

    def found(self, judged: _Judged) -> Found:
        """Name the table, which may have partitions, and the columns that it is filtered by."""
        unserved = cast(UnservedFilter, judged.unserved)
        table = unserved.partition_of[-1] if unserved.partition_of else unserved.table
        columns = sorted(name.strip('"') for name in columns_in(unserved.condition, unserved.alias))
        return Found(
            subject=subject_of_filter(table, columns),
            count=judged.count,
            what=f"{unserved.table}: {unserved.shown}",
            call_path=judged.call_path,
            requests=judged.requests,
        )

    def violation_by(self, recording: Recording, forbidden: Sequence[_Judged]) -> Violation:  # noqa: ARG002
        """Count the filters, each once per statement."""
        together: dict[tuple[str, UnservedFilter], list[_Judged]] = {}
        for each in forbidden:
            unserved = cast(UnservedFilter, each.unserved)
            together.setdefault((each.statement.fingerprint, unserved), []).append(each)
        evidence = [_evidence_of_filter(unserved, found) for (_, unserved), found in together.items()]
        fixes = written_indexes(unserved.index for _, unserved in together if unserved.index)
        reasons = dict.fromkeys(unserved.why_no_index for _, unserved in together if unserved.why_no_index)
        return Violation(
            budget=self.name,
            measured=len(evidence),
            limit=0,
            headline=f"unindexed filters {compare(len(evidence), 0)}",
            evidence=tuple(sorted(evidence, key=lambda each: -each.count)),
            advice=(
                *(Hint("fix", fix) for fix in fixes[:_MOST_FIXES]),
                *(Hint("why", reason) for reason in [*reasons][:_MOST_FIXES]),
            ),
        )

    def warnings(self, recording: Recording) -> Sequence[WarningLine]:
        """The smells of the statements."""
        return [
            WarningLine(f"{found.smell}: {shortened(found.statement)}", found.call_path)
            for found in _smells(recording)
            if self.allowance_of(found) is None
        ]


def _evidence_of_filter(unserved: UnservedFilter, together: Sequence[_Judged]) -> Evidence:
    first = together[0]
    statement = shortened(first.statement)
    if len(statement) > _LONGEST_STATEMENT:
        statement = f"{statement[: _LONGEST_STATEMENT - 4]} ..."
    count = sum(found.count for found in together)
    return Evidence(count, f"{unserved.table}: {unserved.shown}", first.call_path, statement)


def _unserved(recording: Recording) -> Iterator[_Judged]:
    plans = {(plan.using, plan.statement.fingerprint): plan for plan in recording.plans if plan.unserved}
    ran = recording.queries if plans else ()
    for queries in _by_line(query for query in ran if (query.using, query.statement.fingerprint) in plans):
        first = queries[0]
        for unserved in plans[str(first.using), first.statement.fingerprint].unserved:
            requests = requests_of(query.request for query in queries)
            yield _Judged(len(queries), first.statement, first.call_path, unserved, requests=requests)


def _smells(recording: Recording) -> Iterator[_Judged]:
    parameters = {(sample.using, sample.sql): sample.parameters for sample in recording.of_type(Sample)}
    smells: dict[tuple[str | None, str], list[str]] = {}
    for query in recording.queries:
        text = (query.using, query.sql)
        if text not in smells:
            known = parameters.get((str(query.using), query.sql))
            smells[text] = smells_of(query.sql, known, query.vendor)
    for queries in _by_line(query for query in recording.queries if smells[query.using, query.sql]):
        first = queries[0]
        for smell in smells[first.using, first.sql]:
            if smell == DELETES_ALL_ROWS and _is_cleaning_up(first.call_path):
                continue
            yield _Judged(len(queries), first.statement, first.call_path, smell=smell)


def _is_cleaning_up(call_path: CallPath) -> bool:
    """Tell whether the line is in a test or its fixtures: deleting all rows there is clean-up, no mistake."""
    return is_of_tests(call_path[:1])


def _by_line(queries: Iterable[Query]) -> list[list[Query]]:
    """Group equal statements that one line of your code ran, in the order of their first queries."""
    groups: dict[object, list[Query]] = {}
    for query in queries:
        key = (query.using, query.statement.fingerprint, identity(query.call_path[:1]))
        groups.setdefault(key, []).append(query)
    return [*groups.values()]

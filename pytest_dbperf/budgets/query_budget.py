"""How many queries may run?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_limit, require_number
from pytest_dbperf.budgets.limited import LimitedOnAlias
from pytest_dbperf.budgets.query_groups import evidence_of_groups
from pytest_dbperf.diagnosis.around_loads import AroundLoads
from pytest_dbperf.diagnosis.eager_loading import eager_loading_among, fixes_of
from pytest_dbperf.diagnosis.loops import has_fix
from pytest_dbperf.diagnosis.repeats import Repeat, n_plus_ones
from pytest_dbperf.diagnosis.repeats_shown import values_of
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import QueryGroup, groups_of_queries, identity, only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import Statement
from pytest_dbperf.violations.violation import Hint, Violation, compare

_STATEMENT_KINDS = ("select", "insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class QueryBudget(LimitedOnAlias):
    """Fail when more than `limit` queries run, in any thread and on any database.

    Transaction control and session settings (BEGIN, SAVEPOINT, SET) do not count. `executemany` counts as
    one query.

    Args:
        limit: The most queries allowed. None lifts an outer budget.
        at_least: The fewest queries required, so that a test that stops querying fails.
        select: The most SELECT statements allowed; likewise `insert`, `update` and `delete`. A WITH or MERGE
            that writes in several ways counts for each of them, and not as a SELECT.
        tables: The most queries allowed for each table: `{"users_user": 2}`. A name that is close to that of
            a model's table is an error if no query names it. Tables without a model are not checked.
        using: Count only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "query_budget"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)

    limit: int | None
    _: KW_ONLY
    at_least: int = 0
    select: int | None = None
    insert: int | None = None
    update: int | None = None
    delete: int | None = None
    tables: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        LimitedOnAlias.__post_init__(self)
        require_number("query_budget at_least", self.at_least)
        for kind in _STATEMENT_KINDS:
            require_limit(f"query_budget {kind}", getattr(self, kind))
        if not isinstance(self.tables, Mapping | None):
            raise ValueError("query_budget tables must be a mapping of table names to limits")  # noqa: TRY004
        for table, limit in (self.tables or {}).items():
            require_number(f"query_budget tables[{table!r}]", limit)
        if self.limit is not None and self.at_least > self.limit:
            raise ValueError(f"query_budget at_least must be <= limit, got {self.at_least} > {self.limit}")

    @property
    def is_lifted(self) -> bool:
        """Whether no argument sets a limit."""
        return self == QueryBudget(None, using=self.using, reason=self.reason)

    def measured(self, recording: Recording) -> int:
        """The number of queries that count."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the queries with each limit; all broken limits together are one violation."""
        queries = self._counted(recording)
        broken = list(self._broken(queries))
        if not broken:
            return None
        what, measured, limit, counted = broken[0]
        groups = groups_of_queries(counted)
        repeats = n_plus_ones(counted) if measured > limit else []
        around = AroundLoads(recording.queries)
        # A group with a fix comes before larger ones without: its line is the one to change.
        with_fix = {cause for repeat in repeats if has_fix(repeat, around) for cause in _causes(repeat)}
        groups.sort(key=lambda group: _cause(group) not in with_fix)
        loops: dict[Hashable, list[Repeat]] = {}
        for repeat in repeats:
            for cause in _causes(repeat):
                loops.setdefault(cause, []).append(repeat)
        is_only = len(broken) == 1
        return Violation(
            budget=self.name,
            measured=measured,
            limit=limit,
            headline=", ".join(f"{what} {compare(count, most)}" for what, count, most, _ in broken),
            evidence=evidence_of_groups(groups, lambda group: _note_on(group, loops.get(_cause(group), ()))),
            during=only_request(group.request for group in groups),
            advice=(
                *fixes_of(
                    eager_loading_among(repeats, around),
                    measured,
                    lambda left, _: is_only and left <= limit,
                    what=what,
                ),
                *self._difference_from_django(recording),
            ),
        )

    def _difference_from_django(self, recording: Recording) -> Iterator[Hint]:
        """Tell what `assertNumQueries` counts differently: it counts calls of `execute()`, sent or not."""
        again = sum(query.is_sent_again for query in self._counted(recording))
        if again:
            of_them = f"{again} of them {'is' if again == 1 else 'are'} not in assertNumQueries"
            yield Hint("note", f"{of_them}: an execute_wrapper sent {'it' if again == 1 else 'them'} again")
        kept_back = sum(self.is_about(statement.using) for statement in recording.not_sent)
        if kept_back:
            were = "was" if kept_back == 1 else "were"
            yield Hint("note", f"assertNumQueries counts {kept_back} more, which {were} not sent")

    def _counted(self, recording: Recording) -> list[Query]:
        return [query for query in recording.queries if self.is_about(query.using)]

    def _broken(self, queries: Sequence[Query]) -> Iterator[tuple[str, int, int, Sequence[Query]]]:
        if self.limit is not None and len(queries) > self.limit:
            yield "queries", len(queries), self.limit, queries
        if len(queries) < self.at_least:
            yield "queries", len(queries), self.at_least, queries
        for kind in _STATEMENT_KINDS:
            limit = getattr(self, kind)
            if limit is None:
                continue
            counted = [query for query in queries if kind in query.statement.kinds]
            if len(counted) > limit:
                yield f"{kind} queries", len(counted), limit, counted
        for table, limit in (self.tables or {}).items():
            counted = [query for query in queries if table in query.statement.tables]
            if len(counted) > limit:
                yield f"queries on {table}", len(counted), limit, counted


def _cause(group: QueryGroup) -> Hashable:
    """Return what a group and the N+1 within it have in common."""
    [cause] = _causes_of([group.statement], group)
    return cause


def _causes(repeat: Repeat) -> Iterator[Hashable]:
    return _causes_of(repeat.statements, repeat)


def _causes_of(statements: Sequence[Statement], one: QueryGroup | Repeat) -> Iterator[Hashable]:
    request = one.request and one.request.number
    where = identity(one.call_path)
    return ((one.using, statement.fingerprint, where, request) for statement in statements)


def _note_on(group: QueryGroup, loops: Sequence[Repeat]) -> str:
    if loops:
        return f"N+1: {', '.join(map(values_of, loops))}"
    if group.count == 1 or group.distinct is None:
        return ""
    return "same parameters" if group.distinct == 1 else f"{group.distinct} different parameters"

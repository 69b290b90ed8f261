"""How many statements may run?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_limit, require_number
from pytest_dbperf.diagnosis.eager_loading import fixes_of
from pytest_dbperf.diagnosis.repeats import Repeat, n_plus_ones
from pytest_dbperf.diagnosis.repeats_shown import values_of
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import QueryGroup, groups_of_queries, identity, only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Violation, compare

_KINDS = ("select", "insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class QueryBudget:
    """Fail when more than `limit` statements run, in any thread and on any alias.

    Transaction and session control does not count, and `executemany` counts as one.

    Args:
        limit: The most statements that may run; None lifts an outer budget.
        at_least: The fewest that must run, so that a test that stopped querying does not pass unseen.
        select: The most SELECT statements; likewise `insert`, `update` and `delete`.
        tables: The most statements that may name a table: `{"users_user": 2}`. It need not be that of a
            model, so a name that never occurs breaks nothing.
        using: Count only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "query_budget"

    limit: int | None
    _: KW_ONLY
    at_least: int = 0
    select: int | None = None
    insert: int | None = None
    update: int | None = None
    delete: int | None = None
    tables: Mapping[str, int] | None = None
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_limit("query_budget limit", self.limit)
        require_number("query_budget at_least", self.at_least)
        for kind in _KINDS:
            require_limit(f"query_budget {kind}", getattr(self, kind))
        if not isinstance(self.tables, Mapping | None):
            raise ValueError("query_budget tables must map names of tables to limits")  # noqa: TRY004
        for table, limit in (self.tables or {}).items():
            require_number(f"query_budget tables[{table!r}]", limit)
        require_alias("query_budget using", self.using)
        if self.limit is not None and self.at_least > self.limit:
            raise ValueError(f"query_budget at_least must be <= limit, got {self.at_least} > {self.limit}")

    @property
    def is_lifted(self) -> bool:
        """Whether nothing is limited."""
        return self == QueryBudget(None, using=self.using, reason=self.reason)

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it counts, if it is only one."""
        return () if self.using is None else (self.using,)

    def measured(self, recording: Recording) -> int:
        """The number of statements that count."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the statements that ran with each limit; all that are broken make one violation."""
        queries = self._counted(recording)
        broken = list(self._broken(queries))
        if not broken:
            return None
        what, measured, limit, counted = broken[0]
        groups = groups_of_queries(counted)
        repeats = n_plus_ones(counted) if measured > limit else []
        loops: dict[Hashable, list[Repeat]] = {}
        for repeat in repeats:
            loops.setdefault(_kind(repeat), []).append(repeat)
        is_only = len(broken) == 1
        during = only_request(group.request for group in groups)
        has_aliases = len({group.using for group in groups}) > 1
        return Violation(
            budget=self.name,
            measured=measured,
            limit=limit,
            headline=", ".join(f"{what} {compare(count, most)}" for what, count, most, _ in broken),
            evidence=tuple(
                _evidence(group, loops.get(_kind(group)), with_alias=has_aliases, with_request=not during)
                for group in groups
            ),
            during=during,
            advice=fixes_of(repeats, measured, lambda left, _: is_only and left <= limit, what=what),
        )

    def _counted(self, recording: Recording) -> list[Query]:
        return [query for query in recording.queries if self.using in (None, query.using)]

    def _broken(self, queries: Sequence[Query]) -> Iterator[tuple[str, int, int, Sequence[Query]]]:
        if self.limit is not None and len(queries) > self.limit:
            yield "queries", len(queries), self.limit, queries
        if len(queries) < self.at_least:
            yield "queries", len(queries), self.at_least, queries
        for kind in _KINDS:
            limit = getattr(self, kind)
            if limit is None:
                continue
            counted = [query for query in queries if query.statement.kind == kind]
            if len(counted) > limit:
                yield f"{kind} queries", len(counted), limit, counted
        for table, limit in (self.tables or {}).items():
            counted = [query for query in queries if table in query.statement.tables]
            if len(counted) > limit:
                yield f"queries on {table}", len(counted), limit, counted


def _evidence(
    group: QueryGroup, loops: Sequence[Repeat] | None, *, with_alias: bool, with_request: bool
) -> Evidence:
    remarks = [f"N+1: {', '.join(map(values_of, loops))}" if loops else _remark_on_parameters(group)]
    if with_alias:
        remarks.append(f"on {group.using or 'a connection without an alias'}")
    if group.request and with_request:
        remarks.append(str(group.request))
    return Evidence(
        group.count, shortened(group.statement), group.call_path, ", ".join(filter(None, remarks))
    )


def _kind(one: QueryGroup | Repeat) -> Hashable:
    request = one.request and one.request.number
    return one.using, one.statement.fingerprint, identity(one.call_path), request


def _remark_on_parameters(group: QueryGroup) -> str:
    if group.count == 1 or group.distinct is None:
        return ""
    return "same parameters" if group.distinct == 1 else f"{group.distinct} different parameters"

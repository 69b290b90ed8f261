"""How many queries may run?"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_limit, require_number, require_truth
from pytest_dbperf.budgets.limited import LimitedOnAlias
from pytest_dbperf.budgets.per_request import LimitOfRoute, OverLimit, note_on_others, requests_in
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
class _BrokenLimit:
    """One limit of a budget, and the queries that break it: too many, or too few."""

    what: str
    limit: int
    queries: Sequence[Query]

    @property
    def measured(self) -> int:
        return len(self.queries)

    @property
    def excess(self) -> int:
        return self.measured - self.limit


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
        per_request: Apply each of these limits to each single request, not to the whole test. What runs
            outside of requests does not count. `at_least` is for the whole test only.
        using: Count only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "query_budget"
    counted: ClassVar[str] = "queries"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)

    limit: int | None
    _: KW_ONLY
    at_least: int = 0
    select: int | None = None
    insert: int | None = None
    update: int | None = None
    delete: int | None = None
    tables: Mapping[str, int] | None = None
    per_request: bool = False

    def __post_init__(self) -> None:
        LimitedOnAlias.__post_init__(self)
        require_number("query_budget at_least", self.at_least)
        for kind in _STATEMENT_KINDS:
            require_limit(f"query_budget {kind}", getattr(self, kind))
        if not isinstance(self.tables, Mapping | None):
            raise ValueError("query_budget tables must be a mapping of table names to limits")  # noqa: TRY004
        for table, limit in (self.tables or {}).items():
            require_number(f"query_budget tables[{table!r}]", limit)
        require_truth("query_budget per_request", self.per_request)
        if self.per_request and self.at_least:
            raise ValueError(
                "query_budget at_least cannot be used with per_request=True: a test without a request would "
                f"pass. Write query_budget(None, at_least={self.at_least}) as well, for the whole test"
            )
        if self.limit is not None and self.at_least > self.limit:
            raise ValueError(f"query_budget at_least must be <= limit, got {self.at_least} > {self.limit}")

    @property
    def is_lifted(self) -> bool:
        """Whether no argument sets a limit."""
        without_limits = QueryBudget(None, per_request=self.per_request, using=self.using, reason=self.reason)
        return self == without_limits

    def measured(self, recording: Recording) -> int:
        """The number of queries that count, or of those in the request with the most."""
        if self.per_request:
            return max((queries for _, queries in self.counts(recording)), default=0)
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the queries with each limit; all broken limits together are one violation."""
        if self.per_request:
            return self.check_requests(recording, lambda _: self.limit)
        queries = self._counted(recording)
        broken = list(self._broken(queries, self.limit))
        if not broken:
            return None
        during = only_request(query.request for query in broken[0].queries)
        violation = self._violation(recording, broken, during)
        difference = self._difference_from_django(queries, recording)
        return replace(violation, advice=(*violation.advice, *difference))

    def counts(self, recording: Recording) -> Sequence[tuple[str, int]]:
        """The route and the number of queries of each request with a query."""
        requests = requests_in(recording, self._counted(recording))
        return [(one.route, len(one.events)) for one in requests]

    def check_requests(self, recording: Recording, limit_of: LimitOfRoute) -> Violation | None:
        """Compare the queries of each request with the limit of its route, and with each other limit."""
        checked = [
            (one, list(self._broken(one.events, limit_of(one.route))))
            for one in requests_in(recording, self._counted(recording))
        ]
        over = [(one, broken) for one, broken in checked if broken]
        if not over:
            return None
        worst, broken = max(over, key=lambda each: max(limit.excess for limit in each[1]))
        others = note_on_others([OverLimit(one.route, broken[0].measured) for one, broken in over])
        violation = self._violation(recording, broken, str(worst), is_alone=len(over) == 1)
        return replace(violation, advice=(*violation.advice, *others), route=worst.route)

    def _violation(
        self, recording: Recording, broken: Sequence[_BrokenLimit], during: str, *, is_alone: bool = True
    ) -> Violation:
        """Show the queries of the first broken limit, and what would help.

        With `is_alone`, no other request is over its limit: only then can a fix keep the budget.
        """
        first = broken[0]
        groups = groups_of_queries(first.queries)
        repeats = n_plus_ones(first.queries) if first.excess > 0 else []
        around = AroundLoads(recording.queries)
        # A group with a fix comes before larger ones without: its line is the one to change.
        with_fix = {cause for repeat in repeats if has_fix(repeat, around) for cause in _causes(repeat)}
        groups.sort(key=lambda group: _cause(group) not in with_fix)
        loops: dict[Hashable, list[Repeat]] = {}
        for repeat in repeats:
            for cause in _causes(repeat):
                loops.setdefault(cause, []).append(repeat)
        is_only = is_alone and len(broken) == 1
        return Violation(
            budget=self.name,
            measured=first.measured,
            limit=first.limit,
            headline=", ".join(f"{each.what} {compare(each.measured, each.limit)}" for each in broken),
            evidence=evidence_of_groups(groups, lambda group: _note_on(group, loops.get(_cause(group), ()))),
            during=during,
            advice=fixes_of(
                eager_loading_among(repeats, around),
                first.measured,
                lambda left, _: is_only and left <= first.limit,
                what=first.what,
            ),
        )

    def _difference_from_django(self, queries: Sequence[Query], recording: Recording) -> Iterator[Hint]:
        """Tell what `assertNumQueries` counts differently: it counts calls of `execute()`, sent or not."""
        again = sum(query.is_sent_again for query in queries)
        if again:
            of_them = f"{again} of them {'is' if again == 1 else 'are'} not in assertNumQueries"
            yield Hint("note", f"{of_them}: an execute_wrapper sent {'it' if again == 1 else 'them'} again")
        kept_back = sum(self.is_about(statement.using) for statement in recording.not_sent)
        if kept_back:
            were = "was" if kept_back == 1 else "were"
            yield Hint("note", f"assertNumQueries counts {kept_back} more, which {were} not sent")

    def _counted(self, recording: Recording) -> list[Query]:
        return [query for query in recording.queries if self.is_about(query.using)]

    def _broken(self, queries: Sequence[Query], limit: int | None) -> Iterator[_BrokenLimit]:
        if limit is not None and len(queries) > limit:
            yield _BrokenLimit("queries", limit, queries)
        if len(queries) < self.at_least:
            yield _BrokenLimit("queries", self.at_least, queries)
        for kind in _STATEMENT_KINDS:
            most = getattr(self, kind)
            if most is None:
                continue
            counted = [query for query in queries if kind in query.statement.kinds]
            if len(counted) > most:
                yield _BrokenLimit(f"{kind} queries", most, counted)
        for table, most in (self.tables or {}).items():
            counted = [query for query in queries if table in query.statement.tables]
            if len(counted) > most:
                yield _BrokenLimit(f"queries on {table}", most, counted)


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

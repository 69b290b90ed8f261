"""How long may statements take?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_milliseconds
from pytest_dbperf.recording.groups import QueryGroup, groups_of_queries, only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import (
    Evidence,
    Hint,
    Violation,
    compare_milliseconds,
    in_milliseconds,
)


@dataclass(frozen=True, slots=True)
class MaxDbTime:
    """Fail when the statements took longer than this in the driver, all together.

    Transaction control is included, and threads add up. Times vary with the machine and its load, so this is
    for limits that are far away; `query_budget` limits what causes the time, and does not vary.

    Args:
        milliseconds: The most time that they may take; None lifts an outer budget.
        using: Measure only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "max_db_time"

    milliseconds: float | None
    _: KW_ONLY
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_milliseconds("max_db_time milliseconds", self.milliseconds)
        require_alias("max_db_time using", self.using)

    @property
    def is_lifted(self) -> bool:
        """Whether any time may be taken."""
        return self.milliseconds is None

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it measures, if it is only one."""
        return () if self.using is None else (self.using,)

    def check(self, recording: Recording) -> Violation | None:
        """Compare the time of all statements with the limit."""
        statements = [query for query in recording.statements if self.using in (None, query.using)]
        seconds = sum(query.seconds for query in statements)
        if self.milliseconds is None or round(seconds * 1000, 6) <= self.milliseconds:
            return None
        measured = in_milliseconds(seconds)
        groups = sorted(groups_of_queries(statements), key=lambda group: -group.seconds)
        counted = sum(not query.is_bookkeeping for query in statements)
        during = only_request(group.request for group in groups)
        has_aliases = len({group.using for group in groups}) > 1
        return Violation(
            budget=self.name,
            measured=measured,
            limit=self.milliseconds,
            headline=f"db time {compare_milliseconds(measured, self.milliseconds)}",
            evidence=tuple(
                _evidence(group, with_alias=has_aliases, with_request=not during) for group in groups
            ),
            during=during,
            advice=(
                Hint("note", f"times vary with the machine and its load; query_budget({counted}) does not"),
            ),
        )


def _evidence(group: QueryGroup, *, with_alias: bool, with_request: bool) -> Evidence:
    remarks = [f"{group.seconds * 1000:.1f} ms"]
    if with_alias:
        remarks.append(f"on {group.using or 'a connection without an alias'}")
    if group.request and with_request:
        remarks.append(str(group.request))
    return Evidence(group.count, shortened(group.statement), group.call_path, ", ".join(remarks))

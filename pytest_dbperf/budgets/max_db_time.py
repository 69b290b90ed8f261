"""How long may all queries take?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.limited import LimitedTime
from pytest_dbperf.budgets.query_groups import evidence_of_groups
from pytest_dbperf.recording.groups import groups_of_queries, only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Hint, Violation, compare_milliseconds, in_milliseconds


@dataclass(frozen=True, slots=True)
class MaxDbTime(LimitedTime):
    """Fail when all queries together take more than `milliseconds` in the database driver.

    Transaction control is included, and the times of all threads are added. Times vary with the machine and
    its load, so set a generous limit. `query_budget` limits the cause of the time, and does not vary.

    Args:
        milliseconds: The longest time allowed. None lifts an outer budget.
        using: Measure only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "max_db_time"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)

    def check(self, recording: Recording) -> Violation | None:
        """Compare the time of all statements with the limit."""
        statements = [query for query in recording.statements if self.is_about(query.using)]
        seconds = sum(query.seconds for query in statements)
        if self.milliseconds is None or round(seconds * 1000, 6) <= self.milliseconds:
            return None
        measured = in_milliseconds(seconds)
        groups = sorted(groups_of_queries(statements), key=lambda group: -group.seconds)
        counted = sum(not query.is_bookkeeping for query in statements)
        return Violation(
            budget=self.name,
            measured=measured,
            limit=self.milliseconds,
            headline=f"db time {compare_milliseconds(measured, self.milliseconds)}",
            evidence=evidence_of_groups(groups, lambda group: f"{group.seconds * 1000:.1f} ms"),
            during=only_request(group.request for group in groups),
            advice=(
                Hint("note", f"times vary with the machine and its load; query_budget({counted}) does not"),
            ),
        )

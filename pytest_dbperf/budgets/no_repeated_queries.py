"""May the same query run again and again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.findings import Found
from pytest_dbperf.budgets.repeats import LimitsRepeats, found_by_relation, names_of
from pytest_dbperf.diagnosis.repeats import Repeat, repeated
from pytest_dbperf.diagnosis.repeats_shown import values_of
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Hint, Violation

_INSTEAD = Hint("fix", "run the query once and keep the result: a variable, cached_property or lru_cache")


@dataclass(frozen=True, slots=True)
class NoRepeatedQueries(LimitsRepeats):
    """Fail when the same query runs again and again with the same few values: its result could be cached.

    Within a request, queries count wherever they come from. Outside of requests, only queries from the same
    lines are counted together.

    Args:
        threshold: The number of queries at which the test fails.
        allow: Queries that may repeat: relations (`["Campaign.owner"]`), statements, or call sites
            (`["campaigns/api.py"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_repeated_queries"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)
    example: ClassVar[str] = "Campaign.owner"

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The queries that repeat the same few values."""
        return repeated(recording.queries, self.threshold)

    def names_to_allow(self, judged: Repeat) -> Sequence[str]:
        """The relation, and the statement."""
        return names_of(judged)

    def found(self, judged: Repeat) -> Found:
        """Name the relation, or the table and its columns."""
        return found_by_relation(judged)

    def violation_by(self, recording: Recording, forbidden: Sequence[Repeat]) -> Violation:  # noqa: ARG002
        """Count the repeated queries."""
        return self.counted("repeated queries", forbidden, note=values_of, advice=lambda _: (_INSTEAD,))

"""May the same be asked again and again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowance import WithAllowances
from pytest_dbperf.budgets.repeats import names_of, require_threshold, values_of
from pytest_dbperf.diagnosis.repeats import LEAST, Repeat, repeated
from pytest_dbperf.fingerprint import shortened
from pytest_dbperf.groups import only_request
from pytest_dbperf.recording import Recording
from pytest_dbperf.violations import Evidence, Violation, compare


@dataclass(frozen=True, slots=True)
class NoRepeatedQueries(WithAllowances):
    """Fail when the same query runs again and again with the same few values: the answer could be remembered.

    In a request it counts wherever it is made, else only where it comes from the same lines.

    Args:
        threshold: The number of queries from which on it fails.
        allow: What may be: relations (`["Campaign.owner"]`), statements, or call sites
            (`["campaigns/api.py"]`).
        reason: Why that may be.
    """

    name: ClassVar[str] = "no_repeated_queries"
    example: ClassVar[str] = "Campaign.owner"

    threshold: int = LEAST
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        require_threshold("no_repeated_queries threshold", self.threshold)

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The queries with the same few values."""
        return repeated(recording.queries, self.threshold)

    def names_of(self, judged: Repeat) -> Sequence[str]:
        """The relation, and the statement."""
        return names_of(judged)

    def check(self, recording: Recording) -> Violation | None:
        """Count the queries whose answer was known."""
        forbidden: list[Repeat] = sorted(self.forbidden(recording), key=lambda one: -one.count)
        if not forbidden:
            return None
        measured = sum(repeat.count for repeat in forbidden)
        return Violation(
            budget=self.name,
            measured=measured,
            limit=0,
            headline=f"repeated queries {compare(measured, 0)}",
            evidence=tuple(
                Evidence(repeat.count, shortened(repeat.statement), repeat.call_path, values_of(repeat))
                for repeat in forbidden
            ),
            during=only_request(repeat.request for repeat in forbidden),
            advice=("fix  ask once and keep the answer: in a variable, or by cached_property or lru_cache",),
        )

"""May a query run once for each row?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.findings import Found
from pytest_dbperf.budgets.repeats import found_by_relation, names_of, require_threshold
from pytest_dbperf.diagnosis.eager_loading import eager_loading_for, fixes_of
from pytest_dbperf.diagnosis.loops import in_turns, with_a_fix_first
from pytest_dbperf.diagnosis.preparations import hints_on, prepares
from pytest_dbperf.diagnosis.repeats import Repeat, n_plus_ones, repeated
from pytest_dbperf.diagnosis.repeats_shown import evidence_of_findings, hints_without_a_line, warning_about
from pytest_dbperf.recording.groups import only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, WarningLine, compare


@dataclass(frozen=True, slots=True)
class NoNPlusOne(WithAllowances):
    """Fail when a query runs once for each row: the same SQL, from the same lines, for other rows each time.

    Each request and each database is counted separately. A query for many rows at once (`IN (1, 2)`) does
    not count. A query that repeats the same few values is only a warning here; `no_repeated_queries` makes
    it a failure.

    Args:
        threshold: The number of queries at which the test fails. The default is 2 if Django loads a relation
            or a deferred field for rows of one queryset, which is a certain N+1. It is 3 for any other query.
        allow: Queries that may run for each row: relations (`["Campaign.owner", "owner"]`), statements, or
            call sites (`["campaigns/api.py", "campaigns/api.py:31", "serialize"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_n_plus_one"
    needs_probes: ClassVar[tuple[str, ...]] = (
        *("queries", "querysets", "fetched_rows"),
        *("django_frames", "requests"),
    )
    example: ClassVar[str] = "Campaign.owner"
    warns_instead_of: ClassVar[str] = "no_repeated_queries"

    threshold: int | None = None
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        if self.threshold is not None:
            require_threshold("no_n_plus_one threshold", self.threshold)

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The queries that ran once for each row."""
        return n_plus_ones(recording.queries, self.threshold)

    def names_to_allow(self, judged: Repeat) -> Sequence[str]:
        """The relation, and the statement."""
        return names_of(judged)

    def found(self, judged: Repeat) -> Found:
        """Name the relation, or the table and its columns."""
        return found_by_relation(judged)

    def violation_by(self, recording: Recording, forbidden: Sequence[Repeat]) -> Violation:
        """Count the queries that ran for each row. The evidence groups them by loop, fixes first."""
        queries, is_preparation = recording.queries, prepares(recording.queries)
        findings = with_a_fix_first(in_turns(forbidden), queries, is_preparation)
        measured = sum(finding.count for finding in findings)
        loops = f"in {len(findings)} {'loop' if len(findings) == 1 else 'loops'}"
        return Violation(
            budget=self.name,
            measured=measured,
            limit=0,
            headline=f"N+1 queries {compare(measured, 0)} {loops}",
            evidence=evidence_of_findings(findings),
            during=only_request(repeat.request for repeat in forbidden),
            advice=(
                *hints_on(forbidden, is_preparation, hints_without_a_line),
                *fixes_of(
                    eager_loading_for(forbidden, queries), len(queries), lambda _, uncured: not uncured
                ),
            ),
        )

    def warnings(self, recording: Recording) -> Sequence[WarningLine]:
        """The queries that repeat the same few values."""
        return [
            warning_about(repeat)
            for repeat in repeated(recording.queries)
            if self.allowance_of(repeat) is None
        ]

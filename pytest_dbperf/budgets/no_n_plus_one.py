"""May rows be asked for one by one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.repeats import names_of, require_threshold
from pytest_dbperf.diagnosis.eager_loading import fixes_of
from pytest_dbperf.diagnosis.repeats import Repeat, in_turns, n_plus_ones, repeated
from pytest_dbperf.diagnosis.repeats_shown import evidence_of_findings, hints_without_a_line, warning_about
from pytest_dbperf.recording.groups import only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, WarningLine, compare


@dataclass(frozen=True, slots=True)
class NoNPlusOne(WithAllowances):
    """Fail when a query is made for each row: the same one, from the same lines, for other rows each time.

    It counts within a request, on each database by itself. A query for many rows by their values
    (`IN (1, 2)`) is none of these, and one that repeats the same few values is a warning:
    `no_repeated_queries` makes it fail.

    Args:
        threshold: The number of queries from which on it fails. By default 2 where a relation or a deferred
            field was loaded for rows that came together, which is certain, and else 3.
        allow: What may be: relations (`["Campaign.owner", "owner"]`), statements, or call sites
            (`["campaigns/api.py", "campaigns/api.py:31", "serialize"]`).
        reason: Why that may be.
    """

    name: ClassVar[str] = "no_n_plus_one"
    example: ClassVar[str] = "Campaign.owner"

    threshold: int | None = None
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        if self.threshold is not None:
            require_threshold("no_n_plus_one threshold", self.threshold)

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The queries that were made for each row."""
        return n_plus_ones(recording.queries, self.threshold)

    def names_of(self, judged: Repeat) -> Sequence[str]:
        """The relation, and the statement."""
        return names_of(judged)

    def check(self, recording: Recording) -> Violation | None:
        """Count the queries that were made for each row; those of one loop are told together."""
        forbidden = self.forbidden(recording)
        if not forbidden:
            return None
        findings = in_turns(forbidden)
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
                *hints_without_a_line(forbidden),
                *fixes_of(forbidden, len(recording.queries), lambda _, uncured: not uncured),
            ),
        )

    def remarks(self, recording: Recording) -> Sequence[WarningLine]:
        """The queries that repeat the same few values."""
        return [
            warning_about(repeat)
            for repeat in repeated(recording.queries)
            if self.allowance_of(repeat) is None
        ]

"""What do the budgets of repeated queries share? A threshold, names for `allow`, and their violation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.findings import Found, requests_of, subject_of_query
from pytest_dbperf.diagnosis.repeats import LEAST, Repeat
from pytest_dbperf.diagnosis.repeats_shown import relation_of
from pytest_dbperf.recording.groups import only_request
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import Evidence, Hint, Violation, compare


@dataclass(frozen=True, slots=True)
class LimitsRepeats(WithAllowances):
    """What `no_repeated_queries` and `no_write_loops` share: a threshold, and how a violation is shown."""

    threshold: int = LEAST
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        require_threshold(f"{self.name} threshold", self.threshold)

    def counted(
        self,
        what: str,
        forbidden: Sequence[Repeat],
        *,
        note: Callable[[Repeat], str],
        advice: Callable[[Sequence[Repeat]], Iterable[Hint]],
        is_last: Callable[[Repeat], bool] = lambda _: False,
    ) -> Violation:
        """Count the forbidden queries, the most frequent first, and those that `is_last` names at the end."""
        forbidden = sorted(forbidden, key=lambda one: (is_last(one), -one.count))
        measured = sum(repeat.count for repeat in forbidden)
        return Violation(
            budget=self.name,
            measured=measured,
            limit=0,
            headline=f"{what} {compare(measured, 0)}",
            evidence=tuple(
                Evidence(repeat.count, shortened(repeat.statement), repeat.call_path, note(repeat))
                for repeat in forbidden
            ),
            during=only_request(repeat.request for repeat in forbidden),
            advice=tuple(advice(forbidden)),
        )


def require_threshold(what: str, threshold: object) -> None:
    """Refuse a threshold that is not a whole number from 2: one query is not repeated."""
    if type(threshold) is not int:
        raise ValueError(f"{what} must be a whole number, got {type(threshold).__name__}")
    if threshold < 2:  # noqa: PLR2004
        raise ValueError(f"{what} must be >= 2, got {threshold}")


def names_of(repeat: Repeat) -> Sequence[str]:
    """Names that `allow` can match: the relation if it is known, and the statements."""
    fingerprints = [statement.fingerprint for statement in repeat.statements]
    relation = relation_of(repeat)
    return [relation, *fingerprints] if relation else fingerprints


def found_by_relation(repeat: Repeat) -> Found:
    """Name the relation that is loaded, or else the table and the columns that it is filtered by."""
    return found_of(repeat, relation_of(repeat) or subject_of_query(repeat.statement))


def found_of(repeat: Repeat, subject: str) -> Found:
    """Make a finding of queries that were repeated."""
    return Found(
        subject=subject,
        count=repeat.count,
        what=shortened(repeat.statement),
        call_path=repeat.call_path,
        requests=requests_of([repeat.request]),
    )

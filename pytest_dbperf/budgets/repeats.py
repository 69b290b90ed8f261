"""How are repeated queries shown, and by which names are they allowed?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.diagnosis.differences import Of
from pytest_dbperf.diagnosis.repeats import LEAST, Finding, Repeat
from pytest_dbperf.recording.groups import only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.sql.fingerprint import Statement, shortened
from pytest_dbperf.violations.violation import Evidence, Violation, WarningLine, compare

_AGGREGATE = re.compile(r"SELECT (?:COUNT|SUM|MIN|MAX|AVG)\(")


@dataclass(frozen=True, slots=True)
class LimitsRepeats(WithAllowances):
    """What the budgets of repeats share that are no N+1: a threshold, and how they are shown."""

    threshold: int = LEAST
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        require_threshold(f"{self.name} threshold", self.threshold)

    def violation_of(
        self,
        recording: Recording,
        what: str,
        *,
        remark: Callable[[Repeat], str],
        advice: Callable[[Sequence[Repeat]], Iterable[str]],
    ) -> Violation | None:
        """Count the queries that are forbidden, the most frequent first."""
        forbidden: list[Repeat] = sorted(self.forbidden(recording), key=lambda one: -one.count)
        if not forbidden:
            return None
        measured = sum(repeat.count for repeat in forbidden)
        return Violation(
            budget=self.name,
            measured=measured,
            limit=0,
            headline=f"{what} {compare(measured, 0)}",
            evidence=tuple(
                Evidence(repeat.count, shortened(repeat.statement), repeat.call_path, remark(repeat))
                for repeat in forbidden
            ),
            during=only_request(repeat.request for repeat in forbidden),
            advice=tuple(advice(forbidden)),
        )


def require_threshold(what: str, threshold: object) -> None:
    """Refuse a threshold that is not a whole number from 2: once is no repetition."""
    if type(threshold) is not int:
        raise ValueError(f"{what} must be a whole number, got {type(threshold).__name__}")
    if threshold < 2:  # noqa: PLR2004
        raise ValueError(f"{what} must be >= 2, got {threshold}")


def names_of(repeat: Repeat) -> Sequence[str]:
    """Name what is loaded, as far as that is known, and the statement."""
    relation = relation_of(repeat)
    return (relation, repeat.statement.fingerprint) if relation else (repeat.statement.fingerprint,)


def relation_of(repeat: Repeat) -> str:
    """Write what is loaded as `Campaign.owner`, or nothing where that is not known."""
    load = repeat.load
    return f"{load.model.__name__}.{load.name}" if load is not None and load.model is not None else ""


def evidence_of(findings: Iterable[Finding]) -> tuple[Evidence, ...]:
    """Show the repeats of each finding one below the other."""
    return tuple(
        Evidence(repeat.count, shortened(repeat.statement), repeat.call_path, _remark(repeat, place))
        for finding in findings
        for place, repeat in enumerate(finding.repeats)
    )


def _remark(repeat: Repeat, place: int) -> str:
    remark = f"N+1: {values_of(repeat)}"
    return f"{remark}, in turns with the one above" if place else remark


def values_of(repeat: Repeat) -> str:
    """Tell for how many different rows, instances or parameters it ran."""
    relation = relation_of(repeat)
    if relation and repeat.of is not Of.PARAMETERS:
        return f"{relation} of {repeat.distinct} {repeat.of}{'' if repeat.distinct == 1 else 's'}"
    return "the same parameters" if repeat.distinct == 1 else f"{repeat.distinct} different parameters"


def remark_on(repeat: Repeat) -> WarningLine:
    """Tell of a query that repeats the same few values."""
    what = f"{repeat.count}x  {shortened(repeat.statement)}"
    return WarningLine(f"{what}   repeated: {values_of(repeat)}; remember the answer", repeat.call_path)


def why(repeats: Sequence[Repeat]) -> Iterator[str]:
    """Tell what helps where no line can be named: that is proven by how it was asked."""
    filtered = [
        repeat
        for repeat in repeats
        if repeat.load is not None and not repeat.load.is_plain_relation and repeat.of is Of.ROWS
    ]
    if filtered:
        names = ", ".join(sorted({f'"{repeat.load.name}"' for repeat in filtered if repeat.load}))
        yield f"why  a part of a relation is prefetched by Prefetch({names}, queryset=..., to_attr=...)"
    answers = (_once_for_all(repeat.statement) for repeat in repeats if _is_for_values(repeat))
    yield from (f"why  {answer}" for answer in dict.fromkeys(answers) if answer)


def _is_for_values(repeat: Repeat) -> bool:
    return repeat.load is None or (repeat.of is Of.PARAMETERS and not repeat.load.is_plain_relation)


def _once_for_all(statement: Statement) -> str:
    """Tell how to ask for many values at once; nothing where they are no values that rows have."""
    if _AGGREGATE.match(statement.fingerprint):
        return "one aggregate for each value: annotate() the rows with it, or values(...).annotate(...)"
    if statement.fingerprint.startswith("SELECT %s AS a FROM "):
        return "one question for each value: annotate the rows with Exists(...)"
    if statement.is_of_values:
        return "one query for each value: ask once for all of them, by __in or in_bulk()"
    return ""

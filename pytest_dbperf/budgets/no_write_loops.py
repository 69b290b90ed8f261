"""May rows be written one by one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowance import WithAllowances
from pytest_dbperf.budgets.repeats import require_threshold
from pytest_dbperf.diagnosis.repeats import LEAST, Repeat, write_loops
from pytest_dbperf.fingerprint import shortened
from pytest_dbperf.groups import only_request
from pytest_dbperf.recording import Recording
from pytest_dbperf.violations import Evidence, Violation, compare

# Neither calls save(): https://docs.djangoproject.com/en/6.1/ref/models/querysets/#bulk-create
_INSTEAD = {
    "insert": "bulk_create(objects), which calls no save() and no signals; add(*objects) for a relation",
    "update": "filter(...).update(...), or bulk_update(objects, fields); neither calls save() or signals",
    "delete": "filter(...).delete(), once for all of them",
}


@dataclass(frozen=True, slots=True)
class NoWriteLoops(WithAllowances):
    """Fail when rows are inserted, updated or deleted one statement at a time, from the same lines.

    A statement for many rows does not count, and `executemany` does not either.

    Args:
        threshold: The number of statements from which on it fails.
        allow: What may be: tables (`["users_user"]`), statements, or call sites (`["campaigns/api.py:31"]`).
        reason: Why that may be.
    """

    name: ClassVar[str] = "no_write_loops"
    example: ClassVar[str] = "users_user"

    threshold: int = LEAST
    _: KW_ONLY

    def __post_init__(self) -> None:
        WithAllowances.__post_init__(self)
        require_threshold("no_write_loops threshold", self.threshold)

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The rows that were written one by one."""
        return write_loops(recording.queries, self.threshold)

    def names_of(self, judged: Repeat) -> Sequence[str]:
        """The tables, and the statement."""
        return (*judged.statement.tables, judged.statement.fingerprint)

    def check(self, recording: Recording) -> Violation | None:
        """Count the statements that could be one."""
        forbidden: list[Repeat] = sorted(self.forbidden(recording), key=lambda one: -one.count)
        if not forbidden:
            return None
        measured = sum(repeat.count for repeat in forbidden)
        return Violation(
            budget=self.name,
            measured=measured,
            limit=0,
            headline=f"single-row writes {compare(measured, 0)}",
            evidence=tuple(
                Evidence(repeat.count, shortened(repeat.statement), repeat.call_path) for repeat in forbidden
            ),
            during=only_request(repeat.request for repeat in forbidden),
            advice=tuple(_advice(forbidden)),
        )


def _advice(repeats: Sequence[Repeat]) -> Iterator[str]:
    for kind in dict.fromkeys(repeat.statement.kind for repeat in repeats):
        yield f"fix  {_INSTEAD[kind]}"

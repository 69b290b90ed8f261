"""May rows be written one statement at a time?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.findings import Found, subject_of_statement
from pytest_dbperf.budgets.repeats import LimitsRepeats, found_of
from pytest_dbperf.diagnosis.preparations import calls_factory, hints_on
from pytest_dbperf.diagnosis.repeats import Repeat, write_loops
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.recording.loads import LoadedVia
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Hint, Violation

# Neither calls save(): https://docs.djangoproject.com/en/6.1/ref/models/querysets/#bulk-create
_INSTEAD = {
    "insert": "bulk_create(objects) (skips save() and signals); for a many-to-many relation, add(*objects)",
    "update": "filter(...).update(...) or bulk_update(objects, fields) (both skip save() and signals)",
    "delete": "filter(...).delete(), once for all rows",
    "merge": "one MERGE for all rows, or bulk_create(objects, update_conflicts=True, ...)",
}


@dataclass(frozen=True, slots=True)
class NoWriteLoops(LimitsRepeats):
    """Fail when the same lines insert, update or delete rows one statement at a time.

    A statement that writes many rows does not count, nor does `executemany`.

    Args:
        threshold: The number of statements at which the test fails.
        allow: Writes that may stay: tables (`["users_user"]`), statements, or call sites
            (`["campaigns/api.py:31"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_write_loops"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)
    example: ClassVar[str] = "users_user"

    def judged(self, recording: Recording) -> Sequence[Repeat]:
        """The writes of single rows that repeat."""
        return write_loops(recording.queries, self.threshold)

    def names_to_allow(self, judged: Repeat) -> Sequence[str]:
        """The tables, and the statement."""
        return (*judged.statement.tables, judged.statement.fingerprint)

    def found(self, judged: Repeat) -> Found:
        """Name what is done, and to which table."""
        return found_of(judged, subject_of_statement(judged.statement, tables=1))

    def violation_by(self, recording: Recording, forbidden: Sequence[Repeat]) -> Violation:  # noqa: ARG002
        """Count the statements that one statement could replace."""

        def is_preparation(repeat: Repeat) -> bool:
            return calls_factory(repeat.call_path)

        return self.counted(
            "single-row writes",
            forbidden,
            note=lambda _: "",
            advice=lambda repeats: hints_on(repeats, is_preparation, _how_to_write_at_once),
            is_last=is_preparation,
        )


def _how_to_write_at_once(repeats: Sequence[Repeat]) -> Iterator[Hint]:
    batches_of_one = [repeat for repeat in repeats if _is_in_batches_of_one(repeat)]
    for method in dict.fromkeys(repeat.load.name for repeat in batches_of_one if repeat.load):
        yield Hint("fix", f"{method}() has batch_size=1: leave it out, or make it larger")
    yield from _how_to_replace_loop([repeat for repeat in repeats if repeat not in batches_of_one])


def _is_in_batches_of_one(repeat: Repeat) -> bool:
    return repeat.load is not None and repeat.load.via is LoadedVia.BATCH_OF_ONE


def _how_to_replace_loop(repeats: Sequence[Repeat]) -> Iterator[Hint]:
    # bulk_create() refuses multi-table inheritance: one line that inserts into several tables.
    inserts = Counter(identity(repeat.call_path) for repeat in repeats if repeat.statement.kind == "insert")
    for kind in dict.fromkeys(
        "merge" if repeat.statement.fingerprint[:5].upper() == "MERGE" else repeat.statement.kind
        for repeat in repeats
        if repeat.statement.kind != "insert" or inserts[identity(repeat.call_path)] == 1
    ):
        yield Hint("fix", _INSTEAD[kind])

"""May a transaction stand open while nothing runs in it?"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_milliseconds
from pytest_dbperf.callsites.callsite import CallPath, without_recursion
from pytest_dbperf.recording.compaction import unfolded
from pytest_dbperf.recording.events import ConnectionClosed, Query
from pytest_dbperf.recording.groups import identity, only_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.recording.transactions import Gap, Transaction, transactions_of
from pytest_dbperf.sql.fingerprint import shortened
from pytest_dbperf.violations.violation import (
    Evidence,
    Hint,
    Violation,
    compare_milliseconds,
    in_milliseconds,
)

_LOCKING = re.compile(r"\bFOR (?:NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b", re.IGNORECASE)
_WRITES = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class NoIdleInTransaction:
    """Fail when a transaction stands open longer than this while none of its statements runs.

    The time between the statements of a transaction is added up, and the worst one is judged. Its first
    statement begins it. The transaction around a test is the test's own and does not count: a block of
    `atomic()` within is judged as the transaction that it is in production.

    Args:
        milliseconds: The most time that a transaction may be idle; None lifts an outer budget.
        using: Judge only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "no_idle_in_transaction"

    milliseconds: float | None
    _: KW_ONLY
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_milliseconds("no_idle_in_transaction milliseconds", self.milliseconds)
        require_alias("no_idle_in_transaction using", self.using)

    @property
    def is_lifted(self) -> bool:
        """Whether any time may pass."""
        return self.milliseconds is None

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it judges, if it is only one."""
        return () if self.using is None else (self.using,)

    def check(self, recording: Recording) -> Violation | None:
        """Compare the idle time of the worst transaction with the limit."""
        if self.milliseconds is None:
            return None
        transactions = [
            transaction
            for transaction in transactions_of(unfolded(recording.events), recording.periods)
            if self.using in (None, transaction.using)
        ]
        over = [each for each in transactions if round(each.idle_seconds * 1000, 6) > self.milliseconds]
        if not over:
            return None
        measured = in_milliseconds(max(each.idle_seconds for each in over))
        return Violation(
            budget=self.name,
            measured=measured,
            limit=self.milliseconds,
            headline=f"idle transaction {compare_milliseconds(measured, self.milliseconds)}",
            evidence=tuple(_evidence(over)),
            during=only_request(transaction.statements[0].request for transaction in over),
            advice=tuple(_how_to_shorten(over, len(transactions))),
        )


def _evidence(over: Sequence[Transaction]) -> Iterator[Evidence]:
    """Show gaps between the same two places once, the longest time first."""
    alike: dict[Hashable, list[Gap]] = {}
    for gap in (gap for transaction in over for gap in transaction.gaps):
        alike.setdefault((gap.before.using, _place(gap.before), _place(gap.after)), []).append(gap)
    has_aliases = len({transaction.using for transaction in over}) > 1
    for gaps in sorted(alike.values(), key=_seconds, reverse=True):
        before = gaps[0].before
        note = f"{_seconds(gaps) * 1000:.1f} ms{' in total' if len(gaps) > 1 else ''}"
        because, because_of = _until(gaps[0].after)
        yield Evidence(
            count=len(gaps),
            what=f"after {shortened(before.statement)}",
            call_path=without_recursion(before.call_path),
            note=f"{note}, on {before.using}" if has_aliases else note,
            because=because,
            because_of=because_of,
        )


def _place(event: Query | ConnectionClosed | None) -> Hashable:
    if isinstance(event, Query):
        return event.statement.fingerprint, identity(event.call_path)
    return event is None


def _seconds(gaps: Iterable[Gap]) -> float:
    return sum(gap.seconds for gap in gaps)


def _until(after: Query | ConnectionClosed | None) -> tuple[str, CallPath]:
    if after is None:
        return "and still open at the end", ()
    if isinstance(after, ConnectionClosed):
        return "until the connection was closed", ()
    path = without_recursion(after.call_path)
    command = after.statement.fingerprint.partition(" ")[0]
    return f"until {command} at" if path else f"until {command}", path


def _how_to_shorten(over: Sequence[Transaction], transactions: int) -> Iterator[Hint]:
    has_locks = any(_holds_locks(transaction) for transaction in over)
    taken = "its row locks and its connection stay" if has_locks else "its connection stays"
    yield Hint("why", f"{taken} taken the whole time, even behind a pool or PgBouncer")
    yield Hint("fix", "move the slow work before or after the block, or into transaction.on_commit()")
    if len(over) > 1:
        yield Hint("note", f"{len(over)} of {transactions} transactions are over the limit")


def _holds_locks(transaction: Transaction) -> bool:
    """Tell whether something was locked in its longest gap."""
    longest = max(transaction.gaps, key=lambda gap: gap.seconds)
    return any(
        query.statement.kind in _WRITES or _LOCKING.search(query.statement.fingerprint)
        for query in transaction.statements_until(longest)
    )

"""How long may a transaction stay open with no statement running?"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar, cast

from pytest_dbperf.budgets.findings import Found, by_cause, nothing_is_accepted, requests_of
from pytest_dbperf.budgets.limited import LimitedTime
from pytest_dbperf.callsites.callsite import CallPath, without_recursion
from pytest_dbperf.recording.compaction import expanded
from pytest_dbperf.recording.connections import ConnectionClosed
from pytest_dbperf.recording.events import Query
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
class NoIdleInTransaction(LimitedTime):
    """Fail when a transaction stays open for more than `milliseconds` while none of its statements runs.

    The gaps between the statements of a transaction are added, and the transaction with the largest sum is
    compared with the limit. A transaction begins with its first statement. The transaction that Django puts
    around a test does not count: an `atomic()` block inside it is the transaction that runs in production.

    Args:
        milliseconds: The longest idle time allowed for a transaction. None lifts an outer budget.
        using: Check only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "no_idle_in_transaction"
    needs_probes: ClassVar[tuple[str, ...]] = ("queries",)

    def check(self, recording: Recording) -> Violation | None:
        """Compare the idle time of the transaction that was idle longest with the limit."""
        return self.check_without(recording, nothing_is_accepted)

    def findings(self, recording: Recording) -> Sequence[Found]:
        """The gaps without which each transaction would keep the limit, by the code before them."""
        over = self._over(self._transactions(recording))
        return by_cause(chain.from_iterable(map(self._longest_gaps, over)))

    def check_without(self, recording: Recording, is_accepted: Callable[[Found], bool]) -> Violation | None:
        """Check the transactions as if the accepted gaps had taken no time."""
        transactions = self._transactions(recording)
        over = self._over(transactions)
        if is_accepted is not nothing_is_accepted:
            over = self._over([_without_accepted(each, is_accepted) for each in over])
        if self.milliseconds is None or not over:
            return None
        measured = in_milliseconds(max(each.idle_seconds for each in over))
        return Violation(
            budget=self.name,
            measured=measured,
            limit=self.milliseconds,
            headline=f"idle transaction {compare_milliseconds(measured, self.milliseconds)}",
            evidence=tuple(_evidence_of_gaps(over)),
            during=only_request(transaction.statements[0].request for transaction in over),
            advice=tuple(_how_to_shorten(over, len(transactions))),
        )

    def _transactions(self, recording: Recording) -> Sequence[Transaction]:
        if self.milliseconds is None:
            return ()
        transactions = transactions_of(expanded(recording.events), recording.periods)
        return [each for each in transactions if self.is_about(each.using)]

    def _over(self, transactions: Sequence[Transaction]) -> Sequence[Transaction]:
        return [each for each in transactions if self._is_too_long(each.idle_seconds)]

    def _is_too_long(self, seconds: float) -> bool:
        return round(seconds * 1000, 6) > cast(float, self.milliseconds)

    def _longest_gaps(self, transaction: Transaction) -> Iterator[Found]:
        """Take the gaps of one cause after another, the longest first, until the rest keeps the limit.

        There is a gap between any two statements, so most of them do not matter.
        """
        causes: dict[Hashable, list[Gap]] = {}
        for gap in transaction.gaps:
            causes.setdefault(_found([gap]).key, []).append(gap)
        longest_first = sorted(causes.values(), key=_seconds, reverse=True)
        for index, gaps in enumerate(longest_first):
            if index and not self._is_too_long(sum(map(_seconds, longest_first[index:]))):
                return
            yield _found(gaps)


def _found(gaps: Sequence[Gap]) -> Found:
    before = gaps[0].before
    return Found(
        subject=str(before.using),
        count=len(gaps),
        what=f"after {shortened(before.statement)}",
        call_path=without_recursion(before.call_path),
        requests=requests_of(gap.before.request for gap in gaps),
    )


def _without_accepted(transaction: Transaction, is_accepted: Callable[[Found], bool]) -> Transaction:
    left = [gap for gap in transaction.gaps if not is_accepted(_found([gap]))]
    return replace(transaction, gaps=left)


def _evidence_of_gaps(over: Sequence[Transaction]) -> Iterator[Evidence]:
    """Group the gaps between the same two statements, the longest time first."""
    alike: dict[Hashable, list[Gap]] = {}
    for gap in (gap for transaction in over for gap in transaction.gaps):
        alike.setdefault((gap.before.using, _identity_of(gap.before), _identity_of(gap.after)), []).append(
            gap
        )
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


def _identity_of(event: Query | ConnectionClosed | None) -> Hashable:
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
    """Tell whether a transaction held locks during its longest gap."""
    longest = max(transaction.gaps, key=lambda gap: gap.seconds)
    return any(
        query.statement.kind in _WRITES or _LOCKING.search(query.statement.fingerprint)
        for query in transaction.statements_until(longest)
    )

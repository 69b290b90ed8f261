"""Which transactions were open while no statement ran? They are read from their statements.

For the database, a transaction begins with its first statement: psycopg sends BEGIN together with it, and so
do MySQL's and Oracle's drivers. SQLite takes its locks then. Before that, nothing is locked.

In a test that runs in a transaction, `atomic()` makes a savepoint. The outermost savepoint stands for the
transaction that production would begin, and ends with it. A block with `savepoint=False` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pytest_dbperf.recording.connections import ConnectionClosed
from pytest_dbperf.recording.events import Event, Query

Period = tuple[float, float]

_BEGIN, _END, _SAVEPOINT, _RELEASE = "BEGIN", "END", "SAVEPOINT", "RELEASE"
_MEANINGS = {
    **dict.fromkeys(("BEGIN", "START"), _BEGIN),
    **dict.fromkeys(("ABORT", "COMMIT", "END", "ROLLBACK"), _END),
    "RELEASE": _RELEASE,
    "SAVEPOINT": _SAVEPOINT,
}
_NOISE = frozenset(("RELEASE", "ROLLBACK", "SAVEPOINT", "TO", "TRANSACTION", "WORK"))
# SQLite takes the lock at once.
_EAGER = frozenset(("EXCLUSIVE", "IMMEDIATE"))


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a transaction was open and none of its statements ran.

    It began when the statement `before` ended, which has this `number` in its transaction. It ended with
    `after`, or with the recording if that is None.
    """

    before: Query
    number: int
    after: Query | ConnectionClosed | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction: its statements, those of nested blocks included, and the gaps between them."""

    statements: Sequence[Query]
    gaps: Sequence[Gap]

    @property
    def using(self) -> str | None:
        """The alias of its database, None if it ran no statement."""
        return self.statements[0].using if self.statements else None

    @property
    def idle_seconds(self) -> float:
        """The seconds that it was open while no statement ran."""
        return sum(gap.seconds for gap in self.gaps)

    def statements_until(self, gap: Gap) -> Sequence[Query]:
        """The statements that ran before one of its gaps."""
        return self.statements[: gap.number]


@dataclass(slots=True)
class _Open:
    pauses: Sequence[Period]
    savepoint: str = ""
    statements: list[Query] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    ended: float = 0.0

    def run(self, query: Query) -> None:
        self.wait(query.started, query)
        self.statements.append(query)
        # SQLite may call a function of yours that runs a statement within another: the outer one ends later.
        self.ended = max(self.ended, query.started + query.seconds)

    def wait(self, until: float, after: Query | ConnectionClosed | None) -> None:
        if not self.statements:
            return
        seconds = until - self.ended
        if self.pauses:
            seconds -= sum(max(0.0, min(until, stop) - max(self.ended, start)) for start, stop in self.pauses)
        if seconds > 0:
            self.gaps.append(Gap(self.statements[-1], len(self.statements), after, seconds))


def transactions_of(events: Iterable[Event], periods: Sequence[Period]) -> list[Transaction]:
    """Find the transactions that began in a recording with these periods. Its pauses are not gaps.

    Alias and thread tell transactions apart: the number of the thread, as several may have the same name.
    Statements on a connection without an alias are left out, as their BEGIN is not recorded.
    """
    pauses = [(stopped, started) for (_, stopped), (started, _) in pairwise(periods)]
    open_now: dict[tuple[str | None, int], _Open] = {}
    ended: list[_Open] = []
    for event in events:
        if isinstance(event, Query) and event.using is not None:
            key = (event.using, event.thread_number)
            current = open_now.get(key)
            meaning, name = _read(event.sql)
            if meaning == _BEGIN or (meaning == _SAVEPOINT and current is None):
                open_now[key] = _opened_by(event, meaning, name, pauses)
                # The transaction before may have ended during a pause.
                ended += [] if current is None else [current]
            elif current is not None:
                current.run(event)
                if meaning == _END or (meaning == _RELEASE and name == current.savepoint):
                    ended.append(open_now.pop(key))
        # A dropped one says nothing: the garbage collector runs in any thread.
        elif isinstance(event, ConnectionClosed) and not event.dropped:
            closed = open_now.pop((event.using, event.thread_number), None)
            if closed is not None:
                closed.wait(event.started, event)
                ended.append(closed)
    for left in open_now.values():
        # After a pause, it is unknown whether it is still open.
        if not any(stop > left.ended for _, stop in pauses):
            left.wait(periods[-1][1], None)
        ended.append(left)
    return [Transaction(each.statements, each.gaps) for each in ended]


def _opened_by(query: Query, meaning: str, name: str, pauses: Sequence[Period]) -> _Open:
    if meaning == _SAVEPOINT:
        return _Open(pauses, savepoint=name)
    begun = _Open(pauses)
    if name in _EAGER:
        begun.run(query)
    return begun


def _read(sql: str) -> tuple[str, str]:
    """Return what a statement means for a transaction, and its savepoint's name or its mode."""
    first = next(iter(sql[:20].split(None, 1)), "")
    meaning = _MEANINGS.get(first.rstrip(";").upper(), "")
    if not meaning:
        return "", ""
    words = sql.upper().replace(";", " ").split()
    if meaning == _END and "TO" in words:
        # Django releases a savepoint after rolling back to it. Without that, the block has ended as well.
        meaning = _RELEASE
    return meaning, next((word for word in words[1:] if word not in _NOISE), "")

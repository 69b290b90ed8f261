"""May connections be left open?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.findings import Found, WithFindings, requests_of
from pytest_dbperf.budgets.limited import LimitedOnAlias
from pytest_dbperf.diagnosis.connections import evidence_of_checkouts, evidence_of_connections
from pytest_dbperf.recording.connections import Checkout, NewConnection, Why
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Hint, Violation, compare


@dataclass(frozen=True, slots=True)
class NoConnectionLeaks(LimitedOnAlias, WithFindings):
    """Fail when a new database connection is still open at the end, or was dropped without being closed.

    A connection that was taken from a pool is a leak if it was not given back. These are not leaks:
    connections kept by a pool, by a worker of `wsgi_client`, by the test's own thread or by asgiref's thread.

    Args:
        allowed: The most connections that may stay open. None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "no_connection_leaks"
    needs_probes: ClassVar[tuple[str, ...]] = ("connections",)
    limited_by: ClassVar[str] = "allowed"

    _: KW_ONLY
    allowed: int | None = 0

    def forbidden(self, recording: Recording) -> Sequence[NewConnection | Checkout]:
        """The connections that were not closed, unless so many are allowed."""
        left: list[NewConnection | Checkout] = [*recording.leaked_connections]
        left += recording.unreturned_checkouts
        counted = [each for each in left if self.is_about(each.using)]
        return () if self._allows(len(counted)) else counted

    def found(self, judged: NewConnection | Checkout) -> Found:
        """Name the alias, or the driver."""
        # Only psycopg has a pool that code can use without Django.
        driver = judged.driver if isinstance(judged, NewConnection) else "psycopg"
        return Found(
            subject=judged.using or driver,
            count=1,
            what="not given back to its pool" if isinstance(judged, Checkout) else "not closed",
            call_path=judged.call_path,
            requests=requests_of([judged.cause.request]),
        )

    def violation_by(
        self, recording: Recording, forbidden: Sequence[NewConnection | Checkout]
    ) -> Violation | None:
        """Count the connections that were not closed."""
        leaked = [each for each in forbidden if isinstance(each, NewConnection)]
        taken = [each for each in forbidden if isinstance(each, Checkout)]
        measured = len(forbidden)
        if self.allowed is None or self._allows(measured):
            return None
        dropped = {closed.number for closed in recording.closed_connections if closed.dropped}
        return Violation(
            budget=self.name,
            measured=measured,
            limit=self.allowed,
            headline=f"leaked connections {compare(measured, self.allowed)}",
            evidence=(
                *evidence_of_connections(
                    leaked, lambda new: "dropped while open" if new.number in dropped else "still open"
                ),
                *evidence_of_checkouts(
                    taken, lambda each: f"{'dropped, ' * (each.connection in dropped)}not given back"
                ),
            ),
            advice=tuple(_how_to_close(leaked, taken)),
        )

    def _allows(self, count: int) -> bool:
        return self.allowed is None or count <= self.allowed


def _how_to_close(leaked: Sequence[NewConnection], taken: Sequence[Checkout]) -> Iterator[Hint]:
    left_by_requests = [new for new in leaked if new.why is Why.FIRST_IN_REQUEST and new.is_persistent]
    raw = [new for new in leaked if new.using is None]
    raw_from_pools = [each for each in taken if each.using is None]
    if left_by_requests:
        yield Hint("fix", 'set "CONN_MAX_AGE": 0 under ASGI, where no later request uses the same thread')
    if len(leaked) + len(taken) > len(left_by_requests) + len(raw) + len(raw_from_pools):
        yield Hint("fix", "call django.db.connections.close_all() at the end of the thread's work")
    if raw:
        yield Hint("fix", "close() the connection, or open it in a with block")
    if raw_from_pools:
        yield Hint("fix", "take it with `with pool.connection()`, or give it back with pool.putconn()")
    if taken:
        yield Hint("why", "a pool does not replace a connection that is not given back, until none is left")

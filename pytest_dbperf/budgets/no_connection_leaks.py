"""May connections be left open?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_limit
from pytest_dbperf.diagnosis.connections import evidence_of_connections
from pytest_dbperf.recording.events import NewConnection, Why
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Hint, Violation, compare


@dataclass(frozen=True, slots=True)
class NoConnectionLeaks:
    """Fail when a connection that was opened is still open at the end, or was dropped while open.

    What a pool keeps, a worker of `wsgi_client`, the test's own thread and asgiref's is not leaked.

    Args:
        allowed: The most connections that may be left; None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "no_connection_leaks"

    _: KW_ONLY
    allowed: int | None = 0
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_limit("no_connection_leaks allowed", self.allowed)
        require_alias("no_connection_leaks using", self.using)

    @property
    def is_lifted(self) -> bool:
        """Whether any number may be left."""
        return self.allowed is None

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it counts, if it is only one."""
        return () if self.using is None else (self.using,)

    def check(self, recording: Recording) -> Violation | None:
        """Count the connections that nobody closed."""
        leaked = [new for new in recording.leaked_connections if self.using in (None, new.using)]
        if self.allowed is None or len(leaked) <= self.allowed:
            return None
        dropped = {closed.number for closed in recording.closed_connections if closed.dropped}
        return Violation(
            budget=self.name,
            measured=len(leaked),
            limit=self.allowed,
            headline=f"leaked connections {compare(len(leaked), self.allowed)}",
            evidence=evidence_of_connections(
                leaked, lambda new: "dropped while open" if new.number in dropped else "still open"
            ),
            advice=tuple(_how_to_close(leaked)),
        )


def _how_to_close(leaked: Sequence[NewConnection]) -> Iterator[Hint]:
    left_by_requests = [new for new in leaked if new.why is Why.FIRST_IN_REQUEST and new.is_persistent]
    raw = [new for new in leaked if new.using is None]
    if left_by_requests:
        yield Hint("fix", 'set "CONN_MAX_AGE": 0 under ASGI, where no later request uses the same thread')
    if len(leaked) > len(left_by_requests) + len(raw):
        yield Hint("fix", "call django.db.connections.close_all() at the end of the thread's work")
    if raw:
        yield Hint("fix", "close() the connection, or open it in a with block")

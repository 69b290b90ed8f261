"""How many connections may be open at once?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.limited import LimitedOnAlias
from pytest_dbperf.diagnosis.connections import evidence_of_connections
from pytest_dbperf.recording.connections import ConnectionClosed, NewConnection
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, compare


@dataclass(frozen=True, slots=True)
class MaxOpenConnections(LimitedOnAlias):
    """Fail when more than `limit` new database connections are open at the same time.

    Connections that were open before the test started, such as the test's own, do not count.

    Args:
        limit: The most new connections that may be open at once. None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "max_open_connections"
    needs_probes: ClassVar[tuple[str, ...]] = ("connections",)

    limit: int | None

    def measured(self, recording: Recording) -> int:
        """The most connections that were open at once."""
        return len(self._most_at_once(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Find the moment with the most open connections, and compare their number with the limit."""
        most = self._most_at_once(recording)
        if self.limit is None or len(most) <= self.limit:
            return None
        return Violation(
            budget=self.name,
            measured=len(most),
            limit=self.limit,
            headline=f"open connections {compare(len(most), self.limit)}",
            evidence=evidence_of_connections(most, lambda new: str(new.why)),
        )

    def _most_at_once(self, recording: Recording) -> Sequence[NewConnection]:
        most: Sequence[NewConnection] = ()
        now: dict[int, NewConnection] = {}
        for event in recording.of_types({NewConnection, ConnectionClosed}):
            if isinstance(event, NewConnection) and self.is_about(event.using):
                now[event.number] = event
                most = max(most, tuple(now.values()), key=len)
            else:
                now.pop(event.number, None)
        return most

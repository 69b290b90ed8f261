"""How many connections may be opened?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.limited import LimitedOnAlias
from pytest_dbperf.diagnosis.connections import evidence_of_connections, hints_on_connections
from pytest_dbperf.recording.connections import NewConnection
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, compare


@dataclass(frozen=True, slots=True)
class MaxNewConnections(LimitedOnAlias):
    """Fail when more than `limit` physical database connections are opened, in any thread.

    The connection that the test itself uses is open before the test starts, so it does not count. A checkout
    from a pool is not a new connection.

    Args:
        limit: The most connections that may be opened. None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "max_new_connections"
    needs_probes: ClassVar[tuple[str, ...]] = ("connections",)

    limit: int | None

    def measured(self, recording: Recording) -> int:
        """The number of connections that were opened."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the number of opened connections with the limit."""
        opened = self._counted(recording)
        if self.limit is None or len(opened) <= self.limit:
            return None
        return Violation(
            budget=self.name,
            measured=len(opened),
            limit=self.limit,
            headline=f"new connections {compare(len(opened), self.limit)}",
            evidence=evidence_of_connections(opened, lambda new: str(new.why)),
            advice=hints_on_connections(opened),
        )

    def _counted(self, recording: Recording) -> list[NewConnection]:
        return [new for new in recording.new_connections if self.is_about(new.using)]

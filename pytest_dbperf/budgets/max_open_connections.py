"""How many connections may be open at once?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_limit
from pytest_dbperf.diagnosis.connections import evidence_of_connections
from pytest_dbperf.recording.events import ConnectionClosed, NewConnection
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, compare


@dataclass(frozen=True, slots=True)
class MaxOpenConnections:
    """Fail when more than `limit` of the connections that were opened are open at the same time.

    Those that were open before, which a test of its kind stands on, do not count.

    Args:
        limit: The most connections that may be open at once; None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "max_open_connections"

    limit: int | None
    _: KW_ONLY
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_limit("max_open_connections limit", self.limit)
        require_alias("max_open_connections using", self.using)

    @property
    def is_lifted(self) -> bool:
        """Whether nothing is limited."""
        return self.limit is None

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it counts, if it is only one."""
        return () if self.using is None else (self.using,)

    def measured(self, recording: Recording) -> int:
        """The most connections that were open at once."""
        return len(self._most_at_once(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Find the moment with most connections, and compare it with the limit."""
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
            if isinstance(event, NewConnection) and self.using in (None, event.using):
                now[event.number] = event
                most = max(most, tuple(now.values()), key=len)
            else:
                now.pop(event.number, None)
        return most

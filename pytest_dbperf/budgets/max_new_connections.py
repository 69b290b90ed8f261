"""How many connections may be opened?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_alias, require_limit
from pytest_dbperf.diagnosis.connections import evidence_of_connections, hints_on_connections
from pytest_dbperf.recording.events import NewConnection
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Violation, compare


@dataclass(frozen=True, slots=True)
class MaxNewConnections:
    """Fail when more than `limit` physical database connections are opened, in any thread.

    The connection that a test of its kind stands on is open before it starts, and a checkout from a pool is
    not a connection.

    Args:
        limit: The most connections that may be opened; None lifts an outer budget.
        using: Count only this database alias.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "max_new_connections"

    limit: int | None
    _: KW_ONLY
    using: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        require_limit("max_new_connections limit", self.limit)
        require_alias("max_new_connections using", self.using)

    @property
    def is_lifted(self) -> bool:
        """Whether nothing is limited."""
        return self.limit is None

    @property
    def aliases(self) -> Sequence[str]:
        """The alias that it counts, if it is only one."""
        return () if self.using is None else (self.using,)

    def measured(self, recording: Recording) -> int:
        """The number of connections that were opened."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the connections that were opened with the limit."""
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
        return [new for new in recording.new_connections if self.using in (None, new.using)]

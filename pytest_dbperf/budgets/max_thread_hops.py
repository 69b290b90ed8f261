"""How many hops may there be?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_limit
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.diagnosis.hops import hints_on_hops
from pytest_dbperf.recording.events import Hop
from pytest_dbperf.recording.groups import groups_of_hops
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Evidence, Violation, compare


@dataclass(frozen=True, slots=True)
class MaxThreadHops:
    """Fail when there are more than `limit` hops between event loops and threads, whoever decided on them.

    Both directions count, `sync_to_async` and `async_to_sync`.

    Args:
        limit: The most hops that may be made; None lifts an outer budget.
        per_request: Limit the hops of every single request, and not those of the whole test.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "max_thread_hops"

    limit: int | None
    _: KW_ONLY
    per_request: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        require_limit("max_thread_hops limit", self.limit)
        if self.per_request not in (True, False):
            raise ValueError("max_thread_hops per_request must be True or False")

    @property
    def is_lifted(self) -> bool:
        """Whether nothing is limited."""
        return self.limit is None

    @property
    def aliases(self) -> Sequence[str]:
        """None: hops belong to no database."""
        return ()

    def measured(self, recording: Recording) -> int:
        """The number of hops, of the test or of the request that has most."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the hops of the test, or of the request that has most, with the limit."""
        hops = self._counted(recording)
        if self.limit is None or len(hops) <= self.limit:
            return None
        requests = {hop.request for hop in hops}
        return Violation(
            budget=self.name,
            measured=len(hops),
            limit=self.limit,
            headline=f"thread hops {compare(len(hops), self.limit)}",
            evidence=tuple(sorted(_evidence(hops), key=lambda one: -one.count)),
            during=", ".join(str(request) for request in requests if len(requests) == 1 and request),
            advice=hints_on_hops(hops),
        )

    def _counted(self, recording: Recording) -> Sequence[Hop]:
        hops = recording.hops
        return max(_by_request(hops), key=len, default=[]) if self.per_request else hops


def _by_request(hops: Sequence[Hop]) -> list[list[Hop]]:
    requests: dict[int, list[Hop]] = {}
    for hop in hops:
        if hop.request is not None:
            requests.setdefault(hop.request.number, []).append(hop)
    return list(requests.values())


def _evidence(hops: Sequence[Hop]) -> Iterator[Evidence]:
    middlewares = [hop for hop in hops if hop.part.startswith(MIDDLEWARE)]
    if middlewares:
        # Seven of them, twice each, would be all that is seen.
        names = Counter(hop.part.removeprefix(MIDDLEWARE) for hop in middlewares)
        what = ", ".join(f"{name} {count}" for name, count in names.most_common())
        yield Evidence(len(middlewares), f"middlewares: {what}", middlewares[0].call_path)
    for group in groups_of_hops(hop for hop in hops if not hop.part.startswith(MIDDLEWARE)):
        yield Evidence(group.count, group.what, group.call_path, group.remark)

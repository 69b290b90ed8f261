"""How often may work move between event loops and threads?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pytest_dbperf.budgets.limited import Limited
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.diagnosis.hops import hints_on_hops
from pytest_dbperf.recording.events import Hop
from pytest_dbperf.recording.groups import groups_of_hops
from pytest_dbperf.recording.hops import hops_by_request
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Evidence, Violation, compare


@dataclass(frozen=True, slots=True)
class MaxThreadHops(Limited):
    """Fail when work hops more than `limit` times between event loops and threads.

    Hops of your code, of Django and of libraries count, in both directions: `sync_to_async` and
    `async_to_sync`.

    Args:
        limit: The most hops allowed. None lifts an outer budget.
        per_request: Limit the hops of each single request, not of the whole test.
        reason: Why the limit has this value.
    """

    name: ClassVar[str] = "max_thread_hops"
    needs_probes: ClassVar[tuple[str, ...]] = ("hops", "executors", "worker_threads", "requests")

    limit: int | None
    _: KW_ONLY
    per_request: bool = False

    def __post_init__(self) -> None:
        Limited.__post_init__(self)
        if self.per_request not in (True, False):
            raise ValueError("max_thread_hops per_request must be True or False")

    def measured(self, recording: Recording) -> int:
        """The number of hops in the test, or in the request with the most."""
        return len(self._counted(recording))

    def check(self, recording: Recording) -> Violation | None:
        """Compare the hops of the test, or of the request with the most, with the limit."""
        hops = self._counted(recording)
        if self.limit is None or len(hops) <= self.limit:
            return None
        requests = {hop.request for hop in hops}
        return Violation(
            budget=self.name,
            measured=len(hops),
            limit=self.limit,
            headline=f"thread hops {compare(len(hops), self.limit)}",
            evidence=tuple(sorted(_evidence_of_hops(hops), key=lambda one: -one.count)),
            during=", ".join(str(request) for request in requests if len(requests) == 1 and request),
            advice=hints_on_hops(hops, recording.hops),
        )

    def _counted(self, recording: Recording) -> Sequence[Hop]:
        hops = recording.hops
        return max(hops_by_request(hops).values(), key=len, default=[]) if self.per_request else hops


def _evidence_of_hops(hops: Sequence[Hop]) -> Iterator[Evidence]:
    middlewares = [hop for hop in hops if hop.part.startswith(MIDDLEWARE)]
    if middlewares:
        # Django's default middlewares are seven rows of two hops each, which would hide all others.
        names = Counter(hop.part.removeprefix(MIDDLEWARE) for hop in middlewares)
        what = ", ".join(f"{name} {count}" for name, count in names.most_common())
        yield Evidence(len(middlewares), f"middlewares: {what}", middlewares[0].call_path)
    for group in groups_of_hops(hop for hop in hops if not hop.part.startswith(MIDDLEWARE)):
        yield Evidence(group.count, group.what, group.call_path, group.note)

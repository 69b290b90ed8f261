"""How often may work move between event loops and threads?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from pytest_dbperf.budgets.budget import require_truth
from pytest_dbperf.budgets.limited import Limited
from pytest_dbperf.budgets.per_request import LimitOfRoute, OverLimit, note_on_others, requests_in
from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.diagnosis.hops import hints_on_hops
from pytest_dbperf.recording.events import Hop
from pytest_dbperf.recording.groups import groups_of_hops, only_request
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
    counted: ClassVar[str] = "hops"
    needs_probes: ClassVar[tuple[str, ...]] = ("hops", "executors", "worker_threads", "requests")

    limit: int | None
    _: KW_ONLY
    per_request: bool = False

    def __post_init__(self) -> None:
        Limited.__post_init__(self)
        require_truth("max_thread_hops per_request", self.per_request)

    def measured(self, recording: Recording) -> int:
        """The number of hops in the test, or in the request with the most."""
        if self.per_request:
            return max((hops for _, hops in self.counts(recording)), default=0)
        return len(recording.hops)

    def check(self, recording: Recording) -> Violation | None:
        """Compare the hops of the test, or of the request with the most, with the limit."""
        if self.per_request:
            return self.check_requests(recording, lambda _: self.limit)
        hops = recording.hops
        if self.limit is None or len(hops) <= self.limit:
            return None
        return self._violation(hops, hops, self.limit, only_request(hop.request for hop in hops))

    def counts(self, recording: Recording) -> Sequence[tuple[str, int]]:
        """The route and the number of hops of each request with a hop."""
        return [(one.route, len(one.events)) for one in requests_in(recording, recording.hops)]

    def check_requests(self, recording: Recording, limit_of: LimitOfRoute) -> Violation | None:
        """Compare the hops of each request with the limit of its route."""
        hops = recording.hops
        checked = [(one, limit_of(one.route)) for one in requests_in(recording, hops)]
        over = [(one, limit) for one, limit in checked if limit is not None and len(one.events) > limit]
        if not over:
            return None
        worst, limit = max(over, key=lambda each: len(each[0].events) - each[1])
        others = note_on_others([OverLimit(one.route, len(one.events)) for one, _ in over])
        violation = self._violation(worst.events, hops, limit, str(worst))
        return replace(violation, advice=(*violation.advice, *others), route=worst.route)

    def _violation(self, hops: Sequence[Hop], all_hops: Sequence[Hop], limit: int, during: str) -> Violation:
        return Violation(
            budget=self.name,
            measured=len(hops),
            limit=limit,
            headline=f"thread hops {compare(len(hops), limit)}",
            evidence=tuple(sorted(_evidence_of_hops(hops), key=lambda one: -one.count)),
            during=during,
            advice=hints_on_hops(hops, all_hops),
        )


def _evidence_of_hops(hops: Sequence[Hop]) -> Iterator[Evidence]:
    middlewares = [hop for hop in hops if hop.part.startswith(MIDDLEWARE)]
    if middlewares:
        # Django's default middlewares are seven rows of two hops each, which would hide all others.
        names = Counter(hop.part.removeprefix(MIDDLEWARE) for hop in middlewares)
        what = ", ".join(f"{name} {count}" for name, count in names.most_common())
        yield Evidence(len(middlewares), f"middlewares: {what}", middlewares[0].call_path)
    for group in groups_of_hops(hop for hop in hops if not hop.part.startswith(MIDDLEWARE)):
        yield Evidence(group.count, group.what, group.call_path, group.note)

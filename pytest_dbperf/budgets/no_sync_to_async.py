"""May your code move work from the event loop to a thread?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_dbperf.budgets.allowances import WithAllowances
from pytest_dbperf.budgets.findings import Found, requests_of
from pytest_dbperf.callsites.ownership import PROJECT
from pytest_dbperf.diagnosis.hops import hints_on_your_hops
from pytest_dbperf.recording.events import Hop
from pytest_dbperf.recording.groups import groups_of_hops, shown_hop
from pytest_dbperf.recording.recorder import Recording
from pytest_dbperf.violations.violation import Evidence, Hint, Violation, compare


@dataclass(frozen=True, slots=True)
class NoSyncToAsync(WithAllowances):
    """Fail when your code moves work from an event loop to a thread: `sync_to_async`, `to_thread`, executors.

    Hops made by Django or another library do not count. The end of the run lists every allowance that no test
    needed.

    Args:
        allow: Hops that may stay: functions that run in the thread (`["check_password", "create_*"]`), or
            call sites that send them there (`["campaigns/api.py", "campaigns/api.py:31", "serialize"]`).
        reason: Why these are allowed.
    """

    name: ClassVar[str] = "no_sync_to_async"
    needs_probes: ClassVar[tuple[str, ...]] = ("hops", "executors", "worker_threads")
    example: ClassVar[str] = "check_password"

    def judged(self, recording: Recording) -> Sequence[Hop]:
        """The hops from a loop to a thread that your code made."""
        return [hop for hop in recording.hops if hop.leaves_the_loop and hop.origin == PROJECT]

    def names_to_allow(self, judged: Hop) -> Sequence[str]:
        """The function that runs in the thread."""
        return (judged.function,)

    def found(self, judged: Hop) -> Found:
        """Name the function that runs in the thread."""
        return Found(
            subject=judged.function.rpartition("<locals>.")[2],
            count=1,
            what=shown_hop(judged),
            call_path=judged.call_path,
            requests=requests_of([judged.request]),
        )

    def violation_by(self, recording: Recording, forbidden: Sequence[Hop]) -> Violation:
        """Count the hops of your code."""
        return Violation(
            budget=self.name,
            measured=len(forbidden),
            limit=0,
            headline=f"sync_to_async hops {compare(len(forbidden), 0)}",
            evidence=tuple(
                Evidence(group.count, group.what, group.call_path, group.note)
                for group in groups_of_hops(forbidden)
            ),
            advice=tuple(_how_to_hop_less(forbidden, recording.hops, len(self.forbidden(recording)))),
        )


def _how_to_hop_less(forbidden: Sequence[Hop], hops: Sequence[Hop], with_accepted: int) -> Iterator[Hint]:
    # Measured on Django 4.2 to 6.1: aget() is sync_to_async(get), so it would be no advice.
    yield Hint(
        "why", "a hop costs about 0.1 ms, more if others wait for the thread; aget() and acount() hop too"
    )
    yield from hints_on_your_hops(forbidden, hops)
    names = ", ".join(sorted({f'"{hop.function.rpartition(".")[2]}"' for hop in forbidden}))
    yield Hint("or", f"allow it: no_sync_to_async(allow=[{names}])")
    not_counted = sum(hop.leaves_the_loop for hop in hops) - len(forbidden)
    if not_counted:
        others = "1 other hop is" if not_counted == 1 else f"{not_counted} other hops are"
        why = "allowed or accepted" if with_accepted > len(forbidden) else "or allowed"
        yield Hint("note", f"{others} not counted: made by Django or a library, {why}")

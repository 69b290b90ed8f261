"""May your code hop?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from pytest_dbperf.callsite import PROJECT
from pytest_dbperf.events import Hop
from pytest_dbperf.groups import HopGroup, groups_of_hops
from pytest_dbperf.recording import Recording
from pytest_dbperf.violations import Evidence, Violation, compare


@dataclass(frozen=True, slots=True)
class NoSyncToAsync:
    """Fail when your code sends work from an event loop to a thread: `sync_to_async`, `to_thread`, executors.

    Hops that Django or another library decided on are not yours and do not count.

    Args:
        allow: Names of functions that may hop, or patterns of names: `["check_password", "create_*"]`.
        reason: Why the limit is what it is.
    """

    name: ClassVar[str] = "no_sync_to_async"

    _: KW_ONLY
    allow: Sequence[str] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        allow: object = self.allow
        is_a_list = isinstance(allow, Sequence) and not isinstance(allow, str)
        if not is_a_list or not all(isinstance(pattern, str) for pattern in self.allow):
            raise ValueError('no_sync_to_async allow must be a list of names, such as ["check_password"]')

    @property
    def is_lifted(self) -> bool:
        """Whether every function may hop."""
        return "*" in self.allow

    @property
    def aliases(self) -> Sequence[str]:
        """None: hops belong to no database."""
        return ()

    def check(self, recording: Recording) -> Violation | None:
        """Count the hops of your code, without those that are allowed."""
        outwards = [hop for hop in recording.hops if hop.leaves_the_loop]
        forbidden = [hop for hop in outwards if hop.origin == PROJECT and not self._allows(hop)]
        if not forbidden:
            return None
        not_counted = len(outwards) - len(forbidden)
        return Violation(
            budget=self.name,
            measured=len(forbidden),
            limit=0,
            headline=f"sync_to_async hops {compare(len(forbidden), 0)}",
            evidence=tuple(_evidence(group) for group in groups_of_hops(forbidden)),
            advice=_advice(forbidden, not_counted),
        )

    def _allows(self, hop: Hop) -> bool:
        # `check_password` means AbstractBaseUser.check_password, too.
        names = (hop.function, hop.function.rpartition(".")[2])
        return any(fnmatchcase(name, pattern) for name in names for pattern in self.allow)


def _evidence(group: HopGroup) -> Evidence:
    by_name = f"sync_to_async({group.function})"
    call = by_name if group.via == "sync_to_async" else f"{group.function} in a thread, by {group.via}"
    return Evidence(group.count, call, group.call_path)


def _advice(forbidden: Sequence[Hop], not_counted: int) -> tuple[str, ...]:
    # Measured on Django 4.2 to 6.1: aget() is sync_to_async(get), so it would be no advice.
    why = "why    a hop costs about 0.1 ms, more if others queue for the thread; aget() and its like hop too"
    names = ", ".join(sorted({f'"{hop.function.rpartition(".")[2]}"' for hop in forbidden}))
    allow = f"allow  no_sync_to_async(allow=[{names}])"
    others = f"note   {not_counted} more are not counted: decided on by Django or a library, or allowed"
    return (why, allow, *([others] if not_counted else []))

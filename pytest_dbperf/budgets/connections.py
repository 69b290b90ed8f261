"""How are connections shown as evidence?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_dbperf.events import NewConnection, Why
from pytest_dbperf.groups import groups_of_connections
from pytest_dbperf.violations import Evidence

_BECAUSE = {
    Why.FIRST_IN_THREAD: "the thread was started by",
    Why.CLOSED: "the one before was closed by",
    Why.UNUSABLE: "the one before was closed by",
}


def evidence_of(
    opened: Sequence[NewConnection], remark: Callable[[NewConnection], str]
) -> tuple[Evidence, ...]:
    """Show connections in groups: how many from where, in how long, in which threads, with a remark."""
    return tuple(_evidence(group, remark(group[0])) for group in groups_of_connections(opened, remark))


def _evidence(group: Sequence[NewConnection], remark: str) -> Evidence:
    first = group[0]
    because = _BECAUSE.get(first.why, "") if first.because_of != first.call_path else ""
    return Evidence(
        len(group),
        ", ".join(
            filter(
                None,
                (
                    first.using or f"{first.driver} without a Django alias",
                    _time([new.seconds for new in group if new.seconds is not None]),
                    _listed("thread", [new.thread for new in group]),
                    _listed("backend", [str(new.backend_pid) for new in group if new.backend_pid]),
                ),
            )
        ),
        first.call_path,
        remark,
        because=because if first.because_of else "",
        because_of=first.because_of,
    )


def _time(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    typical = sorted(seconds)[len(seconds) // 2] * 1000
    return f"{typical:.1f} ms" + (" each" if len(seconds) > 1 else "")


def _listed(what: str, names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    if not distinct:
        return ""
    return f"{what} {distinct[0]}" if len(distinct) == 1 else f"{len(distinct)} {what}s: {' '.join(distinct)}"

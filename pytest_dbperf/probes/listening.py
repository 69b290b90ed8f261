"""Which functions of libraries are wrapped? Each probe wraps its seams, and returns how to undo that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial

from pytest_dbperf.probes import (
    connections,
    django_frames,
    drivers,
    executors,
    hops,
    passwords,
    queries,
    querysets,
    requests,
    threads,
    vendors,
)
from pytest_dbperf.probes.seam import Undo, WhileWanted
from pytest_dbperf.recording.recorder import Recorder

Probe = Callable[[Recorder], Undo]

PROBES: tuple[Probe, ...] = (
    queries.install,
    querysets.install,
    django_frames.install,
    drivers.install,
    connections.install,
    hops.install,
    executors.install,
    requests.install,
    passwords.install,
    threads.install,
    vendors.install,
)

# One for the process: a second one would record the same events again, at the same cost.
RECORDER = Recorder()


@cache
def _while_wanted(probe: Probe) -> WhileWanted:
    return WhileWanted(partial(probe, RECORDER))


@contextmanager
def listening_to(probes: Iterable[Probe]) -> Iterator[Recorder]:
    """Record with these probes inside. The first use of a probe installs it, the end of the last undoes it.

    A probe that fails leaves nothing behind: those before it are undone, in reverse order.
    """
    with ExitStack() as installed:
        for probe in probes:
            installed.enter_context(_while_wanted(probe))
        yield RECORDER


@contextmanager
def listening() -> Iterator[Recorder]:
    """Record with our own probes inside."""
    with listening_to(PROBES) as recorder:
        yield recorder

"""Which functions of libraries are wrapped? Each probe wraps its seams, and returns how to undo that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial

from pytest_dbperf.bugs import OURS, Guard, GuardedContext, is_ours, name_of
from pytest_dbperf.probes import (
    connections,
    django_frames,
    drivers,
    executors,
    fetched_rows,
    hops,
    passwords,
    queries,
    querysets,
    requests,
    threads,
)
from pytest_dbperf.probes.seam import SeamGone, Undo, WhileWanted, is_installed
from pytest_dbperf.recording.recorder import Recorder

Probe = Callable[[Recorder], Undo]

PROBES: tuple[Probe, ...] = (
    queries.install,
    querysets.install,
    fetched_rows.install,
    django_frames.install,
    drivers.install,
    connections.install,
    hops.install,
    executors.install,
    requests.install,
    passwords.install,
    threads.install,
)

# One for the process: a second one would record the same events again, at the same cost.
RECORDER = Recorder()


@cache
def _while_wanted(probe: Probe) -> WhileWanted:
    return WhileWanted(partial(probe, RECORDER))


@contextmanager
def listening_to(probes: Iterable[Probe]) -> Iterator[Recorder]:
    """Record with these probes inside. The first use of a probe installs it, the end of the last undoes it.

    If a seam of ours is gone, those before it are undone, in reverse order. Any other probe that cannot be
    installed is noted as a bug, and the others record.
    """
    with ExitStack() as installed:
        for probe in probes:
            owner = OURS if is_ours(probe) else f"the probe {name_of(probe)}"
            meant = (SeamGone,) if owner is OURS else ()
            guard = Guard("installing or removing a probe", owner=owner, meant=partial(tuple, meant))
            installed.enter_context(GuardedContext(partial(_while_wanted, probe), guard))
        yield RECORDER


@contextmanager
def listening() -> Iterator[Recorder]:
    """Record with our own probes inside."""
    # Without Django nothing can be counted: a budget then is an error, and tests without one run as they are.
    with listening_to(PROBES if is_installed("django") else ()) as recorder:
        yield recorder

"""Which functions of libraries are wrapped? Each probe wraps its seams, and returns how to undo that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial

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
    vendors,
    worker_threads,
)
from pytest_dbperf.probes.seam import SeamGone, Undo, WhileWanted, is_installed
from pytest_dbperf.recording.bugs import OURS, Guard, GuardedContext, is_ours, name_of
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
    worker_threads.install,
    requests.install,
    passwords.install,
    threads.install,
    vendors.install,
)

# One for the process: a second one would record the same events again, at the same cost.
RECORDER = Recorder()


# The errors of a probe for another version of its library, or for one that another tool has changed.
_UNAVAILABLE = (SeamGone, ImportError, AttributeError)
# The probes that are wanted, but cannot be installed.
_missing: dict[Probe, Exception] = {}


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
            installed.enter_context(_guarded(probe, (SeamGone,) if is_ours(probe) else ()))
        yield RECORDER


def _guarded(probe: Probe, meant: tuple[type[Exception], ...]) -> GuardedContext:
    owner = OURS if is_ours(probe) else f"the probe {name_of(probe)}"
    guard = Guard("installing or removing a probe", owner=owner, meant=lambda: meant)
    return GuardedContext(partial(_while_wanted, probe), guard)


@contextmanager
def listening() -> Iterator[Recorder]:
    """Record with our own probes inside."""
    # Without Django nothing can be counted: a budget then is an error, and tests without one run as they are.
    with listening_to(PROBES if is_installed("django") else ()) as recorder:
        yield recorder


@contextmanager
def listening_as_far_as_possible(probes: Iterable[Probe] | None = None) -> Iterator[Recorder]:
    """Record with those of the probes, or else of ours, that can be installed: see `missing_probes()`.

    A run must not stop for a probe that none of its tests needs.
    """
    if probes is None:
        probes = PROBES if is_installed("django") else ()
    with ExitStack() as installed:
        for probe in probes:
            try:
                installed.enter_context(_guarded(probe, _UNAVAILABLE))
            except _UNAVAILABLE as error:
                _missing[probe] = error
                installed.callback(_missing.pop, probe, None)
        yield RECORDER


def missing_probes() -> Mapping[str, Exception]:
    """Return why probes could not be installed, by the names of their modules."""
    return {probe.__module__.rpartition(".")[2]: error for probe, error in _missing.items()}

"""Which probes are there, and when are they installed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

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
)
from pytest_dbperf.probes.seam import Undo, WhileWanted
from pytest_dbperf.recording.recorder import Recorder

PROBES: tuple[Callable[[Recorder], Undo], ...] = (
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
)

# One for the process: a second one would record the same events again, at the same cost.
RECORDER = Recorder()


def _install() -> Undo:
    with ExitStack() as installed:
        for probe in PROBES:
            installed.callback(probe(RECORDER))
        # If a probe fails, the ones before it are undone.
        return installed.pop_all().close


_installed = WhileWanted(_install)


@contextmanager
def listening() -> Iterator[Recorder]:
    """Install all probes for the block. The last of several blocks removes them, in reverse order."""
    with _installed:
        yield RECORDER

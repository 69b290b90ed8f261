"""Where do we listen? Each probe wraps its seams and hands back the way to undo it."""

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

# One for the process: a second one would only count the same events again, at the same cost.
RECORDER = Recorder()


def _install() -> Undo:
    with ExitStack() as installed:
        for probe in PROBES:
            installed.callback(probe(RECORDER))
        # Only now: a probe that fails must leave nothing behind.
        return installed.pop_all().close


_installed = WhileWanted(_install)


@contextmanager
def listening() -> Iterator[Recorder]:
    """Listen inside: the first one installs all probes, the last one takes them out, in reverse order."""
    with _installed:
        yield RECORDER

"""Where do we listen? Each probe wraps its seams and hands back the way to undo it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pytest_dbperf.probes import connections, hops, queries, requests, threads
from pytest_dbperf.probes.seam import Undo
from pytest_dbperf.recording import Recorder

PROBES: tuple[Callable[[Recorder], Undo], ...] = (
    queries.install,
    connections.install,
    hops.install,
    requests.install,
    threads.install,
)

# One for the process: a second one would only count the same events again, at the same cost.
RECORDER = Recorder()


class _Listening:
    """Who listens, and how to take the probes out after the last of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listeners = 0
        self.undo = ExitStack()


_listening = _Listening()


@contextmanager
def listening() -> Iterator[Recorder]:
    """Listen inside: the first one installs all probes, the last one takes them out, in reverse order."""
    with _listening.lock:
        if not _listening.listeners:
            with ExitStack() as installed:
                for probe in PROBES:
                    installed.callback(probe(RECORDER))
                # Only now: a probe that fails must leave nothing behind.
                _listening.undo = installed.pop_all()
        _listening.listeners += 1
    try:
        yield RECORDER
    finally:
        with _listening.lock:
            _listening.listeners -= 1
            if not _listening.listeners:
                _listening.undo.close()

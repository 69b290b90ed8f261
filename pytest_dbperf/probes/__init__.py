"""Where do we listen? Each probe wraps its seams and hands back the way to undo it."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbperf.probes.connections import connections
from pytest_dbperf.probes.hops import hops
from pytest_dbperf.probes.queries import queries
from pytest_dbperf.probes.requests import requests
from pytest_dbperf.probes.seam import Undo, together
from pytest_dbperf.recording import Recorder

PROBES: tuple[Callable[[Recorder], Undo], ...] = (queries, connections, hops, requests)


def install(recorder: Recorder) -> Undo:
    """Install all probes; the result takes them out again, the last one first."""
    return together(*(probe(recorder) for probe in PROBES))

"""How is a recording made without pytest?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_dbperf.probes.listening import listening
from pytest_dbperf.recording.recorder import Recording


@contextmanager
def record(*, task: bool = False, driver_queries: bool = False) -> Iterator[Recording]:
    """Record what happens inside, in every thread and on every alias: for scripts, shells and other runners.

    With `task=True`, only what this task, the tasks it starts and their threads cause. With
    `driver_queries=True` also the statements that psycopg was given directly: raw psycopg, COPY, asynchronous
    backends.

    Raises:
        SeamGone: An installed library no longer has a function that has to be wrapped.
    """
    with listening() as recorder, recorder.record(task=task, driver_queries=driver_queries) as recording:
        yield recording

"""How do scripts, shells and other test runners record?"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_dbperf.probes.listening import listening
from pytest_dbperf.probes.seam import is_installed
from pytest_dbperf.recording.bugs import BUGS
from pytest_dbperf.recording.recorder import Recording


@contextmanager
def record(*, task: bool = False, driver_queries: bool = False) -> Iterator[Recording]:
    """Record all that happens inside, in every thread and on every alias, without pytest.

    With `task=True`, only what this task, the tasks that it starts, and their threads cause. With
    `driver_queries=True`, also statements that bypass Django's cursors: raw psycopg, COPY, asynchronous
    backends.

    Raises:
        RuntimeError: Django is not installed.
        SeamGone: An installed library no longer has a function that a probe wraps.
    """
    if not is_installed("django"):
        raise RuntimeError("record() cannot be used: Django is not installed, and it counts what Django does")
    before = len(BUGS)
    with listening() as recorder, recorder.record(task=task, driver_queries=driver_queries) as recording:
        yield recording
    for bug in BUGS.since(before):
        warnings.warn(
            f"a bug of {bug.owner}, while {bug.during}: {bug.error}. Its numbers are not reliable. Please "
            f"report it, with this traceback:\n{bug.traceback}",
            RuntimeWarning,
            stacklevel=3,
        )

"""How do the workers of gunicorn count together?

Each counts in files of its own, and whichever is asked adds up those of all. A worker takes the place of one
that has ended, and goes on counting in its files: with files for each process that there has ever been, as
prometheus-client has them by itself, a scrape would take longer after every restart by MAX_REQUESTS.
"""

import os
import shutil
import tempfile
from itertools import count
from typing import Any

from prometheus_client import values


def on_starting(arbiter: Any) -> None:
    """Make a directory for the files of this server alone: its successor may start before it ends."""
    if arbiter.cfg.preload_app:
        raise RuntimeError("preload_app makes the metrics before the workers, so they would not be shared.")
    directory = tempfile.mkdtemp(prefix="metrics-", dir=arbiter.cfg.worker_tmp_dir)
    os.chown(directory, arbiter.cfg.uid, arbiter.cfg.gid)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give the worker the first place that no living one has."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    worker.place = next(place for place in count() if place not in taken)


def post_fork(arbiter: Any, worker: Any) -> None:
    """Let the worker's metrics, which are made when it loads the site, be in the files of its place."""
    values.ValueClass = values.MultiProcessValue(lambda: worker.place)


def on_exit(arbiter: Any) -> None:
    """Remove the files, as far as no worker that would not end writes them meanwhile."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

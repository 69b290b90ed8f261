"""How do the workers of gunicorn count together?

Each worker counts in its own files, and the worker that is asked adds up the files of all. A new worker takes
the slot of one that has ended, and continues in its files. prometheus-client alone would keep files for each
process that ever ran. Then a scrape would take longer after every restart by MAX_REQUESTS.
"""

import os
import shutil
import tempfile
from itertools import count
from typing import Any

from prometheus_client import values


def on_starting(arbiter: Any) -> None:
    """Make a directory for this server alone: the next server may start before this one ends."""
    if arbiter.cfg.preload_app:
        raise RuntimeError("preload_app makes the metrics before the workers, so they would not be shared.")
    directory = tempfile.mkdtemp(prefix="metrics-", dir=arbiter.cfg.worker_tmp_dir)
    os.chown(directory, arbiter.cfg.uid, arbiter.cfg.gid)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory


def pre_fork(arbiter: Any, worker: Any) -> None:
    """Give the worker the first free slot."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    worker.place = next(place for place in count() if place not in taken)


def post_fork(arbiter: Any, worker: Any) -> None:
    """Put the worker's metrics, which are made when it loads the site, into the files of its slot."""
    values.ValueClass = values.MultiProcessValue(lambda: worker.place)


def on_exit(arbiter: Any) -> None:
    """Remove the files, unless a worker that does not end still writes them."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

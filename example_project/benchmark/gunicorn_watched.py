"""How does a worker report its counts? This is gunicorn.conf.py, with a file for each worker.

A worker writes its file when it is ready. If there is a file named `records`, the plugin's recorder is on,
and the signal SIGUSR2 makes the worker write its counts. At exit it would be too late. uvicorn ends a worker
by the signal that it got, and does not call gunicorn's `worker_exit`.
"""

import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from runpy import run_path
from typing import Any

from pytest_dbperf import Recording, record

SERVED = run_path("gunicorn.conf.py")
globals().update(SERVED)

PLACE = Path(os.environ["BENCHMARK_PLACE"])
_open = ExitStack()
_recordings: list[Recording] = []


def post_fork(server: Any, worker: Any) -> None:
    """Install the probes before the application loads, because that is when Django adapts middlewares."""
    if "post_fork" in SERVED:
        SERVED["post_fork"](server, worker)
    if (PLACE / "records").exists():
        _recordings.append(_open.enter_context(record()))


def post_worker_init(worker: Any) -> None:
    """Report that the worker is ready, and be ready to report its counts."""
    if "post_worker_init" in SERVED:
        SERVED["post_worker_init"](worker)
    signal.signal(signal.SIGUSR2, lambda *_: tell())
    tell()


def tell() -> None:
    """Write the counts in one step, so that no reader sees half of them."""
    counts: dict[str, int] = {}
    for recording in _recordings:
        counts = {
            "requests": len(recording.requests),
            "queries": len(recording.queries),
            "hops": len(recording.hops),
            "connects": len(recording.new_connections),
        }
    unfinished = PLACE / f"{os.getpid()}.unfinished"
    unfinished.write_text(json.dumps(counts))
    unfinished.rename(unfinished.with_suffix(".json"))

"""Which metrics can be read, of this process or of all workers?"""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


def exposition() -> bytes:
    """Write all metrics in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # Set by `metrics.workers`.
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    registry.register(WorkerProcesses())
    return generate_latest(registry)


class WorkerProcesses(Collector):
    """The memory, CPU time and files of every worker: prometheus-client reports only one process."""

    def collect(self) -> Iterable[Metric]:
        """Read /proc; without Linux there is nothing to read."""
        families: dict[str, Metric] = {}
        for pid in _workers():
            for one in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                family = families.setdefault(one.name, Metric(one.name, one.documentation, one.type))
                for sample in one.samples:
                    family.add_sample(sample.name, {"pid": pid}, sample.value)
        return families.values()


def _workers() -> list[str]:
    """Return the process ids of all children of gunicorn, including this process."""
    gunicorn = os.getppid()
    children = Path(f"/proc/{gunicorn}/task/{gunicorn}/children")
    return children.read_text(encoding="ascii").split() if children.exists() else []

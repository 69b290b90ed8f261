"""Where does a real Prometheus come from?"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from throwaway_servers.processes import find, free_port, running

READY = "Server is ready to receive web requests"


@contextmanager
def serving(config: Path, openmetrics: Path | None = None) -> Iterator[str]:
    """Yield the URL of a Prometheus with this configuration; its database is gone afterwards.

    It starts with the samples of an OpenMetrics file, if one is given.
    """
    program = find("prometheus", "prometheus")
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="throwaway-prometheus-") as directory:
        if openmetrics is not None:
            tool = find("promtool", "prometheus")
            subprocess.run(
                [tool, "tsdb", "create-blocks-from", "openmetrics", openmetrics, directory],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        options = [
            f"--config.file={config}",
            f"--storage.tsdb.path={directory}",
            f"--web.listen-address={address}",
        ]
        with running([program, *options], is_ready=lambda server: READY in server.written()):
            yield f"http://{address}"

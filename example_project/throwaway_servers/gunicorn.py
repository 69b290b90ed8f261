"""How is the service started as in production?"""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from throwaway_servers.processes import Running, running

HOME = Path(__file__).resolve().parent.parent
PRODUCTION = {"DEBUG": "false", "SECRET_KEY": "of-a-server-that-is-gone-when-its-test-has-ended"}


@dataclass(frozen=True, slots=True)
class Site:
    """The service behind a real gunicorn."""

    url: str
    server: Running

    def workers(self) -> list[int]:
        """Return the process ids of all workers that were ever started, the oldest first."""
        return [int(found) for found in re.findall(r"Booting worker with pid: (\d+)", self.server.written())]


@contextmanager
def serving(interface: str, *arguments: str, **environ: str) -> Iterator[Site]:
    """Serve the site on a free local port; `interface` is wsgi or asgi, `environ` the variables to set."""
    with running(
        ["./entrypoint.sh", interface, "--bind", "127.0.0.1:0", *arguments],
        is_ready=lambda server: bool(_address(server)) and "Booting worker" in server.written(),
        environ={**starting_environ(), **environ},
        directory=HOME,
    ) as server:
        yield Site(_address(server), server)


@contextmanager
def stopped(worker: int) -> Iterator[None]:
    """Stop a worker for a while, so that another one answers."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def starting_environ() -> dict[str, str]:
    """Return this process's environment with production's settings, and this Python's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PATH": path, **PRODUCTION}


def _address(server: Running) -> str:
    """Find the address in the server's output, because the system chooses the port."""
    found = re.search(r"Listening at: (http://[\d.:]+)", server.written())
    return found[1] if found else ""

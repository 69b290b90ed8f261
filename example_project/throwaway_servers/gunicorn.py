"""How is the service started as in production?"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from throwaway_servers.processes import Running, running

HOME = Path(__file__).resolve().parent.parent
WORKERS = {"wsgi": "gthread", "asgi": "uvicorn_worker.UvicornWorker"}


@dataclass(frozen=True, slots=True)
class Site:
    """The service behind a real gunicorn."""

    url: str
    server: Running


@contextmanager
def serving(interface: str, *arguments: str, **environ: str) -> Iterator[Site]:
    """Serve the site on a free port of the loopback; `interface` is wsgi or asgi, `environ` what is set."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        "127.0.0.1:0",
        "--worker-class",
        WORKERS[interface],
    ]
    with running(
        [*command, *arguments, f"config.{interface}:application"],
        is_ready=lambda server: bool(_address(server)) and "Booting worker" in server.written(),
        environ={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environ},
        directory=HOME,
    ) as server:
        yield Site(_address(server), server)


def _address(server: Running) -> str:
    """Find where it listens, in what it has written: the port is the system's choice."""
    found = re.search(r"Listening at: (http://[\d.:]+)", server.written())
    return found[1] if found else ""

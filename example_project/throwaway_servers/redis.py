"""Where does a real Redis come from?"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from throwaway_servers.processes import find, running


@contextmanager
def serving() -> Iterator[str]:
    """Yield the CACHE_URL of a Redis that keeps nothing on disk and listens on a private socket only."""
    program = find("redis-server", "redis-server")
    with tempfile.TemporaryDirectory(prefix="throwaway-redis-") as directory:
        socket = f"{directory}/redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            directory,
        ]
        with running([program, *options], is_ready=lambda server: "accept connections" in server.written()):
            yield f"unix://{socket}"

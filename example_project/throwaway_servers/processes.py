"""How is a server started for a while, and ended for certain?"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 180
"""Seconds that a server has to start, and to end: on a machine that is busy with other things, too."""
POLL = 0.02


class ProgramMissing(RuntimeError):
    """A program is not installed; the message names it and its package."""


class ServerFailed(RuntimeError):
    """A server did not start; the message ends with what it wrote."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server and its output."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def written(self) -> str:
        """Return its output and its errors so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """Ask it to end, wait, and kill it if it does not; do nothing if it has ended."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def find(program: str, package: str) -> str:
    """Return the path of a program, or raise ProgramMissing; Debian has daemons outside of users' PATH."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])
    if found := shutil.which(program, path=places):
        return found
    raise ProgramMissing(f"{program} is not installed (on Debian: the package {package})")


def free_port() -> int:
    """Return a local port that no server listens on, for servers that cannot choose one."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        port: int = candidate.getsockname()[1]
    return port


def wait_until(happened: Callable[[], bool]) -> None:
    """Return as soon as the condition holds, or raise TimeoutError after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it has not happened within {PATIENCE} seconds")
        time.sleep(POLL)


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    is_ready: Callable[[Running], bool],
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    user: str | None = None,
) -> Iterator[Running]:
    """Start a server, yield it once it is ready, and stop it after the block; or raise ServerFailed.

    On Linux it also ends with the thread that started it, even if that was killed.
    """
    setpriv = shutil.which("setpriv")
    ending_with_us = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
    with tempfile.NamedTemporaryFile(prefix="server-", suffix=".log") as output:
        process = subprocess.Popen(
            [*ending_with_us, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=None if environ is None else dict(environ),
            user=user,
        )
        server = Running(process, Path(output.name))
        try:
            deadline = time.monotonic() + PATIENCE
            while not is_ready(server):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailed(f"{command[0]} did not start, and wrote:\n{server.written()}")
                time.sleep(POLL)
            yield server
        finally:
            server.stop()

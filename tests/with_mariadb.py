"""Run a command with a MariaDB of its own: `python -m tests.with_mariadb python -m pytest tests/clients`.

The server is the system's (Debian: mariadb-server). It listens on a socket in a private directory, which
DATABASE_URL names, and it is gone with the command.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 60
# MariaDB refuses to run as root.
SERVER_USER = "mysql"


@contextmanager
def mariadb() -> Iterator[str]:
    """Start a server, and yield its URL."""
    install, serve = program("mariadb-install-db"), program("mariadbd")
    user = SERVER_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with tempfile.TemporaryDirectory(prefix="mariadb-") as name:
        directory = Path(name)
        shutil.chown(directory, user)
        log, socket = directory / "log", directory / "socket"
        common = ["--no-defaults", f"--user={user}", f"--datadir={directory / 'data'}"]
        with log.open("wb") as output:
            installed = subprocess.run(
                [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
                check=False,
                stdout=output,
                stderr=output,
            )
            if installed.returncode:
                raise SystemExit(f"{install} failed:\n{log.read_text(errors='replace')}")
            server = subprocess.Popen(
                [serve, *common, f"--socket={socket}", "--skip-networking"],
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the command.
            )
        try:
            deadline = time.monotonic() + SECONDS
            while not socket.exists():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{serve} did not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.05)
            yield f"mysql://root@localhost/dbperf?unix_socket={socket}"
        finally:
            server.terminate()
            server.wait(SECONDS)


def program(name: str) -> str:
    """Find a program of MariaDB's, or end with what to install."""
    if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"):
        return found
    raise SystemExit(f"{name} was not found: install MariaDB (on Debian: mariadb-server)")


if __name__ == "__main__":
    with mariadb() as url:
        sys.exit(subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": url}))

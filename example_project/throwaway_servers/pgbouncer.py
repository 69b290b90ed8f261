"""Where does a real PgBouncer come from?"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from throwaway_postgres import host
from throwaway_servers.processes import find, running

PORT = 6432  # Only a part of the socket's name: the directory is private.
SETTINGS = {
    "pool_mode": "transaction",
    "auth_type": "trust",
    # Otherwise no user may query its console, the database `pgbouncer`.
    "admin_users": "postgres",
}


@contextmanager
def serving(server_url: str, connect_query: str = "", **settings: object) -> Iterator[str]:
    """Yield the DATABASE_URL that leads to a PostgreSQL's database through a new PgBouncer.

    `connect_query` runs on each of its connections to the server; `settings` are those of pgbouncer.ini.
    """
    program = find("pgbouncer", "pgbouncer")
    url = urlsplit(server_url)
    # A wildcard, because test databases are created while it runs.
    database = f"* = host={unquote(url.hostname or '')} port={url.port}"
    if connect_query:
        database += f" connect_query='{connect_query}'"
    with tempfile.TemporaryDirectory(prefix="throwaway-pgbouncer-") as name:
        directory = Path(name)
        own = {
            "listen_port": PORT,
            "unix_socket_dir": directory,
            "auth_file": directory / "users.txt",
            "logfile": directory / "pgbouncer.log",
        }
        lines = [f"{key} = {value}" for key, value in {**SETTINGS, **own, **settings}.items()]
        configuration = "\n".join(["[databases]", database, "[pgbouncer]", *lines, ""])
        (directory / "pgbouncer.ini").write_text(configuration)
        (directory / "users.txt").write_text(f'"{url.username}" ""\n')
        # It refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            for path in (directory, *directory.iterdir()):
                shutil.chown(path, user)
        command = [program, directory / "pgbouncer.ini"]
        with running(command, is_ready=lambda server: "process up" in server.written(), user=user):
            yield url._replace(netloc=f"{url.username}@{host(directory)}:{PORT}").geturl()

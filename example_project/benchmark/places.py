"""What is measured? A PostgreSQL with the rows of a small service, and gunicorns in front of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

import throwaway_postgres
from benchmark.scenarios import Known, Serving, Session
from throwaway_postgres import Server
from throwaway_servers import gunicorn, pgbouncer, redis
from throwaway_servers.processes import ProgramMissing, Running, find, wait_until

HOME = Path(__file__).parents[1]
DATABASE = "campaigns"
RECORDS = "records"
USERS, CAMPAIGNS, SESSIONS = 2000, 1000, 50


@dataclass(frozen=True, slots=True)
class Place:
    """A database with rows, and the requests that it can answer."""

    server: Server
    known: Known

    @property
    def environ(self) -> dict[str, str]:
        """The settings of every measurement: as in production, and without restarts."""
        return {
            **gunicorn.PRODUCTION,
            "ALLOWED_HOSTS": "127.0.0.1",
            "CACHE_URL": "locmem://",
            "DATABASE_URL": self.server.url(DATABASE),
            "DB_CONN_MAX_AGE": "0",
            "DB_POOL": "0",
            "DB_POOLER": "false",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "MAX_REQUESTS": "0",
            "MAX_REQUESTS_JITTER": "0",
        }


@dataclass(frozen=True, slots=True)
class Site:
    """A running service with workers that report their counts."""

    url: str
    server: Running
    told: Path
    """The directory of the workers' files."""
    workers: int

    def processes(self) -> set[int]:
        """Return the workers that are ready."""
        return {int(file.stem) for file in self.told.glob("*.json")}


@contextmanager
def prepared() -> Iterator[Place]:
    """Start a PostgreSQL and fill it, or raise `PostgresUnavailable`."""
    # Leaked connections should be counted, not end the measurement.
    server = throwaway_postgres.start({"max_connections": "500"})
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"'.encode())
        empty = Place(server, Known((), ()))
        _run(empty, "manage.py", "migrate", "--verbosity=0")
        # Without --force the command refuses what may be production, because the users' password is public.
        _run(empty, "manage.py", "seed", f"--users={USERS}", f"--campaigns={CAMPAIGNS}", "--force")
        told = json.loads(_run(empty, "-m", "benchmark.known", str(SESSIONS)))
        with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
            # The throwaway server has no autovacuum, so update its statistics here.
            connection.execute("VACUUM ANALYZE")
        sessions = tuple(Session(nickname, token) for nickname, token in told["sessions"])
        yield Place(server, Known(sessions, tuple(map(tuple, told["positions"]))))
    finally:
        server.stop()


def _run(place: Place, *arguments: str) -> str:
    """Run a program of the project on the place's database, and return its output."""
    environ = {**os.environ, **place.environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=HOME, env=environ, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def missing(serving: Serving) -> str:
    """Name a program that this serving needs and that is not installed, or return ""; in CI raise."""
    for program in serving.programs:
        try:
            find(program, program)
        except ProgramMissing as error:
            if os.environ.get("CI"):
                raise
            return str(error)
    return ""


@contextmanager
def served(serving: Serving, place: Place) -> Iterator[Site]:
    """Serve the place with counting workers until the block ends."""
    with ExitStack() as stack:
        told = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        environ = {**place.environ, **serving.environ, "BENCHMARK_PLACE": str(told)}
        if serving.has_redis:
            environ["CACHE_URL"] = stack.enter_context(redis.serving())
        if serving.has_pgbouncer:
            environ["DATABASE_URL"] = stack.enter_context(pgbouncer.serving(environ["DATABASE_URL"]))
            environ["DB_POOLER"] = "true"
        (told / RECORDS).touch()
        configured = ("--config", "benchmark/gunicorn_watched.py", *serving.arguments)
        site = stack.enter_context(gunicorn.serving(serving.interface, *configured, **environ))
        watched = Site(site.url, site.server, told, serving.workers)
        wait_until(lambda: len(watched.processes()) == watched.workers)
        yield watched


def renew(site: Site, *, is_recorded: bool) -> None:
    """Replace the workers by new ones with empty counts."""
    old = site.processes()
    if not is_recorded:
        (site.told / RECORDS).unlink()
    for process in old:
        (site.told / f"{process}.json").unlink()
    site.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(site.processes()) == site.workers and not any(map(_is_running, old)))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

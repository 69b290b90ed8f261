"""The front door: `python3 run.py example` and `python3 run.py test` work with nothing but Python and pip.

example       run the plugin over the example project, on a PostgreSQL that is started for it
example-bench measure the example project before and after, behind a real gunicorn
test          run the plugin's own tests
bench         measure what the plugin costs
hop-counts    measure how often Django's asynchronous API hops, for docs/reference/hop-counts.json
matrix        run everything that CI runs, on all supported versions: tox

Further arguments go to pytest, to the benchmarks or to tox. The environments lie in .uv/, with the versions
of requirements.txt and .ci/requirements.txt.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent
COMMANDS = {
    "example": ("pytest", "example_project", "--dbperf-report=term"),
    "example-bench": ("benchmark",),
    "test": ("pytest", "tests", "-n", "2"),
    "bench": ("tests.benchmarks",),
    "hop-counts": ("tests.hop_counts", "--write"),
    "matrix": ("tox", "run"),
}
# Where a command runs that needs a directory of its own.
PLACES = {"example-bench": HOME / "example_project"}
OLDEST = (3, 11)
# The series of Django that have a column in the reference; one Python has to run all of them.
SERIES = ("5.2", "6.0", "6.1")
OLDEST_FOR_SERIES = (3, 12)
# uv would fetch a Python of its own where it does not like the one that it is given, and it would not know
# the certificates of a company's proxy, as pip does, unless told. The last name is for older uvs.
UV_SETTINGS = {"UV_PYTHON_DOWNLOADS": "never", "UV_COMPILE_BYTECODE": "true"}
if ssl.get_default_verify_paths().cafile:
    UV_SETTINGS |= {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true"}
PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def main() -> int:
    if sys.version_info < OLDEST:
        return refuse(
            f"Python {'.'.join(map(str, OLDEST))} or newer is needed, this is {sys.version.split()[0]}"
        )
    command, *rest = sys.argv[1:] or ["--help"]
    if command not in COMMANDS:
        print(__doc__)
        return 0 if command in ("-h", "--help") else 2
    if command == "hop-counts" and sys.version_info < OLDEST_FOR_SERIES:
        needed, here = ".".join(map(str, OLDEST_FOR_SERIES)), sys.version.split()[0]
        return refuse(f"Django {SERIES[-1]} needs Python {needed} or newer, this is {here}")
    try:
        if command == "matrix":
            pythons = [environment("tools", ".ci/requirements.txt")]
        elif command == "hop-counts":
            pythons = [environment(f"django{one}", "requirements.txt", f"Django~={one}.0") for one in SERIES]
        else:
            pythons = [environment("tests", "requirements.txt")]
    except (OSError, subprocess.CalledProcessError) as error:
        return refuse(f"the environment could not be made: {error}")
    paths = [str(pythons[0].parent), *pythons_of_pyenv(), os.environ.get("PATH", os.defpath)]
    environ = {**os.environ, **UV_SETTINGS, "PATH": os.pathsep.join(paths)} if command == "matrix" else None
    try:
        called = ("-m", *COMMANDS[command], *rest)
        place = PLACES.get(command, HOME)
        return max(call([python, *called], cwd=place, env=environ) for python in pythons)
    except KeyboardInterrupt:
        return 130


def call(command: list[str | Path], **how: Any) -> int:
    """Run a program to its end: Ctrl-C is for it as well, and it may have servers to stop."""
    with subprocess.Popen(command, **how) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def pythons_of_pyenv() -> list[str]:
    """Find the directories of its interpreters: its own `python3.12` fails unless that one is chosen."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return [str(place) for place in sorted(root.glob("versions/*/bin"))]


def environment(name: str, requirements: str, instead: str = "") -> Path:
    """Find an environment of this Python, or make it anew where the requirements have changed.

    What is named `instead` takes the place of what the requirements pin, as in tox.ini.
    """
    place = HOME / ".uv" / f"{name}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = place / PROGRAMS / "python"
    wanted = hashlib.sha256(f"{sys.executable}{instead}".encode())
    for file in (requirements, "pyproject.toml"):
        wanted.update((HOME / file).read_bytes())
    stamp = place / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
        uv = find_uv()
        quietly(uv, "venv", "--clear", "--python", sys.executable, place)
        quietly(uv, "pip", "install", "--python", python, "--require-hashes", "-r", requirements)
        quietly(uv, "pip", "install", "--python", python, "--no-deps", "--editable", ".")
        if instead:
            quietly(uv, "pip", "install", "--python", python, instead)
        stamp.write_text(wanted.hexdigest())
    return python


def find_uv() -> Path:
    """Take the uv on the PATH, else install one here: not into a Python that somebody else looks after."""
    if found := shutil.which("uv"):
        return Path(found)
    place = HOME / ".uv" / "uv"
    if not (place / PROGRAMS / "uv").exists():
        quietly(
            sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--target", place, "uv"
        )
    return place / PROGRAMS / "uv"


def quietly(*command: str | Path) -> None:
    """Run a program, and show what it said only if it failed."""
    done = subprocess.run(
        command,
        cwd=HOME,
        env={**os.environ, **UV_SETTINGS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        done.check_returncode()


def refuse(reason: str) -> int:
    print(f"run.py: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

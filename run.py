"""The front door: `python3 run.py example` and `python3 run.py test` work with nothing but Python and pip.

example    run the plugin over the example project, on a PostgreSQL that is started for it
test       run the plugin's own tests
bench      measure what the plugin costs
matrix     run everything that CI runs, on all supported versions: tox

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

HOME = Path(__file__).resolve().parent
COMMANDS = {
    "example": ("pytest", "example_project", "--dbperf-report=term"),
    "test": ("pytest", "tests", "-n", "2"),
    "bench": ("tests.benchmarks",),
    "matrix": ("tox", "run"),
}
OLDEST = (3, 11)
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
    try:
        if command == "matrix":
            python = environment("tools", ".ci/requirements.txt")
        else:
            python = environment("tests", "requirements.txt")
    except (OSError, subprocess.CalledProcessError) as error:
        return refuse(f"the environment could not be made: {error}")
    paths = [str(python.parent), *pythons_of_pyenv(), os.environ.get("PATH", os.defpath)]
    environ = {**os.environ, **UV_SETTINGS, "PATH": os.pathsep.join(paths)} if command == "matrix" else None
    try:
        return subprocess.call([python, "-m", *COMMANDS[command], *rest], cwd=HOME, env=environ)
    except KeyboardInterrupt:
        return 130


def pythons_of_pyenv() -> list[str]:
    """Find the directories of its interpreters: its own `python3.12` fails unless that one is chosen."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return [str(place) for place in sorted(root.glob("versions/*/bin"))]


def environment(name: str, requirements: str) -> Path:
    """Find an environment of this Python, or make it anew where the requirements have changed."""
    place = HOME / ".uv" / f"{name}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = place / PROGRAMS / "python"
    wanted = hashlib.sha256(sys.executable.encode())
    for file in (requirements, "pyproject.toml"):
        wanted.update((HOME / file).read_bytes())
    stamp = place / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
        uv = find_uv()
        quietly(uv, "venv", "--clear", "--python", sys.executable, place)
        quietly(uv, "pip", "install", "--python", python, "--require-hashes", "-r", requirements)
        quietly(uv, "pip", "install", "--python", python, "--no-deps", "--editable", ".")
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

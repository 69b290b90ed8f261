"""The front door: `python3 run.py example` and `python3 run.py test` need nothing but Python and pip.

example             the tests of the example project's users and campaigns, with all their budgets, on a
                    PostgreSQL that is started for them: under a minute
example --broken    the same budgets on the API as it was before: every test fails, and says what to change
example --services  the tests that start gunicorn, Redis, PgBouncer or Prometheus: minutes
example-bench       measure the example project before and after, behind a real gunicorn
test                the plugin's own tests, without those that prove one more variation: a few minutes
test --all          all of the plugin's own tests
bench               measure what the plugin costs
adoption            switch the gate on in a generated suite of 5,000 tests: a quarter of an hour
hop-counts          measure how often Django's asynchronous API hops, for docs/reference/hop-counts.json
matrix              run all that CI runs on all supported versions: tox

Further arguments go to pytest, to the benchmarks or to tox. The environments are made in .uv/, with the
versions of requirements/tests.txt and requirements/tools.txt.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

HOME = Path(__file__).resolve().parent
QUICKSTART = ("pytest", "example_project/users", "example_project/campaigns")
BROKEN = "example_project/campaigns/tests/broken_budgets.py"
COMMANDS = {
    # `-rfE`: the summary of dbperf comes last, not a list of what was skipped.
    "example": (*QUICKSTART, "-m", "not services", "-q", "-rfE", "--dbperf-report=term"),
    "example --broken": ("pytest", BROKEN, "-q", "-rN", "-p", "no:randomly"),
    # They wait for servers most of the time.
    "example --services": ("pytest", "example_project", "-m", "services", "-n", "2"),
    "example-bench": ("benchmark",),
    "test": ("pytest", "tests", "-n", "2", "-m", "not thorough"),
    "test --all": ("pytest", "tests", "-n", "2"),
    "bench": ("tests.benchmarks",),
    "adoption": ("tests.gate",),
    "hop-counts": ("tests.hop_counts", "--write"),
    "matrix": ("tox", "run"),
}
# Where a command runs that needs a directory of its own.
DIRECTORIES = {"example-bench": HOME / "example_project"}
TESTS, TOOLS = "requirements/tests.txt", "requirements/tools.txt"
# What an environment takes on the disk, about.
MEGABYTES = {TESTS: 240, TOOLS: 670}
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
    command, rest = command_of(sys.argv[1:])
    if command not in COMMANDS:
        print(__doc__)
        return 0 if command in ("", "-h", "--help") else 2
    if command == "hop-counts" and sys.version_info < OLDEST_FOR_SERIES:
        needed, here = ".".join(map(str, OLDEST_FOR_SERIES)), sys.version.split()[0]
        return refuse(f"Django {SERIES[-1]} needs Python {needed} or newer, this is {here}")
    try:
        pythons = environments_of(command)
        paths = [str(pythons[0].parent), *pythons_of_pyenv(), os.environ.get("PATH", os.defpath)]
        environ = (
            {**os.environ, **UV_SETTINGS, "PATH": os.pathsep.join(paths)} if command == "matrix" else None
        )
        arguments = (*COMMANDS[command], *rest)
        say(f"runs `{shlex.join(['python', '-m', *arguments])}`")
        if command == "example --broken":
            say("each of these tests is meant to fail: the old API breaks its budget")
        directory = DIRECTORIES.get(command, HOME)
        return max(call([python, "-m", *arguments], cwd=directory, env=environ) for python in pythons)
    except (OSError, subprocess.CalledProcessError) as error:
        return refuse(f"the environment could not be made: {error}")
    except KeyboardInterrupt:
        return 130


def command_of(arguments: list[str]) -> tuple[str, list[str]]:
    """Divide what was typed into a key of COMMANDS and the arguments of what it runs."""
    command, *rest = arguments or [""]
    for option in rest:
        if f"{command} {option}" in COMMANDS:
            rest.remove(option)
            return f"{command} {option}", rest
    return command, rest


def environments_of(command: str) -> list[Path]:
    """Return the Pythons that a command runs in, one after the other."""
    if command == "matrix":
        return [environment("tools", TOOLS)]
    if command == "hop-counts":
        return [environment(f"django{one}", TESTS, f"Django~={one}.0") for one in SERIES]
    return [environment("tests", TESTS)]


def call(command: list[str | Path], **options: Any) -> int:
    """Run a program to its end: Ctrl-C is for it as well, and it may have servers to stop."""
    with subprocess.Popen(command, **options) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def pythons_of_pyenv() -> list[str]:
    """Find the directories of its interpreters: its own `python3.12` fails unless that one is chosen."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return [str(programs) for programs in sorted(root.glob("versions/*/bin"))]


def environment(name: str, requirements: str, instead: str = "") -> Path:
    """Find an environment of this Python, or make it anew where the requirements have changed.

    What is named `instead` takes the place of what the requirements pin, as in tox.ini.
    """
    directory = HOME / ".uv" / f"{name}-python{sys.version_info.major}.{sys.version_info.minor}"
    python = directory / PROGRAMS / "python"
    wanted = hashlib.sha256(f"{sys.executable}{instead}".encode())
    for file in (requirements, "pyproject.toml"):
        wanted.update((HOME / file).read_bytes())
    stamp = directory / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted.hexdigest():
        started = monotonic()
        uv = find_uv()
        number = len(re.findall(r"^\S+==", (HOME / requirements).read_text(), re.MULTILINE))
        size = f"up to {number} packages, about {MEGABYTES[requirements]} MB"
        say(f"makes {directory.relative_to(HOME)} (once): {size}")
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, directory)
        install = (uv, "pip", "install", "--python", python)
        run(*install, "--require-hashes", "-r", requirements)
        run(*install, "--quiet", "--no-deps", "--editable", ".")
        if instead:
            run(*install, instead)
        stamp.write_text(wanted.hexdigest())
        say(f"has made it in {monotonic() - started:.0f} seconds")
    return python


def find_uv() -> Path:
    """Take the uv on the PATH, else install one here: not into a Python that the system looks after."""
    if found := shutil.which("uv"):
        return Path(found)
    directory = HOME / ".uv" / "uv"
    if not (directory / PROGRAMS / "uv").exists():
        say(f"lets pip install uv into {directory.relative_to(HOME)} (once): about 25 MB to download")
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "--target", directory, "uv")
    return directory / PROGRAMS / "uv"


def run(*command: str | Path) -> None:
    """Run a program that shows its own progress, and raise CalledProcessError if it fails."""
    subprocess.run(command, cwd=HOME, env={**os.environ, **UV_SETTINGS}, check=True)


def say(what: str) -> None:
    """Say what happens before the output of the program that does it."""
    print(f"run.py: {what}", flush=True)


def refuse(reason: str) -> int:
    print(f"run.py: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

"""Does `run.py` run what it says? Do the budgets of `--broken` break?"""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import run

HOME = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("typed", "command", "rest"),
    [
        ([], "", []),
        (["test"], "test", []),
        (["test", "--all"], "test --all", []),
        (["test", "-k", "hops", "--all", "-x"], "test --all", ["-k", "hops", "-x"]),
        (["example", "--services"], "example --services", []),
        (["example", "--all"], "example", ["--all"]),
        (["matrix", "-e", "lint"], "matrix", ["-e", "lint"]),
    ],
)
def test_options_of_its_own_are_not_for_what_it_runs(typed, command, rest):
    """All others are, in their order."""
    assert run.command_of(typed) == (command, rest)


@pytest.mark.parametrize("command", run.COMMANDS)
def test_each_command_is_described(command):
    """`--help` is the docstring."""
    assert re.search(rf"^{command}  ", run.__doc__, re.MULTILINE)


@pytest.mark.parametrize("command", run.COMMANDS)
def test_each_command_names_files_that_exist(command):
    """They move, and `run.py` does not see it."""
    named = [word for word in run.COMMANDS[command] if word.startswith(("example_project", "tests/"))]

    assert [name for name in (*named, run.TESTS, run.TOOLS) if not (HOME / name).exists()] == []


def test_the_budgets_of_the_old_api_break(monkeypatch):
    """`run.py example --broken` fails with the numbers that the README of the example has."""
    url = os.environ["DATABASE_URL"]
    if url.startswith("postgres"):
        # This process has a database for its tests, and that one will have another.
        monkeypatch.setenv("DATABASE_URL", urlsplit(url)._replace(path=f"/broken_{os.getpid()}").geturl())
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)

    done = subprocess.run(
        [sys.executable, "-m", *run.COMMANDS["example --broken"], "-p", "no:cacheprovider"],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    first_lines = [
        "queries 62 > 3 (+59)   query_budget(3) at campaigns/tests/broken_budgets.py:",
        "N+1 queries 60 > 0 (+60) in 1 loop   no_n_plus_one at campaigns/tests/broken_budgets.py:",
        "queries grow 1.0 > 0 a row (2 -> 5), thread hops grow 1.0 > 0 a row (2 -> 5)   ",
        "sync_to_async hops 22 > 0 (+22)   no_sync_to_async at campaigns/tests/broken_budgets.py:",
    ]
    if url.startswith("postgres"):
        first_lines.insert(3, "unindexed filters 1 > 0 (+1)   no_unindexed_filters at campaigns/tests/")
    told = [line for line in done.stdout.splitlines() if re.match(r"\S.* > 0? ?", line)]
    assert len(told) == len(first_lines)
    assert [line for line, first in zip(told, first_lines, strict=True) if not line.startswith(first)] == []
    assert 'campaigns/api_before.py:34  .select_related("owner")' in done.stdout

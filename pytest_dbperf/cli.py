"""Which commands does `dbperf` have, and what do its exit codes say?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from pytest_dbperf.baseline import command as baseline
from pytest_dbperf.comparison import combine_command, compare_command

# A line for each command.
COMMANDS = (baseline.add_to, compare_command.add_to, combine_command.add_to)

_USAGE = 4
_EXIT_CODES = (
    "Exit codes: 0 nothing to say, 1 something was found, 4 wrong arguments or a file that is broken."
)


def parser() -> argparse.ArgumentParser:
    """Make the parser with all commands."""
    made = argparse.ArgumentParser(
        "dbperf", description="Work with the files of pytest-dbperf.", epilog=_EXIT_CODES
    )
    made.add_argument(
        "--version", action="version", version=f"pytest-dbperf {metadata.version('pytest-dbperf')}"
    )
    subparsers = made.add_subparsers(metavar="COMMAND", required=True)
    for add_to in COMMANDS:
        add_to(subparsers)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code."""
    try:
        args = parser().parse_args(arguments)
    except SystemExit as done:
        # argparse exits with 2 for wrong arguments, which pytest uses for an interrupted run.
        return _USAGE if done.code else 0
    try:
        exit_code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # `dbperf ... | head` has read enough. Python would fail once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return exit_code

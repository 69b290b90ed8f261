"""Which commands has `dbperf baseline`? `merge`, `fmt`, `stats` and `check`."""

from __future__ import annotations

import argparse
import sys

from pytest_dbperf.baseline import check_command, fmt_command, merge_command, stats_command
from pytest_dbperf.baseline.git import GitFailed
from pytest_dbperf.baseline.text import BrokenBaseline
from pytest_dbperf.results.reading import NotARun

_USAGE = 4


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `baseline` to the commands of `dbperf`."""
    parser = subparsers.add_parser("baseline", help="merge, format, count and check the file of debts")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (merge_command, fmt_command, stats_command, check_command):
        command.add_to(commands)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run one of the commands, and tell why it cannot be done."""
    try:
        exit_code: int = args.run_baseline(args)
    except BrokenPipeError:
        raise
    except (BrokenBaseline, GitFailed, NotARun, OSError) as error:
        print(f"dbperf baseline: {error}", file=sys.stderr)
        return _USAGE
    return exit_code

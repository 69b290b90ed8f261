"""`dbperf combine RUN.json... --expect N -o ALL.json`: do the shards make one run?"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_dbperf.comparison.shards import combine
from pytest_dbperf.reports.json import document
from pytest_dbperf.reports.terminal import counted, last_line
from pytest_dbperf.reports.writing import NotWritten, write_report
from pytest_dbperf.results.reading import NotARun, read_run

_OK, _RED, _USAGE = 0, 1, 4


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    command = subparsers.add_parser("combine", help="join the JSON reports of the shards of a suite")
    command.add_argument("shards", metavar="RUN.json", type=Path, nargs="+", help="the report of a shard")
    command.add_argument(
        "--expect", metavar="N", type=_count, required=True, help="how many shards there must be"
    )
    command.add_argument(
        "-o", "--output", metavar="ALL.json", type=Path, required=True, help="the report of all shards"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Join the shards, write the run, and return the exit code."""
    problems = list(_given_twice(args.shards))
    shards = []
    for path in args.shards:
        try:
            shards.append((str(path), read_run(path)))
        except NotARun as error:
            problems.append(str(error))
    if not problems:
        combined = combine(shards, args.expect)
        problems += combined.problems
        for remark in combined.remarks:
            sys.stderr.write(f"dbperf: {remark}\n")
        if combined.run is not None:
            try:
                write_report(args.output, document(combined.run))
            except NotWritten as error:
                sys.stderr.write(f"dbperf: {error}\n")
                return _USAGE
            sys.stdout.write(f"{last_line(combined.run)}, from {counted(args.expect, 'shard')}\n")
            return _OK
    for problem in problems:
        sys.stderr.write(f"dbperf: {problem}\n")
    sys.stderr.write(
        f"dbperf: {args.output} was not written: the shards are not one run, see above. "
        "Run the jobs of these shards again, and give each of their reports once.\n"
    )
    return _RED


def _given_twice(paths: list[Path]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            yield f"{path} was given twice"
        seen.add(real)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"takes a number of shards, got {text!r}")
    return int(text)

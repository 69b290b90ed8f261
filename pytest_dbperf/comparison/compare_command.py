"""`dbperf compare BASE.json HEAD.json`: is one run worse than the other?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from pytest_dbperf.comparison import text
from pytest_dbperf.comparison.comparing import compare
from pytest_dbperf.comparison.gates import GATES, UnknownGate, failed_gates, gates_of
from pytest_dbperf.results.reading import NotARun, read_run

_OK, _WORSE, _USAGE = 0, 1, 4
_TOP = 10


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its options."""
    command = subparsers.add_parser("compare", help="compare the JSON reports of two runs")
    command.add_argument("base", metavar="BASE.json", type=Path, help="the earlier run")
    command.add_argument("head", metavar="HEAD.json", type=Path, help="the run to judge")
    command.add_argument(
        "--fail-on",
        metavar="GATES",
        action="append",
        default=[],
        type=_gates,
        help=f"exit with {_WORSE} for these changes: {', '.join(GATES)}; comma-separated",
    )
    command.add_argument("--json", action="store_true", help="write the comparison as JSON")
    command.add_argument(
        "--top", metavar="N", type=int, default=_TOP, help=f"changes of each sort (default {_TOP}, 0 for all)"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare, write it, and return the exit code."""
    try:
        verdict = compare(read_run(args.base), read_run(args.head))
    except NotARun as error:
        _write(sys.stderr, [f"dbperf: {error}"])
        return _USAGE
    if args.json:
        _write(sys.stdout, [json.dumps(verdict.to_json(), indent=1)])
    else:
        _write(sys.stdout, text.lines(verdict, str(args.base), args.top))
    gates = [gate for gates in args.fail_on for gate in gates]
    failed = list(failed_gates(verdict, gates))
    _write(sys.stderr, text.gate_lines(failed, str(args.base), verdict))
    return _WORSE if failed else _OK


def _gates(names: str) -> list[str]:
    try:
        return list(gates_of([names]))
    except UnknownGate as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _write(stream: TextIO, lines: Iterable[str]) -> None:
    stream.writelines(f"{line}\n" for line in lines)

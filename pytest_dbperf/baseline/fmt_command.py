"""What does `dbperf baseline fmt` do? It writes the file of debts in its canonical form."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_dbperf.baseline.arguments import file_of
from pytest_dbperf.baseline.files import read_baseline, write_text
from pytest_dbperf.baseline.text import fmt_of, written


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    about = (
        "Sort the debts, and write them with TABs, as UTF-8. Of several lines about one debt, keep the lower"
        " numbers and all comments."
    )
    parser = subparsers.add_parser("fmt", help="write the file in its canonical form", description=about)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="without one: the nearest file")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and exit with 1 if a file is not"
    )
    parser.set_defaults(run_baseline=run)


def run(args: argparse.Namespace) -> int:
    """Write each file that is not canonical, or name it."""
    has_found = False
    for file in args.files or [file_of(None)]:
        # A file that could be repaired is broken for a check, as it is for pytest.
        text = written(read_baseline(file, repair=not args.check))
        if file.read_bytes() == text.encode():
            continue
        has_found = True
        if args.check:
            print(f"{file}: not in its canonical form. To change that, {fmt_of(file)}.")
        else:
            write_text(file, text)
            print(f"{file}: written in its canonical form")
    return 1 if args.check and has_found else 0

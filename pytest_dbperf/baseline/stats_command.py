"""What does `dbperf baseline stats` do? It counts the debts, and tells which to pay first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pytest_dbperf.baseline.arguments import file_of
from pytest_dbperf.baseline.burdens import Burden, burdens_in
from pytest_dbperf.baseline.check_command import expired_as_json
from pytest_dbperf.baseline.files import read_text
from pytest_dbperf.baseline.git import GitFailed, days_of_lines, is_shallow
from pytest_dbperf.baseline.statistics import Statistics, statistics_of
from pytest_dbperf.baseline.text import lines_of_debts, parsed
from pytest_dbperf.baseline.wording import counted
from pytest_dbperf.results.reading import read_run


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    about = (
        "Count the debts by folder, owner and age, and list those past their `until=`. With the JSON report"
        " of a run, list its findings, those of most tests and routes first."
    )
    parser = subparsers.add_parser("stats", help="count debts, and list what to fix first", description=about)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="without one: the nearest file")
    parser.add_argument(
        "--run",
        dest="report",
        type=Path,
        metavar="RUN.json",
        help="a run that --dbperf-report=json:PATH wrote",
    )
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="list N findings to fix (default 10)"
    )
    parser.add_argument("--json", action="store_true", help="write JSON, with all findings")
    parser.set_defaults(run_baseline=run)


def run(args: argparse.Namespace) -> int:
    """Print the statistics."""
    file = file_of(args.file)
    text = read_text(file)
    burdens = None if args.report is None else burdens_in(read_run(args.report))
    days, note = _days_of(file)
    numbers = statistics_of(parsed(text, file), lines_of_debts(text, file), days, datetime.now(UTC).date())
    if args.json:
        print(json.dumps(_document(file, numbers, note, burdens), indent=1))
    else:
        print("\n".join([*_lines(file, numbers, note), *_lines_of_burdens(burdens, args.top)]))
    return 0


def _days_of(file: Path) -> tuple[Mapping[int, date] | None, str]:
    """Return when each line was changed, and what a reader should know about that."""
    try:
        days = days_of_lines(file)
    except GitFailed as error:
        return None, f"unknown: {error}"
    if is_shallow(file.parent):
        return days, "this clone is shallow, so lines may be older; run `git fetch --unshallow`"
    return days, ""


def _lines(file: Path, numbers: Statistics, note: str) -> Iterator[str]:
    by_type = ", ".join(f"{debt_type} {number}" for debt_type, number in numbers.by_type.items())
    yield f"{file}: {counted(sum(numbers.by_type.values()), 'debt')}" + (f" ({by_type})" if by_type else "")
    yield from _table("by folder", numbers.by_folder)
    yield from _table("by owner", numbers.by_owner)
    yield from _table("by age: since the line was last changed", numbers.by_age or {})
    if note:
        yield f"\nage: {note}"
    if numbers.expired:
        yield "\nto look at now"
        for one in numbers.expired:
            yield f"  {file}:{one.line}: {one.debt.key}: {one.problem}"


def _table(title: str, numbers: Mapping[str, int]) -> Iterator[str]:
    if numbers:
        yield f"\n{title}"
        width = max(map(len, map(str, numbers.values())))
        yield from (f"  {number:>{width}}  {name}" for name, number in numbers.items())


def _lines_of_burdens(burdens: Sequence[Burden] | None, top: int) -> Iterator[str]:
    if burdens is None:
        return
    yield "\nfix first" if burdens else "\nfix first: nothing was found in that run"
    for each in burdens[:top]:
        state = "a debt" if each.is_accepted else "no debt"
        where = ", in the tests' own code" if each.in_tests else ""
        burden = f"{counted(len(each.tests), 'test')}, {counted(len(each.routes), 'route')}"
        yield f"  {burden}: {each.cause} ({state}{where})"
        yield from (f"    {line}" for line in (*each.lines[:1], each.fix) if line)
    if len(burdens) > top:
        yield f"  ... {len(burdens) - top} more (--top={len(burdens)} lists all)"


def _document(
    file: Path, numbers: Statistics, note: str, burdens: Sequence[Burden] | None
) -> Mapping[str, Any]:
    return {
        "schema": "dbperf-baseline-stats/1",
        "file": file.as_posix(),
        "debts": sum(numbers.by_type.values()),
        "by_type": numbers.by_type,
        "by_folder": numbers.by_folder,
        "by_owner": numbers.by_owner,
        "by_age": numbers.by_age,
        "age_note": note,
        "expired": [expired_as_json(one) for one in numbers.expired],
        "fix_first": None if burdens is None else [asdict(each) for each in burdens],
    }

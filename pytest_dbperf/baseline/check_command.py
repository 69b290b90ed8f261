"""What does `dbperf baseline check` do? It tells which debts were raised since a commit or have expired."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_dbperf.baseline.arguments import file_of
from pytest_dbperf.baseline.debts import Key
from pytest_dbperf.baseline.files import read_text
from pytest_dbperf.baseline.history import Since, since
from pytest_dbperf.baseline.raises import Raise
from pytest_dbperf.baseline.statistics import Expired, expired_in
from pytest_dbperf.baseline.text import lines_of_debts, parsed
from pytest_dbperf.baseline.wording import counted

_FOUND, _USAGE = 1, 4
_NO_REASON = (
    "dbperf baseline check: a raise has no reason."
    " Write it at the end of its line, after a TAB: `# reason, owner=@team, until=2027-03`."
)


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    about = (
        "Read the file. Tell which debts are new or higher since the commit where this branch left REF, and"
        " which are past their `until=`."
    )
    parser = subparsers.add_parser("check", help="tell raised and expired debts", description=about)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="without one: the nearest file")
    parser.add_argument("--against", metavar="REF", help="the branch that this one is to be merged into")
    parser.add_argument("--require-reason", action="store_true", help="exit with 1 if a raise has no reason")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run_baseline=run)


def run(args: argparse.Namespace) -> int:
    """Tell what was raised and what has expired. Exit with 1 if a raise needs a reason and has none."""
    if args.require_reason and args.against is None:
        print("dbperf baseline check: --require-reason needs --against=REF", file=sys.stderr)
        return _USAGE
    file = file_of(args.file)
    text = read_text(file)
    now = parsed(text, file)
    line_of = lines_of_debts(text, file)
    expired = expired_in(now, line_of, datetime.now(UTC).date())
    changes = None if args.against is None else since(args.against, file, now)
    raises = () if changes is None else changes.raises
    if args.json:
        print(json.dumps(_document(file, changes, expired, line_of), indent=1))
    else:
        print(f"{file}: {counted(len(now.debts), 'debt')}" if changes is None else _summary(file, changes))
        for each in raises:
            print(_line(file, line_of, each, needs_reason=args.require_reason))
        for one in expired:
            print(f"{file}:{one.line}: {one.debt.key}: {one.problem}")
    if not args.require_reason or all(each.has_reason for each in raises):
        return 0
    print(_NO_REASON, file=sys.stderr)
    return _FOUND


def _summary(file: Path, changes: Since) -> str:
    number = len(changes.raises) or "nothing"
    return f"{file}: {number} new or raised since {changes.ref} (common commit {changes.commit[:10]})"


def _line(file: Path, line_of: Mapping[Key, int], each: Raise, *, needs_reason: bool) -> str:
    parts = [f"{file}:{line_of[each.debt.key]}: {each.debt.key}: {each.change}"]
    if each.merge:
        parts.append(f"the merge {each.merge[:10]} took the higher number")
    if needs_reason and not each.has_reason:
        parts.append("no reason")
    return ", ".join(parts)


def _document(
    file: Path, changes: Since | None, expired: Sequence[Expired], line_of: Mapping[Key, int]
) -> Mapping[str, Any]:
    return {
        "schema": "dbperf-baseline-check/1",
        "file": file.as_posix(),
        "against": None if changes is None else changes.ref,
        "common_commit": None if changes is None else changes.commit,
        "raises": [
            {
                "debt_type": each.debt.key.debt_type,
                "names": each.debt.key.names,
                "line": line_of[each.debt.key],
                "change": each.change,
                "numbers": each.debt.numbers,
                "before": None if each.before is None else each.before.numbers,
                "comment": each.debt.comment,
                "has_reason": each.has_reason,
                "merge": each.merge or None,
            }
            for each in (() if changes is None else changes.raises)
        ],
        "expired": [expired_as_json(one) for one in expired],
    }


def expired_as_json(one: Expired) -> Mapping[str, Any]:
    """Write a debt that has expired as JSON."""
    return {
        "debt_type": one.debt.key.debt_type,
        "names": one.debt.key.names,
        "line": one.line,
        "until": None if one.until is None else one.until.isoformat(),
        "problem": one.problem,
        "comment": one.debt.comment,
    }

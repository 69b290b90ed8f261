"""What does `dbperf baseline merge` do? It merges three files for git, or one that has a conflict."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from pytest_dbperf.baseline.conflicts import Versions, versions_in
from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.files import read_text, write_baseline
from pytest_dbperf.baseline.git import GitFailed, version_at, write_conflict
from pytest_dbperf.baseline.merging import merged
from pytest_dbperf.baseline.text import BrokenBaseline, parsed
from pytest_dbperf.baseline.wording import counted

_CONFLICT, _USAGE = 1, 4
# The stages of a file in git's index during a merge.
_BASE, _OURS, _THEIRS = ":1", ":2", ":3"


def add_to(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    about = (
        "Merge OURS and THEIRS, which come from BASE, into OURS, as a merge driver of git. With one FILE:"
        " merge the versions that git left in it between conflict markers. If both sides changed a number,"
        " the lower one holds. What one side removed is gone. Comments stay."
    )
    parser = subparsers.add_parser(
        "merge",
        help="merge two versions of the file",
        description=about,
        usage="dbperf baseline merge [--name NAME] BASE OURS THEIRS\n       dbperf baseline merge FILE",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="BASE OURS THEIRS, or one file")
    parser.add_argument("--name", default="", help="the file's name in messages: git's %%P")
    parser.set_defaults(run_baseline=run)


def run(args: argparse.Namespace) -> int:
    """Merge as many files as were named."""
    match args.files:
        case [base, ours, theirs]:
            return _drive(base, ours, theirs, args.name)
        case [file]:
            return _resolve(file)
        case files:
            print(f"dbperf baseline merge: it takes one file or three, not {len(files)}", file=sys.stderr)
            return _USAGE


def _drive(base: Path, ours: Path, theirs: Path, name: str) -> int:
    """Merge for git, which takes what is in `ours` afterwards, and 1 as a conflict."""
    versions: list[Baseline] = []
    try:
        for side, file in (("base", base), ("ours", ours), ("theirs", theirs)):
            versions.append(parsed(read_text(file), f"{name} ({side})" if name else file))
    except BrokenBaseline as error:
        print(f"dbperf baseline merge: {error}", file=sys.stderr)
        if write_conflict(base, ours, theirs):
            repair = f"dbperf baseline merge {shlex.quote(name or str(ours))}"
            said = "git has merged it line by line instead. Correct the line in the result, then run"
            print(f"dbperf baseline merge: {said} `{repair}`.", file=sys.stderr)
        return _CONFLICT
    write_baseline(ours, merged(*versions))
    return 0


def _resolve(file: Path) -> int:
    text = read_text(file, repair=True)
    versions = versions_in(text, file) or _versions_in_index(text, file)
    if versions is None:
        parsed(text, file)
        print(f"{file}: there is no conflict to merge")
        return 0
    ours, theirs = (parsed(each, file, repair=True) for each in (versions.ours, versions.theirs))
    base_text = _base_in_index(file) if versions.base is None else versions.base
    base = None if base_text is None else parsed(base_text, file, repair=True)
    result = merged(base, ours, theirs)
    write_baseline(file, result)
    print(f"{file}: merged, {counted(len(result.debts), 'debt')}. Next: `git add {shlex.quote(str(file))}`")
    if base is None:
        gone = sorted({*ours.debts, *theirs.debts} - {*result.debts})
        for key in gone:
            print(f"  removed, because only one side has it: {key}")
        if gone:
            print("  The version before both is not known. `pytest --dbperf-update` accepts what is needed.")
    return 0


def _versions_in_index(text: str, file: Path) -> Versions | None:
    """Find the versions of a file without markers: git could not start its merge driver, and left ours."""
    ours, theirs = _version_at(_OURS, file), _version_at(_THEIRS, file)
    if ours is None or theirs is None or parsed(text, file, repair=True) != parsed(ours, file, repair=True):
        return None
    return Versions(None, ours, theirs)


def _base_in_index(file: Path) -> str | None:
    """Return the version before both sides: empty if git knows both, and both have added the file."""
    sides = [_version_at(stage, file) for stage in (_OURS, _THEIRS)]
    return None if None in sides else _version_at(_BASE, file) or ""


def _version_at(stage: str, file: Path) -> str | None:
    try:
        return version_at(stage, file)
    except GitFailed:
        return None

"""What does git know about a file: its versions, its commits, and when each line was changed?"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

# `git blame` gives this commit to lines that are not committed.
_NOT_COMMITTED = "0" * 40
_MOST_CONFLICTS = 127
_SET_BY_GIT = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"}
_FIRST_LINE = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?")


class GitFailed(Exception):
    """Git cannot answer. The text says why, and what to do."""


def version_at(commit: str, file: Path) -> str | None:
    """Return a file's text in a commit, or in the index with `:2`; None if it is not there."""
    name = f"{commit}:./{file.name}"
    if _run(["rev-parse", "--verify", "--quiet", name], file.parent).returncode:
        return None
    return _answer(["cat-file", "blob", name], file.parent)


def merge_base(ref: str, directory: Path) -> str:
    """Return the commit where the branch of HEAD and a ref parted.

    Raises:
        GitFailed: There is no repository, no such ref, or no such commit in this clone.
    """
    _answer(["rev-parse", "--git-dir"], directory)
    commits: list[str] = []
    for name in ("HEAD", ref):
        arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = _run(arguments, directory)
        if found.returncode:
            raise GitFailed(_unknown_ref(name))
        commits.append(_text(found.stdout).strip())
    common = common_commit(commits[0], commits[1], directory)
    if common is None:
        shallow = is_shallow(directory)
        raise GitFailed(_too_shallow(ref) if shallow else f"HEAD and {ref} have no commit in common")
    return common


def merges_since(commit: str, directory: Path) -> Sequence[Sequence[str]]:
    """Return the merges of two commits since a commit, the oldest first: each with its two parents."""
    lines = _answer(["rev-list", "--merges", "--parents", "--reverse", f"{commit}..HEAD"], directory)
    return [words for words in map(str.split, lines.splitlines()) if len(words) == 3]  # noqa: PLR2004


def common_commit(one: str, other: str, directory: Path) -> str | None:
    """Return the commit where two commits parted, or None."""
    found = _run(["merge-base", one, other], directory)
    return None if found.returncode else _text(found.stdout).strip()


def is_shallow(directory: Path) -> bool:
    """Tell whether a clone has only the latest commits."""
    return _answer(["rev-parse", "--is-shallow-repository"], directory).strip() == "true"


def days_of_lines(file: Path) -> Mapping[int, date]:
    """Return the day on which each committed line was changed last, by its number.

    Raises:
        GitFailed: The file is not in git.
    """
    porcelain = _answer(["blame", "--line-porcelain", "--", file.name], file.parent)
    days: dict[int, date] = {}
    commit, number = "", 0
    for line in porcelain.split("\n"):
        first = _FIRST_LINE.fullmatch(line)
        if first is not None:
            commit, number = first[1], int(first[2])
        elif line.startswith("committer-time ") and commit != _NOT_COMMITTED:
            days[number] = datetime.fromtimestamp(int(line.split(" ")[1]), UTC).date()
    return days


def write_conflict(base: Path, ours: Path, theirs: Path) -> bool:
    """Merge files as git does without a driver, with conflict markers in `ours`. Return whether it could."""
    labels = [word for label in ("ours", "base", "theirs") for word in ("-L", label)]
    files = [str(path.absolute()) for path in (ours, base, theirs)]
    try:
        done = _run(["merge-file", "--quiet", *labels, *files], ours.parent)
    except GitFailed:
        return False
    return 0 <= done.returncode <= _MOST_CONFLICTS


def _answer(arguments: Sequence[str], directory: Path) -> str:
    done = _run(arguments, directory)
    if done.returncode:
        raise GitFailed(
            f"`git {arguments[0]}` failed in {directory.absolute()}: {_text(done.stderr).strip()}"
        )
    return _text(done.stdout)


def _run(arguments: Sequence[str], directory: Path) -> subprocess.CompletedProcess[bytes]:
    # A hook of git may name the repository of another directory.
    environ = {name: value for name, value in os.environ.items() if name not in _SET_BY_GIT}
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=directory, env=environ, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise GitFailed("git is not installed, or not on PATH") from None


def _text(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")


def _unknown_ref(ref: str) -> str:
    if ref == "HEAD":
        return "the repository has no commit yet"
    remote, slash, branch = ref.partition("/")
    fetch = f"git fetch {remote} {branch}" if slash else f"git fetch origin {ref}"
    return f"git does not know `{ref}`. Run `{fetch}`, or fetch all branches in CI (`fetch-depth: 0`)"


def _too_shallow(ref: str) -> str:
    return (
        f"this clone is shallow: it ends before the commit that HEAD and {ref} have in common."
        " Run `git fetch --unshallow`, or fetch the history in CI (`fetch-depth: 0`, `GIT_DEPTH: 0`)"
    )

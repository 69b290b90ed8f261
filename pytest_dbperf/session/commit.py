"""Which commit is tested? git tells, where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

# One call for both. A lock on the index could stop a git that you run meanwhile; files that git does not
# know, such as the report itself, make nothing dirty.
_STATUS = ("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no")
_COMMIT = b"# branch.oid "
_SECONDS_TO_WAIT = 10


def commit_of(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit that is checked out in a directory, and whether files have changed since.

    Both are None without git, without a commit, or if git does not trust the directory.
    """
    try:
        status = subprocess.run(  # noqa: S603  # The arguments are ours.
            ("git", *_STATUS),  # noqa: S607  # Where it is differs.
            cwd=root,
            capture_output=True,
            timeout=_SECONDS_TO_WAIT,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None, None
    lines = status.splitlines()
    commits = [line.removeprefix(_COMMIT).decode() for line in lines if line.startswith(_COMMIT)]
    if commits in ([], ["(initial)"]):
        return None, None
    return commits[0], any(not line.startswith(b"#") for line in lines)

"""Where in its repository is a suite? CI services want paths that begin at the repository."""

from __future__ import annotations

import os
from pathlib import Path


def directory_in_repository(root: Path) -> str:
    """Return the path from the repository to a directory of it, such as `backend`.

    It is empty for the repository itself, and if no directory above has a `.git`.
    """
    for folder in (root, *root.parents):
        # A worktree has a file of this name.
        if os.path.exists(folder / ".git"):  # noqa: PTH110  # Path.exists() raises an error without permission.
            return "" if folder == root else root.relative_to(folder).as_posix()
    return ""

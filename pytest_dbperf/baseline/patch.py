"""How is a change of the baseline written as a patch? As `git apply` reads it, from git's top directory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path


def top_of(path: Path) -> Path:
    """Return the directory that git's paths are relative to, or else that of the file."""
    return next((parent for parent in path.parents if (parent / ".git").exists()), path.parent)


def patch(path: str, before: str, after: str) -> str:
    """Write the change of a file. `path` is relative to git's top directory."""
    # Behind a blank, git takes what follows a TAB for a date.
    end = "\t" if " " in path else ""
    lines = [f"diff --git a/{path} b/{path}\n"]
    lines += unified_diff(_lines(before), _lines(after), f"a/{path}{end}", f"b/{path}{end}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> Sequence[str]:
    # str.splitlines() also splits at form feeds and other characters.
    return list(io.StringIO(text, newline="\n"))

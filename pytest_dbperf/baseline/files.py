"""Where is the file of a suite's debts, and how is it read and written?"""

from __future__ import annotations

import os
import shlex
import shutil
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pytest_dbperf.baseline.debts import Baseline
from pytest_dbperf.baseline.text import BrokenBaseline, fmt_of, parsed, written

NAME = "dbperf-baseline.tsv"


def nearest_baseline(root: Path) -> Path | None:
    """Find the baseline nearest to a directory: there, else above it, up to the one with `.git`."""
    directories = [root, *root.parents]
    ends = [index for index, directory in enumerate(directories) if (directory / ".git").exists()]
    within = directories[: ends[0] + 1] if ends else [root]
    return next((directory / NAME for directory in within if (directory / NAME).exists()), None)


def read_baseline(path: Path, *, repair: bool = False) -> Baseline:
    """Read a file of debts.

    Raises:
        BrokenBaseline: It cannot be opened or decoded, or its text is broken.
    """
    return parsed(read_text(path, repair=repair), path, repair=repair)


def read_text(path: Path, *, repair: bool = False) -> str:
    """Read a file as UTF-8. To `repair` reads UTF-16 too, and else what is no UTF-8 as Windows-1252."""
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = f"look at `ls -l {shlex.quote(str(path))}`"
        raise BrokenBaseline(path, None, f"it cannot be read: {error.strerror}", remedy) from None
    return decoded(content, path, repair=repair)


def decoded(content: bytes, path: Path | str, *, repair: bool = False) -> str:
    """Decode the content of a file as `read_text` does."""
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
    if encoding == "utf-16" and not repair:
        raise BrokenBaseline(path, 1, "it is UTF-16 and has to be UTF-8", fmt_of(path))
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if repair:
            return content.decode("cp1252", "backslashreplace")
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is no UTF-8"
        raise BrokenBaseline(path, line, problem, fmt_of(path)) from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a file of debts in its canonical form. It is replaced in one step, and keeps its mode and links.

    Raises:
        OSError: The disk is full, or the directory cannot be written. The file is as it was.
    """
    write_text(path, written(baseline))


def write_text(path: Path, text: str) -> None:
    """Write a file as `write_baseline` does."""
    target = Path(os.path.realpath(path))
    new = target.with_name(f".dbperf-{uuid4().hex}.tmp")
    try:
        new.write_bytes(text.encode("utf-8", "backslashreplace"))
        if target.exists():
            shutil.copymode(target, new)
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise

"""How is a file written? As a whole, and it keeps its owner, its mode and its links."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def write_file(path: Path, content: bytes) -> None:
    """Write a file again: a new file replaces it in one step, so that it is whole at every moment.

    A file with several hard links is written in place, and restored if that fails. So is a file if
    a new one cannot get its owner or its extended attributes. Raises PermissionError for a read-only
    file: its owner does not want it changed.
    """
    path = path.resolve()
    before = path.stat()
    # Not os.access() alone: it allows root everything.
    if not (before.st_mode & _WRITE and os.access(path, os.W_OK)):
        raise PermissionError(errno.EACCES, "it is read-only", str(path))
    if before.st_nlink > 1 or not _replace(path, content, before):
        _overwrite(path, content)


def _replace(path: Path, content: bytes, before: os.stat_result) -> bool:
    """Replace a file in one step. Return whether the new file is like the old one; if not, change nothing."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(content)
            file.close()
            is_alike = _is_made_alike(new, path, before)
            if is_alike:
                new.replace(path)
        except BaseException:
            new.unlink()
            raise
    if not is_alike:
        new.unlink()
    return is_alike


def _is_made_alike(new: Path, path: Path, before: os.stat_result) -> bool:
    """Give a new file the owner and the mode of another. Return whether it has got all that the other has."""
    made = new.stat()
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.chown(new, before.st_uid, before.st_gid)
        except OSError:
            return False
    shutil.copymode(path, new)  # After chown(), which clears the bits for setuid and setgid.
    return _attributes_of(new) == _attributes_of(path)


def _attributes_of(path: Path) -> dict[str, bytes]:
    """Return the extended attributes of a file, such as access control lists, where Python can read them."""
    try:
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}
    except (AttributeError, OSError):  # It is not Linux, or the file system has none.
        return {}


def _overwrite(path: Path, content: bytes) -> None:
    before = path.read_bytes()
    try:
        path.write_bytes(content)
    except BaseException:
        path.write_bytes(before)
        raise

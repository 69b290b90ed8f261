"""How is a report written? Whole or not at all: to a new file beside it, which then takes its name."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

# A new file beside the report is refused: the folder is read-only, or the report is mounted by itself.
_ONLY_IN_PLACE = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY))
_MODE_OF_NEW_FILES = 0o666
_STREAMS = {1: "stdout", 2: "stderr"}


class NotWritten(Exception):
    """A report could not be written. The text says which one, and why."""


def wrong_paths(files: Iterable[tuple[str, Path]]) -> Iterator[str]:
    """Name the reports, each a type and a path, that cannot be written where they should be."""
    type_of: dict[Path, str] = {}
    for report_type, path in files:
        reason = why_not_writable(path)
        if reason is None and (path.is_file() or not path.exists()):
            other = type_of.setdefault(_target_of(path), report_type)
            reason = None if other == report_type else f"the report {other} is written there"
        if reason is not None:
            yield f"--dbperf-report={report_type}:{path} cannot be written: {reason}"


def why_not_writable(path: Path) -> str | None:
    """Return why a report cannot be written there, or None. Makes the folders above it that are missing."""
    try:
        there = _status_of(path)
        if there is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _try_folder(_target_of(path).parent)
            return None
    except (OSError, ValueError) as error:
        return _reason_of(error)
    if stat.S_ISDIR(there.st_mode):
        return "it is a folder"
    if stat.S_ISSOCK(there.st_mode):
        return "it is a socket"
    return None if os.access(path, os.W_OK) else "no permission to write it"


def write_report(path: Path, text: str) -> None:
    """Write a report. A pipe, a device and standard output are written to, all other files are replaced.

    Raises:
        NotWritten: The disk is full, or the folder is gone. An earlier report is still there, unchanged.
    """
    # A lone surrogate, as in the name of a file that is not UTF-8, has no bytes.
    content = text.encode("utf-8", "backslashreplace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        there = _status_of(path)
        stream = _stream_at(path)
        if stream is not None:
            _write_to_stream(stream, content)
        elif there is not None and not stat.S_ISREG(there.st_mode):
            path.write_bytes(content)
        else:
            _replace(_target_of(path), content, there)
    except (OSError, ValueError) as error:
        raise NotWritten(f"{path} was not written: {_reason_of(error)}") from None


def add_report(path: Path, text: str) -> None:
    """Add a report to the end of a file, which other tools write into, too.

    Raises:
        NotWritten: The disk is full, or the folder is gone.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as error:
        raise NotWritten(f"{path} was not written: {_reason_of(error)}") from None


def _status_of(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _target_of(path: Path) -> Path:
    """Return the file that a link leads to: the link itself stays."""
    return Path(os.path.realpath(path))


def _reason_of(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _try_folder(folder: Path) -> None:
    """Make a file in a folder and remove it: permissions alone do not tell, as on a read-only file system."""
    trial = _name_beside(folder)
    os.close(_create(trial))
    trial.unlink()


def _name_beside(folder: Path) -> Path:
    # Not a longer form of the report's name, which may be as long as the file system allows.
    return folder / f".dbperf-{uuid4().hex}.tmp"


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE_OF_NEW_FILES)


def _stream_at(path: Path) -> int | None:
    """Return the number of the stream that a device such as `/dev/stdout` stands for."""
    name = os.path.abspath(path)  # noqa: PTH100  # Links would lead past /dev.
    for number, stream in _STREAMS.items():
        if name in (f"/dev/{stream}", f"/dev/fd/{number}", f"/proc/self/fd/{number}"):
            return number
    return None


def _write_to_stream(number: int, content: bytes) -> None:
    # If the shell sends the stream into a file, opening that again would overwrite what pytest has printed.
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with open(os.dup(number), "wb") as file:  # noqa: PTH123  # It has a number, and no path.
        file.write(content)


def _replace(path: Path, content: bytes, there: os.stat_result | None) -> None:
    new = _name_beside(path.parent)
    try:
        with open(_create(new), "wb") as file:
            file.write(content)
        if there is not None:
            _keep_owner(new, there)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        if there is None or error.errno not in _ONLY_IN_PLACE:
            raise
        path.write_bytes(content)


def _keep_owner(new: Path, there: os.stat_result) -> None:
    # Only root may give files away, and Windows has no owners of this form.
    with suppress(OSError, AttributeError):
        os.chown(new, there.st_uid, there.st_gid)
    new.chmod(stat.S_IMODE(there.st_mode))

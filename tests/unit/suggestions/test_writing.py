"""A file that is written keeps all but its content."""

import os
import stat
from pathlib import Path

import pytest

from pytest_dbperf.suggestions.writing import write_file


@pytest.fixture
def file(tmp_path):
    """A file to write."""
    path = tmp_path / "test_it.py"
    path.write_bytes(b"old, and longer than the new one")
    return path


def refuse(*_):
    """Fail as a system call does that is not allowed."""
    raise PermissionError(1, "Operation not permitted")


def test_it_keeps_its_mode_and_its_symbolic_links(tmp_path, file):
    """The file that a link leads to is written."""
    file.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(file)

    write_file(link, b"new")

    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o750


def test_it_keeps_its_hard_links(tmp_path, file):
    """Both names still have the same content."""
    other = tmp_path / "other.py"
    other.hardlink_to(file)

    write_file(file, b"new")

    assert other.read_bytes() == b"new"
    assert file.samefile(other)


def test_it_keeps_its_owner(file, monkeypatch):
    """A new file gets the owner of the old one before its mode, as chown() clears bits of the mode."""
    asked = []
    mine = Path.stat
    monkeypatch.setattr(os, "chown", lambda path, *owner: asked.append(owner))
    monkeypatch.setattr(
        Path, "stat", lambda path, **how: with_owner(mine(path, **how)) if path == file else mine(path, **how)
    )

    write_file(file, b"new")

    assert asked == [(12, 34)]
    assert file.read_bytes() == b"new"


def with_owner(found):
    """The same answer of the system for another owner."""
    return os.stat_result((*found[:4], 12, 34, *found[6:]))


def test_it_is_written_in_place_where_a_new_file_would_have_another_owner(tmp_path, file, monkeypatch):
    """Only root may give files away."""
    mine = Path.stat
    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(
        Path, "stat", lambda path, **how: with_owner(mine(path, **how)) if path == file else mine(path, **how)
    )
    inode = file.stat().st_ino

    write_file(file, b"new")

    assert (file.read_bytes(), file.stat().st_ino) == (b"new", inode)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("names", [["user.reviewed"], []], ids=["attributes", "none"])
def test_it_keeps_its_extended_attributes(tmp_path, file, monkeypatch, names):
    """Access control lists are such attributes; a new file would have none."""
    monkeypatch.setattr(os, "listxattr", lambda path: names if path == file else [], raising=False)
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"yes", raising=False)
    inode = file.stat().st_ino

    write_file(file, b"new")

    assert file.read_bytes() == b"new"
    assert (file.stat().st_ino == inode) is bool(names)
    assert list(tmp_path.iterdir()) == [file]


def test_it_is_replaced_where_there_are_no_extended_attributes(file, monkeypatch):
    """Some file systems have none."""
    monkeypatch.setattr(os, "listxattr", refuse, raising=False)

    write_file(file, b"new")

    assert file.read_bytes() == b"new"


def test_it_is_restored_if_it_cannot_be_written_in_place(tmp_path, file, monkeypatch):
    """A disk can be full."""
    (tmp_path / "other.py").hardlink_to(file)
    before, write = file.read_bytes(), Path.write_bytes

    def half(path, content):
        write(path, content[:2])
        monkeypatch.setattr(Path, "write_bytes", write)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        write_file(file, b"new")

    assert file.read_bytes() == before


def test_a_read_only_file_is_refused(file):
    """Root could write it, but would have to be asked for it."""
    file.chmod(0o444)

    with pytest.raises(PermissionError, match="it is read-only"):
        write_file(file, b"new")

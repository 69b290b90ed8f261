"""A report appears whole or not at all, and a path that cannot be written is refused before the run."""

import os
import socket
import stat
import sys
import threading
from pathlib import Path

import pytest

from pytest_dbperf.reports import writing
from pytest_dbperf.reports.writing import (
    NotWritten,
    add_report,
    why_not_writable,
    write_report,
    wrong_paths,
)


@pytest.fixture(autouse=True)
def in_the_folder(tmp_path, monkeypatch):
    """Run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_folders_above_a_report_are_made(tmp_path):
    """When the run starts, so that a wrong path is known then."""
    path = tmp_path / "out" / "run.json"
    assert why_not_writable(path) is None
    assert names(path.parent) == []

    write_report(path, "x")
    assert (path.read_text(), names(path.parent)) == ("x", ["run.json"])


def test_a_relative_path_is_written_in_the_working_directory(tmp_path):
    """As `--dbperf-report=json:run.json` has it."""
    write_report(tmp_path.__class__("run.json"), "é")

    assert (tmp_path / "run.json").read_bytes() == "é".encode()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "it is a folder"),
        ("file/run.json", "Not a directory"),
        ("file/further/run.json", "Not a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("nowhere", "No such file or directory"),
        ("x" * 300, "File name too long"),
        ("socket", "it is a socket"),
        ("/proc/run.json", "No such file or directory"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path, name, reason):
    """The reason is the system's."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing/run.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        (line,) = wrong_paths([("json", path := tmp_path / name)])

    assert line == f"--dbperf-report=json:{path} cannot be written: {reason}"


def test_a_path_with_a_null_byte_is_refused(tmp_path):
    """Python's own sentence differs between its versions."""
    (line,) = wrong_paths([("json", tmp_path / "a\0b")])

    assert line.startswith(f"--dbperf-report=json:{tmp_path}/a\0b cannot be written: ")
    assert "embedded null" in line


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    """Root may write anything, so the answer of the system is given here."""
    (tmp_path / "run.json").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)

    assert why_not_writable(tmp_path / "run.json") == "no permission to write it"


def test_two_reports_cannot_share_a_file(tmp_path):
    """The last one would win. A stream takes both."""
    (tmp_path / "link").symlink_to("run")
    files = [
        ("json", tmp_path / "run"),
        ("json", tmp_path / "run"),
        ("openmetrics", tmp_path / "link"),
        ("json", tmp_path.__class__("/dev/null")),
        ("openmetrics", tmp_path.__class__("/dev/null")),
    ]

    assert list(wrong_paths(files)) == [
        f"--dbperf-report=openmetrics:{tmp_path / 'link'} cannot be written: the report json is written there"
    ]


def test_a_report_replaces_an_earlier_one(tmp_path):
    """It keeps its mode, and a link to it stays a link."""
    path, link = tmp_path / "run.json", tmp_path / "latest.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to("run.json")
    before = path.stat().st_ino

    write_report(link, "new")

    assert (path.read_text(), link.is_symlink()) == ("new", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != before  # Another reader has the old one, whole.
    assert names(tmp_path) == ["latest.json", "run.json"]


def test_a_new_report_can_be_read_by_others(tmp_path):
    """A temporary file is often for its owner alone."""
    umask = os.umask(0o022)
    try:
        write_report(tmp_path / "run.json", "x")
    finally:
        os.umask(umask)

    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o644


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path, monkeypatch):
    """The disk is full where it is closed, which is simulated here; /dev/full is one where it is real."""
    path = tmp_path / "run.json"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "chown", full)
    monkeypatch.setattr(writing, "_keep_owner", full)
    with pytest.raises(NotWritten, match=r"run\.json was not written: No space left on device$"):
        write_report(path, "new")

    assert (path.read_text(), names(tmp_path)) == ("old", ["run.json"])


def test_a_full_device_is_told(tmp_path):
    """Its error comes when the file is closed."""
    with pytest.raises(NotWritten, match=r"^/dev/full was not written: No space left on device$"):
        write_report(tmp_path.__class__("/dev/full"), "x")


@pytest.mark.parametrize("number", [1, 13, 16, 30])
def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path, monkeypatch, number):
    """The system refuses to replace it."""
    path = tmp_path / "run.json"
    path.write_text("a longer text than the new one")

    def refuse(*_):
        raise OSError(number, "refused")

    monkeypatch.setattr(tmp_path.__class__, "replace", refuse)
    write_report(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("new", ["run.json"])

    with pytest.raises(NotWritten, match="refused"):
        write_report(tmp_path / "other.json", "new")
    assert names(tmp_path) == ["run.json"]


def test_a_pipe_is_written_to(tmp_path):
    """It is not replaced by a file."""
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    assert why_not_writable(path) is None
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()

    write_report(path, "x")
    reader.join()

    assert (read, stat.S_ISFIFO(path.stat().st_mode)) == (["x"], True)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_to(capfd, tmp_path, name):
    """Also if the shell has sent it into a file: then nothing of what is there is overwritten."""
    sys.stdout.write("before\n")
    assert why_not_writable(tmp_path.__class__(name)) is None
    write_report(tmp_path.__class__(name), "report\n")
    sys.stdout.write("after\n")

    assert capfd.readouterr().out == "before\nreport\nafter\n"


def test_a_lone_surrogate_is_escaped(tmp_path):
    """It stands for a byte of a file name that is not UTF-8, and has no bytes of its own."""
    write_report(tmp_path / "run.om", "test_\udc80")

    assert (tmp_path / "run.om").read_text() == "test_\\udc80"


def test_a_report_can_be_added_to_what_others_wrote(tmp_path):
    """The summary of a step in GitHub Actions has several authors."""
    path = tmp_path / "out" / "summary.md"
    add_report(path, "\nours \udc80\n")
    with path.open("a") as file:
        file.write("theirs\n")
    add_report(path, "\nours again\n")

    assert path.read_text() == "\nours \\udc80\ntheirs\n\nours again\n"


def test_a_report_that_cannot_be_added_is_told():
    """The disk may be full, or the folder gone."""
    with pytest.raises(NotWritten, match=r"^/dev/full was not written: No space left on device$"):
        add_report(Path("/dev/full"), "x")

"""The file of debts is found from pytest's root, read whatever its encoding, and written whole."""

import os
import stat

import pytest

from pytest_dbperf.baseline.debts import Baseline, Debt, Key
from pytest_dbperf.baseline.files import NAME, nearest_baseline, read_baseline, write_baseline, write_text
from pytest_dbperf.baseline.text import BrokenBaseline

TEXT = "# dbperf-baseline/1\ntest\ttests/test_é.py::test\tquery_budget=3\n"
KEY = Key("test", ("tests/test_é.py::test",))
BASELINE = Baseline({KEY: Debt(KEY, {"query_budget": 3})}, {})


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["a/.git/x", "a/b/c/x", f"a/{NAME}"], f"a/{NAME}"),
        (["a/.git/x", f"a/b/c/{NAME}", f"a/{NAME}"], f"a/b/c/{NAME}"),
        (["a/.git/x", f"a/b/{NAME}", f"a/{NAME}", "a/b/c/x"], f"a/b/{NAME}"),
        (["a/b/.git", f"a/{NAME}", "a/b/c/x"], None),
        ([f"a/{NAME}", "a/b/c/x"], None),
        ([f"a/b/c/{NAME}"], f"a/b/c/{NAME}"),
    ],
)
def test_the_nearest_file_holds(tmp_path, files, found):
    """It is looked for up to the repository's directory, and without a repository in the root alone."""
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()

    assert nearest_baseline(tmp_path / "a/b/c") == (found and tmp_path / found)


def test_a_file_is_read_and_written(tmp_path):
    """In its canonical form, as UTF-8 with the line ends of Unix."""
    path = tmp_path / NAME
    write_baseline(path, BASELINE)

    assert path.read_bytes() == TEXT.encode()
    assert read_baseline(path) == BASELINE


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_another_encoding_is_refused_and_can_be_repaired(tmp_path, encoding):
    """PowerShell and old editors write files in theirs."""
    path = tmp_path / NAME
    path.write_bytes(TEXT.encode(encoding))

    with pytest.raises(BrokenBaseline, match=rf"{NAME}:[12]: .*UTF-8.*dbperf baseline fmt"):
        read_baseline(path)
    assert read_baseline(path, repair=True) == BASELINE


def test_a_file_that_cannot_be_opened_is_no_empty_one(tmp_path):
    """Its debts are not forgotten in silence."""
    with pytest.raises(BrokenBaseline, match=rf"{tmp_path}: it cannot be read: .*`ls -l "):
        read_baseline(tmp_path)


def test_a_file_keeps_its_mode_and_its_link(tmp_path):
    """It is replaced, and what leads to it is not."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch()
    file.chmod(0o640)
    link.symlink_to(file)
    write_text(link, "new")

    assert file.read_text() == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_of_new_files(tmp_path):
    """As if an editor had made it."""
    other = tmp_path / "other"
    other.touch()
    write_text(tmp_path / NAME, "new")

    assert (tmp_path / NAME).stat().st_mode == other.stat().st_mode


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    """A failure leaves nothing behind."""
    path = tmp_path / NAME
    path.write_text("old")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "chmod", fail)
    with pytest.raises(OSError, match="no space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [NAME]

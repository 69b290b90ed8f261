"""A file is written as a whole, or not at all."""

import subprocess
from pathlib import Path

import pytest

from pytest_dbperf.results.model import Measurements, Run, SourceResult, TestResult, digest_of
from pytest_dbperf.suggestions.files import FileChange, SuggestionOptions, suggest

SOURCE = b"import pytest\n\ndef test_it():\n    pass\n"
WRITTEN = SOURCE.replace(b"def", b"@pytest.mark.query_budget(3)\n@pytest.mark.max_new_connections(0)\ndef")


def suggested(root, *, digest=None, path="test_it.py", complete=True, is_dry_run=False, **written):
    """Write the markers of one test that made 3 queries."""
    source = SourceResult(
        **{
            "path": path,
            "line": 3,
            "name": "test_it",
            "digest": digest or digest_of(SOURCE),
            "obstacle": "",
            "is_async": False,
            "has_database": True,
            **written,
        }
    )
    test = TestResult(f"{path}::test_it", "passed", Measurements(queries=3), source=source)
    options = SuggestionOptions(for_all=False, patterns=["*"], is_dry_run=is_dry_run)
    return suggest(options, Run(complete=complete, exit_code=0, versions={}, tests=[test]), root)


@pytest.fixture
def file(tmp_path):
    """A test module."""
    path = tmp_path / "test_it.py"
    path.write_bytes(SOURCE)
    return path


def test_a_chosen_test_gets_its_markers(tmp_path, file):
    """A second run finds nothing to write."""
    summary = suggested(tmp_path)

    assert [(change.path, change.markers) for change in summary.changes] == [("test_it.py", 2)]
    assert file.read_bytes() == WRITTEN
    assert suggested(tmp_path, digest=digest_of(WRITTEN)).changes == []
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "state",
    [{"is_dry_run": True}, {"complete": False}, {"digest": "another"}, {"obstacle": "it is not yours"}],
    ids=lambda state: next(iter(state)),
)
def test_nothing_is_written_where_that_would_be_wrong(tmp_path, file, state):
    """In a dry run, after an incomplete run, in a changed file, or for a test with an obstacle."""
    suggested(tmp_path, **state)

    assert file.read_bytes() == SOURCE


def test_a_file_that_has_changed_is_named(tmp_path, file):
    """The numbers were measured with other code, so the file is not written."""
    (left,) = suggested(tmp_path, digest="another").not_written

    assert (left.test, left.reason) == ("test_it.py:3 test_it", "its file has changed since it was imported")


def test_a_file_that_is_gone_is_named(tmp_path):
    """The reason is the text of the operating system."""
    (left,) = suggested(tmp_path).not_written

    assert left.reason == "its file cannot be read or written: No such file or directory"


def test_a_file_that_cannot_be_replaced_stays_whole(tmp_path, file, monkeypatch):
    """On a full disk, the old file stays and no other file is left behind."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    summary = suggested(tmp_path)

    assert summary.changes == []
    assert [left.reason for left in summary.not_written] == [
        "its file cannot be read or written: No space left on device"
    ]
    assert file.read_bytes() == SOURCE
    assert list(tmp_path.iterdir()) == [file]


def test_a_read_only_file_is_named(tmp_path, file):
    """Its owner has said that it is not to be changed: not even root does it without being asked."""
    file.chmod(0o444)

    (left,) = suggested(tmp_path).not_written

    assert left.reason == "its file cannot be read or written: it is read-only"
    assert file.read_bytes() == SOURCE


FILES = {
    "ends without a line end": (b"a\nb", b"x\na\nb"),
    "carriage returns": (b"a\r\nb\r\n", b"x\r\na\r\nb\r\n"),
    "a byte order mark": (b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfa\nb\n"),
    "separators that are no line ends": ("a\x0cb\u2028c\n".encode(), "a\x0cb\u2028c\né\n".encode()),
}


@pytest.mark.parametrize("tool", [("patch", "-p1", "--binary"), ("git", "apply")], ids=["patch", "git"])
@pytest.mark.parametrize("case", FILES)
def test_a_diff_does_what_would_be_written(tmp_path, case, tool):
    """Applied by git or by patch, it gives the same bytes."""
    before, after = FILES[case]
    (tmp_path / "test_it.py").write_bytes(before)
    diff = "\n".join([*FileChange("test_it.py", before, after, 1).diff, ""])

    subprocess.run(tool, cwd=tmp_path, input=diff.encode(), check=True, capture_output=True)

    assert (tmp_path / "test_it.py").read_bytes() == after


def test_a_diff_is_read_in_the_encoding_of_the_file():
    """A file need not be UTF-8."""
    before = b"# -*- coding: latin-1 -*-\n# \xe9\n"

    assert list(FileChange("a.py", before, before + b"x\n", 1).diff)[4] == " # é"

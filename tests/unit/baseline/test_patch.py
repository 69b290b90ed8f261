"""git applies a patch of the baseline, wherever the file lies and whatever its name is."""

import subprocess

import pytest

from pytest_dbperf.baseline.patch import patch, top_of

BEFORE = "# dbperf-baseline/1\nroute\tGET books/\tqueries=26\ntest\ta.py::b\tquery_budget=9\t# why \f so\n"
AFTER = (
    "# dbperf-baseline/1\nfinding\ta\tb\tc\nroute\tGET books/\tqueries=30\n" + BEFORE.split("\n")[2] + "\n"
)


def git(directory, *args):
    """Run git."""
    return subprocess.run(["git", *args], cwd=directory, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "name", ["dbperf-baseline.tsv", "services/shop/dbperf-baseline.tsv", "my app/é.tsv", "a b/c d.tsv"]
)
@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (BEFORE[:-1], AFTER), ("", AFTER)])
def test_git_applies_a_patch(tmp_path, name, before, after):
    """From its top directory, and from that of the file."""
    git(tmp_path, "init", "-q")
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    written = tmp_path / "baseline.patch"
    written.write_text(patch(file.relative_to(top_of(file)).as_posix(), before, after), "utf-8")

    for directory in (tmp_path, file.parent):
        file.write_text(before)
        git(directory, "apply", str(written))
        assert file.read_text() == after


def test_without_git_a_path_is_relative_to_the_files_own_directory(tmp_path):
    """There is nothing else that it could be relative to."""
    assert top_of(tmp_path / "a" / "dbperf-baseline.tsv") == tmp_path / "a"

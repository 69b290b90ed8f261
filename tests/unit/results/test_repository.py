"""CI services want paths from the root of the repository."""

import os
import subprocess

import pytest

from pytest_dbperf.results.repository import directory_in_repository


@pytest.mark.parametrize(
    ("folder", "directory"), [("", ""), ("backend", "backend"), ("services/shop", "services/shop")]
)
def test_a_directory_is_named_from_its_repository(tmp_path, folder, directory):
    """As git itself names it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    root = tmp_path / folder
    root.mkdir(parents=True, exist_ok=True)

    prefix = subprocess.run(
        ["git", "rev-parse", "--show-prefix"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert directory_in_repository(root) == directory == prefix.rstrip("/")


def test_a_worktree_is_a_repository(tmp_path):
    """Its .git is a file."""
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    (tmp_path / "backend").mkdir()

    assert directory_in_repository(tmp_path / "backend") == "backend"


def test_without_a_repository_there_is_no_directory(monkeypatch, tmp_path):
    """No directory above has a .git."""
    monkeypatch.setattr(os.path, "exists", lambda path: False)

    assert directory_in_repository(tmp_path) == ""

"""What are the paths in a baseline relative to? To its own directory, and in a run to pytest's root."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_dbperf.baseline.debts import Baseline, Key
from pytest_dbperf.baseline.files import read_baseline, write_text
from pytest_dbperf.baseline.lines import WrongLine, debt_in
from pytest_dbperf.baseline.text import written

# "(no frame of your code)" stands where other functions have their file.
_NO_FILE = "("


@dataclass(frozen=True, slots=True)
class BaselineFile:
    """A file of debts, and the root of the suite that it is read for."""

    path: Path
    root: Path

    @property
    def name(self) -> str:
        """The path, relative to the root."""
        return Path(os.path.relpath(self.path, self.root)).as_posix()

    @property
    def is_above(self) -> bool:
        """Whether the file lies outside the root, so that other suites may have debts in it."""
        return not self.path.is_relative_to(self.root)

    def read(self) -> Baseline:
        """Read the debts, with paths relative to the root.

        Raises:
            BrokenBaseline: The file cannot be read.
        """
        return self._moved(read_baseline(self.path), self._seen_from_root)

    def text_of(self, baseline: Baseline) -> str:
        """Write debts with paths relative to the file."""
        return written(self._moved(baseline, self._seen_from_file))

    def write(self, baseline: Baseline) -> None:
        """Replace the file.

        Raises:
            OSError: The file is as it was.
        """
        write_text(self.path, self.text_of(baseline))

    def is_about(self, key: Key) -> bool:
        """Tell whether only tests in the root can need a debt."""
        if not self.is_above:
            return True
        # Two suites may serve the same route.
        return key.debt_type != "route" and not key.names[-1].startswith(("../", _NO_FILE))

    def line_of(self, key: Key) -> int | None:
        """Return the number of the line with a debt."""
        wanted = _with_path(key, self._seen_from_file)
        for number, line in enumerate(self.path.read_text("utf-8").split("\n"), 1):
            try:
                if debt_in(line).key == wanted:
                    return number
            except WrongLine:  # It is a comment.
                continue
        return None

    def _moved(self, baseline: Baseline, seen: Callable[[str], str]) -> Baseline:
        if self.path.parent == self.root:
            return baseline
        debts = [replace(debt, key=_with_path(debt.key, seen)) for debt in baseline.debts.values()]
        comments = {
            None if key is None else _with_path(key, seen): lines for key, lines in baseline.comments.items()
        }
        return Baseline({debt.key: debt for debt in debts}, comments)

    def _seen_from_root(self, path: str) -> str:
        return posixpath.relpath(posixpath.join(self.path.parent.as_posix(), path), self.root.as_posix())

    def _seen_from_file(self, path: str) -> str:
        return posixpath.relpath(posixpath.join(self.root.as_posix(), path), self.path.parent.as_posix())


def _with_path(key: Key, seen: Callable[[str], str]) -> Key:
    """Change the path that a test's id and the function of a finding begin with."""
    *others, last = key.names
    if key.debt_type == "route" or last.startswith(_NO_FILE):
        return key
    return Key(key.debt_type, (*others, seen(last)))

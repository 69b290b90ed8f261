"""How do bugs of the plugin reach the process that tells them? As plain dicts, on the reports of tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from pytest_dbperf.recording.bugs import BUGS, Bug
from pytest_dbperf.results.model import Json
from pytest_dbperf.violations.plain import plain


def take_bugs(test: str = "") -> list[Json]:
    """Return what was noted since the last time, as dicts. `test` is the test that ran meanwhile."""
    return [plain(asdict(replace(bug, test=bug.test or test))) for bug in BUGS.take()]


def has_bugs() -> bool:
    """Tell whether something was noted since the last time."""
    return bool(BUGS)


class BugsOfRun:
    """The bugs of all processes, the same one of many tests told once."""

    def __init__(self) -> None:
        self._bugs: dict[Bug, list[Bug]] = {}

    def add(self, bugs: Iterable[Json]) -> None:
        """Take what `take_bugs` returned, here or in a worker."""
        for each in bugs:
            bug = Bug(**each)
            self._bugs.setdefault(replace(bug, test="", count=1), []).append(bug)

    def __bool__(self) -> bool:
        return bool(self._bugs)

    @property
    def all(self) -> list[tuple[Bug, list[str]]]:
        """Each bug, with how often it happened, and the tests that ran."""
        return [
            (
                replace(bug, count=sum(one.count for one in found)),
                sorted({one.test for one in found if one.test}),
            )
            for bug, found in self._bugs.items()
        ]

"""How are bugs of the plugin shown? The owner, the tests, the error, the versions, and where to report it."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_dbperf.recording.bugs import OURS, Bug
from pytest_dbperf.reports.terminal import counted

ISSUES = "https://github.com/pytest-dbperf/pytest-dbperf/issues"
_MOST_TESTS = 5


def lines(bugs: Sequence[tuple[Bug, Sequence[str]]], versions: Mapping[str, str]) -> Iterator[str]:
    """Write all bugs, each with its tests, then what to do."""
    for bug, tests in bugs:
        times = f" ({bug.count} times)" if bug.count > 1 else ""
        yield f"a bug of {bug.owner}, while {bug.during}{times}: {bug.error}"
        for test in tests[:_MOST_TESTS]:
            yield f"    in {test}"
        if len(tests) > _MOST_TESTS:
            yield f"    in {len(tests) - _MOST_TESTS} more tests"
        yield from bug.traceback.rstrip("\n").splitlines()
        yield ""
    if any(tests for _, tests in bugs):
        yield "The code of these tests ran as usual, but what was measured there is not reliable."
    packages = [f"{name} {version}" for name, version in versions.items()]
    yield ", ".join((f"Python {platform.python_version()} on {platform.system()}", *packages))
    if any(bug.owner == OURS for bug, _ in bugs):
        yield f"Please report the text above at {ISSUES}"
    if others := sorted({bug.owner for bug, _ in bugs} - {OURS}):
        yield f"Please report it to the authors of {', and of '.join(others)}"
    yield "To run your tests without measuring anything: --dbperf=off"


def bare_lines(bugs: Iterable[Bug]) -> Iterator[str]:
    """Write bugs that were noted while others were told. The versions are left out: finding them may fail."""
    for bug in bugs:
        yield f"a bug of {bug.owner}, while {bug.during}: {bug.error}"
        yield from bug.traceback.rstrip("\n").splitlines()
    yield f"Please report the text above at {ISSUES}"


def last_line(bugs: Sequence[tuple[Bug, Sequence[str]]]) -> str:
    """Write the line that ends a run with bugs."""
    owners = sorted({bug.owner for bug, _ in bugs}, key=lambda owner: owner != OURS)
    return f"dbperf: {counted(len(bugs), 'bug')} of {', '.join(owners)}: the run fails, see above"

"""How does GitLab show a run? As a code quality report, which it compares with that of the target branch."""

from __future__ import annotations

import json

from pytest_dbperf.reports.one_line import one_line
from pytest_dbperf.reports.problems import Problem, problems
from pytest_dbperf.results.model import Run

_LONGEST = 500


def document(run: Run) -> str:
    """Write one array, with one entry a line. Its fingerprints stay the same when lines move."""
    entries = ",\n".join(json.dumps(_entry(problem)) for problem in problems(run))
    return f"[\n{entries}\n]\n" if entries else "[]\n"


def _entry(problem: Problem) -> dict[str, object]:
    fix = f" (fix: {problem.fix})" if problem.fix else ""
    return {
        "description": one_line(f"{problem.title}, {problem.extent}{fix}", _LONGEST),
        "check_name": f"dbperf/{problem.budget}",
        "fingerprint": problem.fingerprint,
        "severity": "major" if problem.fails else "minor",
        "location": {"path": one_line(problem.path, _LONGEST), "lines": {"begin": problem.line}},
    }

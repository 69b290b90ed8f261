"""The run as JSON, for a later run, another tool or the archive."""

from __future__ import annotations

import json

from pytest_dbperf.results.model import Run


def document(run: Run) -> str:
    """Write the run with one test a line, so that two runs can be compared as text."""
    whole = run.to_json()
    tests = ",\n".join(f"  {json.dumps(test)}" for test in whole.pop("tests"))
    head = json.dumps(whole)[:-1]
    return f'{head},\n "tests": [\n{tests}\n ]}}\n' if tests else f'{head},\n "tests": []}}\n'

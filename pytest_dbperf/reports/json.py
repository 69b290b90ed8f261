"""How do other tools read a run? As a JSON file with one line per test."""

from __future__ import annotations

import json

from pytest_dbperf.results.model import Run


def document(run: Run) -> str:
    """Write the run with one line per test, so that `diff` can compare two runs."""
    json_of_run = run.to_json()
    tests = ",\n".join(f"  {json.dumps(test)}" for test in json_of_run.pop("tests"))
    head = json.dumps(json_of_run)[:-1]
    return f'{head},\n "tests": [\n{tests}\n ]}}\n' if tests else f'{head},\n "tests": []}}\n'

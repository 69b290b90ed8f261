"""How is a run read back? From the JSON report, also from one of an earlier version that had fewer fields."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_dbperf.results.model import SCHEMA, Run
from pytest_dbperf.results.values import WrongValue, made_of

_SCHEMAS = "dbperf-run/"


class NotARun(Exception):
    """A file is no run that can be read. The text names the file, what is wrong, and what to do."""


def read_run(path: Path) -> Run:
    """Read the file that `--dbperf-report=json:PATH` wrote.

    Raises:
        NotARun: It is missing, cut off, something else, or of another schema.
    """
    again = f"to write it: pytest --dbperf-report=json:{path}"
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise NotARun(f"{path} cannot be read: {error.strerror or error}; {again}") from None
    except ValueError as error:
        raise NotARun(f"{path} is no JSON, or is cut off: {error}; {again}") from None
    try:
        return run_from_json(document)
    except WrongValue as error:
        raise NotARun(f"{path} is not read: {error}; {again}") from None


def run_from_json(document: object) -> Run:
    """Make a run of what `Run.to_json` wrote. What JSON does not have, such as the start, has its default.

    Raises:
        WrongValue: It is something else, or of another schema.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(schema, str) or not schema.startswith(_SCHEMAS):
        raise WrongValue('it is no run of pytest-dbperf, which has "schema": "dbperf-run/1"')
    if schema != SCHEMA:
        raise WrongValue(f"it has the schema {schema}, and this version of pytest-dbperf reads {SCHEMA}")
    try:
        return made_of(Run, {**document, "tests": _with_calls(document.get("tests"))})
    except WrongValue as error:
        raise WrongValue(str(error).lstrip(".").replace(".call.", ".", 1)) from None


def _with_calls(tests: object) -> object:
    """Put the numbers of the call phase where a result has them: JSON has them at the top level of a test."""
    if not isinstance(tests, list):
        return tests
    return [{**test, "call": test} if isinstance(test, dict) else test for test in tests]

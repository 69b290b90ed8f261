"""Which cause is worth fixing first? The one that most tests and routes suffer from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_dbperf.baseline.debts import Key
from pytest_dbperf.results.model import SCHEMA

_Json: TypeAlias = Mapping[str, Any]
# A finding, and its test.
_Found: TypeAlias = tuple[_Json, _Json]


class NoRun(Exception):
    """A text is not the JSON report of a run. The message says why."""


@dataclass(frozen=True, slots=True)
class Burden:
    """A finding of a run, the tests that it was found in, and the routes that these tests requested.

    `lines` is its call path in one of the tests.
    """

    budget: str
    subject: str
    function: str
    tests: Sequence[str]
    routes: Sequence[str]
    requests: int
    is_accepted: bool
    in_tests: bool
    fix: str
    lines: Sequence[str]

    @property
    def cause(self) -> str:
        """The finding, as a baseline writes it."""
        return str(Key("finding", (self.budget, self.subject, self.function)))


def burdens_in(text: str) -> Sequence[Burden]:
    """Read the JSON report of a run, and sort its findings: those of most tests and routes first.

    Raises:
        NoRun: It is no JSON, or not that of a run.
    """
    found: dict[tuple[str, str, str, bool], dict[str, _Found]] = {}
    for test in _tests_in(text):
        for finding in test.get("findings", ()):
            cause = (finding["budget"], finding["subject"], finding["function"], finding["in_tests"])
            found.setdefault(cause, {}).setdefault(test["id"], (finding, test))
    burdens = [_burden(list(each.values())) for each in found.values()]
    # What the tests' own code does is no debt of the project, and comes last.
    return sorted(burdens, key=lambda one: (one.in_tests, -len(one.tests), -len(one.routes), one.cause))


def _tests_in(text: str) -> Sequence[_Json]:
    try:
        run = json.loads(text)
    except ValueError as error:
        raise NoRun(f"it is no JSON: {error}") from None
    schema = run.get("schema") if isinstance(run, dict) else None
    if schema != SCHEMA:
        raise NoRun(
            f"its schema is {schema!r}, not {SCHEMA!r}: write it with `pytest --dbperf-report=json:PATH`"
        )
    tests: Sequence[_Json] = run["tests"]
    return tests


def _burden(found: Sequence[_Found]) -> Burden:
    findings = [finding for finding, _ in found]
    requests = [request for _, test in found for request in test["requests"]]
    first = findings[0]
    return Burden(
        budget=first["budget"],
        subject=first["subject"],
        function=first["function"],
        tests=[test["id"] for _, test in found],
        routes=sorted(set(map(_route_of, requests))),
        requests=len(requests),
        is_accepted=first["is_accepted"],
        in_tests=first["in_tests"],
        fix=next((finding["fix"] for finding in findings if finding["fix"]), ""),
        lines=first["lines"],
    )


def _route_of(request: _Json) -> str:
    method, _, path = request["request"].partition(" ")
    return f"{method} {request['view'] or path}"

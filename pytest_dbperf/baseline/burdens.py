"""Which cause is worth fixing first? The one that most tests and routes suffer from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pytest_dbperf.baseline.debts import Key
from pytest_dbperf.baseline.owing import key_of_finding
from pytest_dbperf.results.model import Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult

# A finding, and its test.
_Found: TypeAlias = tuple[FindingResult, TestResult]


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


def burdens_in(run: Run) -> Sequence[Burden]:
    """Sort the findings of a run: those of most tests and routes first."""
    found: dict[tuple[Key, bool], dict[str, _Found]] = {}
    for test in run.tests:
        for finding in test.findings:
            cause = key_of_finding(finding), finding.in_tests
            found.setdefault(cause, {}).setdefault(test.id, (finding, test))
    burdens = [_burden(list(each.values())) for each in found.values()]
    # What the tests' own code does is no debt of the project, and comes last.
    return sorted(burdens, key=lambda one: (one.in_tests, -len(one.tests), -len(one.routes), one.cause))


def _burden(found: Sequence[_Found]) -> Burden:
    findings = [finding for finding, _ in found]
    requests = [request for _, test in found for request in test.call.requests]
    first = findings[0]
    return Burden(
        budget=first.budget,
        subject=first.subject,
        function=first.function,
        tests=[test.id for _, test in found],
        routes=sorted({request.route for request in requests}),
        requests=len(requests),
        is_accepted=first.is_accepted,
        in_tests=first.in_tests,
        fix=next((finding.fix for finding in findings if finding.fix), ""),
        lines=first.lines,
    )

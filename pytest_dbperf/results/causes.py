"""What did the budgets find in a whole run? Each cause once, with the tests and routes that it burdens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_dbperf.results.model import Run
from pytest_dbperf.results.of_budgets import FindingResult


@dataclass(frozen=True, slots=True)
class CauseInRun:
    """A cause that no baseline accepts: the ids of the tests that it burdens, and the routes.

    `example` is its finding in one of the tests: one with a fix, if there is one, and else the one with the
    highest count.
    """

    example: FindingResult
    tests: Sequence[str]
    routes: Sequence[str]


def causes_in(run: Run) -> list[CauseInRun]:
    """List the causes, that which burdens most tests first; what only the tests' own code does comes last.

    Tests that were expected to fail are left out, and so is what a baseline accepts.
    """
    found: dict[tuple[str, str, str], list[tuple[str, FindingResult]]] = {}
    for test in run.tests:
        for finding in test.findings if test.outcome != "xfailed" else ():
            if not finding.is_accepted:
                key = finding.budget, finding.subject, finding.function
                found.setdefault(key, []).append((test.id, finding))
    causes = [
        CauseInRun(
            example=max((one for _, one in of_cause), key=lambda one: (bool(one.fix), one.count)),
            tests=[test for test, _ in of_cause],
            routes=sorted({route for _, one in of_cause for route in one.routes}),
        )
        for _, of_cause in sorted(found.items())
    ]
    return sorted(causes, key=lambda one: (one.example.in_tests, -len(one.tests), -len(one.routes)))

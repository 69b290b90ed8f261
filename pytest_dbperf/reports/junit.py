"""What does a test have in JUnit XML? Properties with its numbers, what broke, and what was found."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_dbperf.reports.one_line import one_line
from pytest_dbperf.reports.problems import broken_findings
from pytest_dbperf.results.model import TestResult

_LONGEST = 500


def properties(test: TestResult) -> Iterator[tuple[str, str]]:
    """List what `--junitxml` writes as the properties of a test, and of a broken budget the first line."""
    yield "dbperf_queries", str(test.call.queries)
    yield "dbperf_new_connections", str(test.call.new_connections)
    yield "dbperf_hops", str(sum(test.call.hops.values()))
    if test.outcome == "xfailed":
        return
    for violation in test.violations:
        yield "dbperf_violation", one_line(violation.message, _LONGEST)
    for finding in broken_findings(test):
        yield "dbperf_finding", one_line(f"{finding.budget} {finding.subject} {finding.function}", _LONGEST)

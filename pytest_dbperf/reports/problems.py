"""What is wrong in a run? Each cause once, with the tests that it breaks; and what the baseline accepts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from pytest_dbperf.baseline.debts import Key, without_parameters
from pytest_dbperf.baseline.owing import key_of_finding, key_of_number
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Run, TestResult
from pytest_dbperf.results.of_budgets import FindingResult, NumberResult, ViolationResult

# The numbers of a route are not named after their budget.
_BUDGET_OF = {"queries": "query_budget", "hops": "max_thread_hops"}
_FIX = re.compile(r" +fix +(?=\S)")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause that breaks tests, or that would without the baseline.

    `key` says what it is, as a line of the baseline would, and `number` which number of a route or a test it
    is about. `path` is relative to the repository if the run knows it. Nothing here is escaped.
    """

    key: Key
    number: str
    budget: str
    title: str
    tests: Sequence[str]
    """The ids of the tests, in their order."""
    path: str
    line: int
    fails: bool
    """Whether one of the tests failed; with `--dbperf=report` none does."""
    is_of_tests: bool
    """Whether only the tests' own code does it."""
    count: float
    lines: Sequence[str] = ()
    """Your lines that led to it, the innermost first."""
    what: str = ""
    """The statement or the function that was counted."""
    fix: str = ""
    reason: str = ""
    explanation: Sequence[str] = ()
    """The lines of the failure below its first one."""

    @property
    def fingerprint(self) -> str:
        """A digest that stays the same when lines move, or when it breaks other tests."""
        names = (self.key.debt_type, *self.key.names, self.number)
        return sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def location(self) -> str:
        """The line to look at: `shop/views.py:31`."""
        return f"{self.path}:{self.line}"

    @property
    def extent(self) -> str:
        """How many tests it breaks: `in 12 tests`."""
        return f"in {counted(len(self.tests), 'test')}"


def problems(run: Run) -> list[Problem]:
    """List the causes that break a limit: those of failed tests first, then those of most tests.

    What only the tests' own code does comes after the causes of the project.
    """
    return _together(problem for test in run.over_limit for problem in _of_test(test, run.directory))


def accepted(run: Run) -> list[Problem]:
    """List what only the baseline lets pass."""
    broken = {problem.fingerprint for problem in problems(run)}
    found = _together(problem for test in run.tests for problem in _accepted_in(test, run.directory))
    return [problem for problem in found if problem.fingerprint not in broken]


def broken_findings(test: TestResult) -> list[FindingResult]:
    """List the findings that a test is over its limits for."""
    budgets = {violation.budget for violation in test.violations}
    return [
        finding
        for finding in test.findings
        if finding.budget in budgets and (finding.limit_is_hard or not finding.is_accepted)
    ]


def _of_test(test: TestResult, directory: str) -> Iterator[Problem]:
    told: set[int] = set()
    by_budget = {violation.budget: violation for violation in test.violations}
    for finding in broken_findings(test):
        violation = by_budget[finding.budget]
        told |= {id(each) for each in test.violations if each.budget == finding.budget}
        yield _problem_of_finding(finding, test, directory, violation.explanation)
    for over in test.over:
        if not over.is_accepted:
            violations = _violations_of(over, test.violations)
            told |= {id(each) for each in violations}
            yield _problem_of_number(over, test, directory, violations)
    for violation in test.violations:
        if id(violation) not in told:
            yield _problem_of_violation(violation, test, directory)


def _accepted_in(test: TestResult, directory: str) -> Iterator[Problem]:
    for finding in test.findings:
        if finding.is_accepted and not finding.limit_is_hard:
            yield replace(_problem_of_finding(finding, test, directory, ()), fails=False)
    for over in test.over:
        if over.is_accepted:
            yield replace(_problem_of_number(over, test, directory, ()), fails=False)


def _violations_of(over: NumberResult, violations: Iterable[ViolationResult]) -> list[ViolationResult]:
    """List the violations that are about a number. A violation of a limit of each request shows the worst."""
    limits = (over.limit, over.accepted)
    found = [each for each in violations if each.budget == _budget_of(over) and each.limit in limits]
    return sorted(found, key=lambda violation: violation.measured != over.measured)


def _budget_of(over: NumberResult) -> str:
    # The number of one database alias is `queries_on_other`.
    name = over.name.partition("_on_")[0]
    return _BUDGET_OF.get(name, name)


def _problem_of_finding(
    finding: FindingResult, test: TestResult, directory: str, explanation: Sequence[str]
) -> Problem:
    times = "once" if finding.count == 1 else f"{finding.count} times"
    of_tests = " (the tests' own code)" if finding.in_tests else ""
    path, line = _place(_line_of(finding), test, directory)
    return Problem(
        key=key_of_finding(finding),
        number="",
        budget=finding.budget,
        title=f"{finding.subject} {times} in {finding.function}{of_tests}",
        tests=(test.id,),
        path=path,
        line=line,
        fails=_failed(test),
        is_of_tests=finding.in_tests,
        count=finding.count,
        lines=finding.lines,
        what=finding.what,
        fix=finding.fix,
        reason=finding.reason,
        explanation=explanation,
    )


def _problem_of_number(
    over: NumberResult, test: TestResult, directory: str, violations: Sequence[ViolationResult]
) -> Problem:
    shown = violations[0] if violations else None
    path, line = _place(shown.location if shown else None, test, directory)
    accepts = "" if over.accepted is None else f", the baseline accepts {over.accepted}"
    explanation = shown.explanation if shown else ()
    key = key_of_number(over)
    return Problem(
        key=key,
        number=over.name,
        budget=_budget_of(over),
        title=f"{key.names[0]}: {over.name} {over.measured} > {over.limit}{accepts}",
        tests=(test.id,),
        path=path,
        line=line,
        fails=_failed(test),
        is_of_tests=False,
        count=over.measured,
        fix=_fix_in(explanation),
        explanation=explanation,
    )


def _problem_of_violation(violation: ViolationResult, test: TestResult, directory: str) -> Problem:
    path, line = _place(violation.location, test, directory)
    name = without_parameters(test.id)
    numbers = violation.message.partition("   ")[0]
    return Problem(
        key=Key("test", (name,)),
        number=violation.budget,
        budget=violation.budget,
        title=f"{name}: {numbers}",
        tests=(test.id,),
        path=path,
        line=line,
        fails=_failed(test),
        is_of_tests=False,
        count=violation.measured,
        fix=_fix_in(violation.explanation),
        explanation=violation.explanation,
    )


def _together(found: Iterable[Problem]) -> list[Problem]:
    """Put the problems of all tests with equal keys together: the largest one with a fix is shown."""
    alike: dict[str, list[Problem]] = {}
    for problem in found:
        alike.setdefault(problem.fingerprint, []).append(problem)
    together = [
        replace(
            max(each, key=lambda problem: (bool(problem.fix), problem.count)),
            tests=list(dict.fromkeys(test for problem in each for test in problem.tests)),
            fails=any(problem.fails for problem in each),
        )
        for each in alike.values()
    ]
    return sorted(
        together,
        key=lambda problem: (
            not problem.fails,
            problem.is_of_tests,
            -len(problem.tests),
            problem.key,
            problem.number,
        ),
    )


def _failed(test: TestResult) -> bool:
    return test.outcome in ("failed", "error")


def _line_of(finding: FindingResult) -> str | None:
    """Find the line of the function that did it, among the lines that led to it."""
    # The name of a folder may have a space, that of a function has none.
    file, _, function = finding.function.rpartition(" ")
    places = [line.rpartition(" ") for line in finding.lines]
    for location, _, shown in places:
        if (location.rpartition(":")[0], shown) == (file, function):
            return location
    return places[0][0] if places else None


def _place(location: str | None, test: TestResult, directory: str) -> tuple[str, int]:
    """Return the path, relative to the repository, and the line; else the file of the test, and its first."""
    path, _, line = (location or "").rpartition(":")
    if not line.isdecimal() or _ABSOLUTE.match(path):
        path, line = test.id.partition("::")[0], "1"
    return posixpath.normpath(posixpath.join(directory, path)), max(int(line), 1)


def _fix_in(explanation: Iterable[str]) -> str:
    return next((_FIX.sub("", line, count=1) for line in explanation if _FIX.match(line)), "")

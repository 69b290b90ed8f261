"""How is a run shown at a terminal? One line at its end, and a table on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from pytest_dbperf.callsites.hop_origin import MIDDLEWARE
from pytest_dbperf.results.model import RequestResult, Run, TestResult
from pytest_dbperf.results.of_budgets import ViolationResult

_WIDTH = 100
_INDENT = " " * 18
# A line must not end between a name and its number.
_NO_BREAK = "\N{NO-BREAK SPACE}"


def last_line(run: Run) -> str:
    """Write the line that ends every run."""
    totals = run.totals
    numbers = f"{counted(totals['tests'], 'test')}, {counted(totals['queries'], 'query', 'queries')}"
    end = "" if run.complete else ", INCOMPLETE: results are missing"
    return f"dbperf: {numbers}, {len(run.over_limit)} over limit{end}"


def table(run: Run, top: int) -> Iterator[str]:
    """Write the totals, then the tests, requests and call sites that did most; `top=0` shows all of them."""
    totals = run.totals
    opened = totals["new_connections"]
    reused = f", {run.reuse:.0%} reuse" if opened and run.reuse is not None else ""
    in_setup = sum(test.phases.get("setup", {}).get("queries", 0) for test in run.tests)
    yield (
        f"{counted(totals['tests'], 'test')}, {counted(totals['queries'], 'query', 'queries')}"
        f" (and {in_setup} in setup), {counted(opened, 'new connection')}{reused},"
        f" {counted(totals['hops'], 'hop')}, {totals['db_ms'] / 1000:.1f} s in the database"
    )
    yield from _pool(run)
    tests = _most_queries_first(run.tests)[: top or None]
    if tests:
        yield ""
        yield "queries  connections  hops    db ms  test"
        yield from map(_row, tests)
    yield from _requests(run, top)
    yield from _call_sites(run, top)
    yield from _caches(run)


def explanations(run: Run, top: int) -> Iterator[str]:
    """Write what a failure would say, for the tests over limit that ran most queries; `top=0` for all.

    What is listed as a finding is not told again.
    """
    untold = {test.id: violations for test in run.over_limit if (violations := _without_findings(test))}
    tests = [test for test in run.over_limit if test.id in untold]
    for test in _most_queries_first(tests)[: top or None]:
        for violation in untold[test.id]:
            yield ""
            yield f"over limit: {test.id}"
            yield violation.message
            yield from violation.explanation


def _without_findings(test: TestResult) -> Sequence[ViolationResult]:
    told = {finding.budget for finding in test.findings}
    return [violation for violation in test.violations if violation.budget not in told]


def _most_queries_first(tests: Iterable[TestResult]) -> list[TestResult]:
    return sorted(tests, key=lambda test: -test.call.queries)


def unused_allowances(run: Run) -> Iterator[str]:
    """Name the allowances that no test needed."""
    for unused in run.unused_allowances:
        yield f"dbperf: unused allowance {unused.pattern!r} in {unused.budget} {unused.written_at}".rstrip()


def _caches(run: Run) -> Iterator[str]:
    """Name the caches that earlier tests had filled, with the number of tests that read them."""
    tests = Counter(cache for test in run.tests for cache in test.warm_caches)
    if tests:
        yield ""
        for cache, count in tests.most_common():
            yield (
                f"counts of {counted(count, 'test')} can depend on which tests ran before: "
                f"{cache} was filled by an earlier test"
            )


def _requests(run: Run, top: int) -> Iterator[str]:
    """Write the requests with most hops, each at its worst, and which code caused the hops."""
    worst: dict[str, RequestResult] = {}
    for request in (request for test in run.tests for request in test.call.requests):
        so_far = worst.setdefault(request.request, request)
        if sum(request.hops.values()) > sum(so_far.hops.values()):
            worst[request.request] = request
    with_hops = [request for request in worst.values() if request.hops]
    most = sorted(with_hops, key=lambda request: -sum(request.hops.values()))[: top or None]
    if most:
        yield ""
        yield "   hops  in view  request"
        shown: set[str] = set()
        for request in most:
            yield f"{sum(request.hops.values()):>7}  {request.hops_in_view:>7}  {request.request}"
            causes = _causes(request.hops, shown)
            lines = wrap(causes, width=_WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
            yield from (line.replace(_NO_BREAK, " ") for line in lines)


def _causes(hops: Mapping[str, int], shown: set[str]) -> str:
    """Write what caused hops; the middlewares are listed only if an earlier request has not `shown` them."""
    most_first = sorted(hops.items(), key=lambda item: -item[1])
    causes = [f"{cause}{_NO_BREAK}{count}" for cause, count in most_first if not cause.startswith(MIDDLEWARE)]
    middlewares = {
        cause.removeprefix(MIDDLEWARE): count for cause, count in most_first if cause.startswith(MIDDLEWARE)
    }
    if middlewares:
        names = ", ".join(f"{name}{_NO_BREAK}{count}" for name, count in middlewares.items())
        details = "" if names in shown else f" ({names})"
        shown.add(names)
        causes.append(f"middlewares{_NO_BREAK}{sum(middlewares.values())}{details}")
    return ", ".join(causes)


def _pool(run: Run) -> Iterator[str]:
    checkouts = sum(test.call.checkouts for test in run.tests)
    if checkouts:
        waits = sum(test.call.pool_waits for test in run.tests)
        seconds = sum(test.call.pool_wait_ms for test in run.tests) / 1000
        yield f"{counted(checkouts, 'checkout')} from pools, {waits} of them waited, {seconds:.1f} s in total"


def _row(test: TestResult) -> str:
    call = test.call
    over = "  OVER LIMIT" if test.violations else ""
    return (
        f"{call.queries or '-':>7}  {call.new_connections or '-':>11}  {sum(call.hops.values()) or '-':>4}"
        f"  {call.db_ms:>7.1f}  {test.id}{over}"
    )


def _call_sites(run: Run, top: int) -> Iterator[str]:
    queries: dict[str, int] = {}
    tests: dict[str, set[str]] = {}
    for test in run.tests:
        for group in test.call.groups:
            site = group.call_path[0] if group.call_path else "(no frame of your code)"
            queries[site] = queries.get(site, 0) + group.count
            tests.setdefault(site, set()).add(test.id)
    most = sorted(queries, key=lambda site: (-queries[site], site))[: top or None]
    if most:
        yield ""
        yield "queries  tests  call site"
        for site in most:
            yield f"{queries[site]:>7}  {len(tests[site]):>5}  {site}"


def counted(number: float, one: str, many: str = "") -> str:
    """Write a number with its noun, in the singular or the plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"

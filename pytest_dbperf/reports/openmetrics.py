"""How do dashboards show a run? As OpenMetrics, with the metric names that production has."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf

from pytest_dbperf.results.model import Run, TestResult

SECONDS_BETWEEN_SAMPLES = 15
# From 1 ms to 10 s, and close enough together for useful percentiles.
BUCKETS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_LIMITS = (*BUCKETS, inf)

Labels = tuple[tuple[str, str], ...]
Increments = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """The metrics of one name: the samples of each metric, and what a test adds to them."""

    name: str
    metric_type: str
    text: str
    samples: Sequence[tuple[str, Labels]]
    """The suffix and the further labels of each sample."""
    added_by: Callable[[TestResult], Iterable[tuple[Labels, Increments]]]


def document(run: Run) -> str:
    """Write the totals at the start of the run, every 15 seconds and at the end, each with its time."""
    moments = _moments(run) if run.tests else []
    job = ("job", f"{run.project}-tests")
    lines = [line for family in FAMILIES for line in _lines(family, run.tests, moments, job)]
    return "\n".join([*lines, "# EOF", ""])


def _moments(run: Run) -> list[float]:
    end = max(test.ended for test in run.tests)
    steps = int(max(end - run.started, 0) / SECONDS_BETWEEN_SAMPLES)
    during = [run.started + number * SECONDS_BETWEEN_SAMPLES for number in range(steps + 1)]
    # Two samples must not have the same time, which Prometheus stores in milliseconds.
    return [*during, max(end, during[-1] + 0.001)]


def _lines(
    family: Family, tests: Iterable[TestResult], moments: Sequence[float], job: tuple[str, str]
) -> Iterator[str]:
    nothing: Increments = (0.0,) * len(family.samples)
    added: dict[Labels, list[Increments]] = {}
    for test in tests:
        # The first samples are zero, so that everything after them is an increase.
        index = max(1, bisect_left(moments, test.ended))
        for labels, increments in family.added_by(test):
            per_moment = added.setdefault(labels, [nothing] * len(moments))
            per_moment[index] = _sum(per_moment[index], increments)
    if added:
        yield f"# TYPE {family.name} {family.metric_type}"
        yield f"# HELP {family.name} {family.text}"
    for labels, per_moment in sorted(added.items()):
        for moment, values in zip(moments, accumulate(per_moment, _sum), strict=True):
            for (suffix, further), value in zip(family.samples, values, strict=True):
                shown = _shown((job, *labels, *further))
                yield f"{family.name}{suffix}{shown} {_number(value)} {moment:.3f}"


def _sum(left: Increments, right: Increments) -> Increments:
    return tuple(map(sum, zip(left, right, strict=True)))


def _shown(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"


def _statements(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    for alias, numbers in test.call.by_alias.items():
        yield (("alias", alias),), (numbers.queries,)


def _new_connections(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    for alias, numbers in test.call.by_alias.items():
        yield (("alias", alias),), (numbers.new_connections,)


def _latencies(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    for request in test.call.requests:
        if request.ms is not None:
            method = request.request.partition(" ")[0]
            view = f"/{request.view}" if request.view else "unknown"
            status = "cancelled" if request.status is None else str(request.status)
            seconds = request.ms / 1000
            in_buckets = [float(seconds <= limit) for limit in _LIMITS]
            yield (("view", view), ("method", method), ("status", status)), (*in_buckets, 1, seconds)


def _hops(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    for origin, count in test.call.hops.items():
        yield (("origin", origin),), (count,)


def _tests(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    yield (("outcome", test.outcome),), (1,)


def _violations(test: TestResult) -> Iterator[tuple[Labels, Increments]]:
    for budget, count in Counter(violation.budget for violation in test.violations).items():
        yield (("budget", budget),), (count,)


_TOTAL = [("_total", ())]
_HISTOGRAM: Sequence[tuple[str, Labels]] = [
    *(("_bucket", (("le", "+Inf" if limit == inf else str(float(limit))),)) for limit in _LIMITS),
    ("_count", ()),
    ("_sum", ()),
]

FAMILIES = (
    Family(
        "django_db_execute",
        "counter",
        "Queries in test bodies, without transaction control.",
        _TOTAL,
        _statements,
    ),
    Family(
        "django_db_new_connections",
        "counter",
        "Physical connections that were opened in test bodies.",
        _TOTAL,
        _new_connections,
    ),
    Family(
        "django_http_requests_latency_seconds",
        "histogram",
        "Duration of the requests in test bodies, middleware included.",
        _HISTOGRAM,
        _latencies,
    ),
    Family("dbperf_hops", "counter", "Hops between event loops and threads.", _TOTAL, _hops),
    Family("dbperf_tests", "counter", "Tests that have ended.", _TOTAL, _tests),
    Family("dbperf_violations", "counter", "Budgets that were broken.", _TOTAL, _violations),
)

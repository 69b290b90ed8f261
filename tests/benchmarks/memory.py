"""A long test, in its own process: `python -m tests.benchmarks.memory nothing|recording ALIAS QUERIES`.

It prints the most memory that it took in MB, the seconds that it ran, and the seconds until its report was
ready.
"""

import resource
import sys
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter

from pytest_dbperf.budgets.budget import takes_a_limit
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.probes.listening import RECORDER, listening
from pytest_dbperf.results.measuring import measure


def main() -> None:
    """Run a query again and again, check a budget that it breaks and all that hold, and group the queries."""
    way, using, queries = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with listening():
        import django

        django.setup()
        from django.db import connections

        connections[using].ensure_connection()
        before = peak()
        started = perf_counter()
        with RECORDER.record() if way == "recording" else nullcontext() as recording:
            with connections[using].cursor() as cursor:
                for number in range(queries):
                    cursor.execute("SELECT %s", [number])
        ran = perf_counter() - started
        if recording is not None:
            report(recording)
        print(peak() - before, ran, perf_counter() - started - ran)


def report(recording) -> None:
    """Do what the plugin does after a test that has all budgets, if a report is asked for."""
    violation = QueryBudget(0).check(recording)
    assert violation is not None
    assert violation.first_line
    for kind in BUDGETS:
        if kind is not QueryBudget:
            lenient = kind(10) if takes_a_limit(kind) else kind()
            lenient.check(recording)
    measure(recording, Path(), with_groups=True)


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()

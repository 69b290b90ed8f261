"""What does the plugin cost? Side by side in one run of `python3 run.py bench`.

The benchmark runs all variants in turn, round after round. If the machine gets slower, it gets slower for all
of them. It shows the median, and the medians of the differences and ratios within a round.

It compares watched work with the same unwatched work in the same process just before. It compares a plugin
that is only loaded with a process without it. Everything stays on one processor, if that can be chosen.
Waking up on another processor takes or saves more time than most of what is measured.

The numbers are of one machine at one time, so compare rows of one run, not two runs.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.worker import FRAMES, IDLE, WAYS

HOME = Path(__file__).parents[2]
# Tests of the example that pass without the plugin, and start no server but PostgreSQL.
SUITE = [
    *(f"example_project/users/tests/test_{name}.py" for name in ("log_in", "profile", "sessions", "sign_up")),
    *(f"example_project/campaigns/tests/test_{name}.py" for name in ("join", "list")),
]

Measured = dict[str, list[float]]
"""Seconds of each round, by variant."""


def main() -> None:
    """Measure the named benchmarks, or all."""
    parts = {"queries": queries, "hops": hops, "memory": memory, "suite": suite}
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(parts)}; all by default")
    parser.add_argument(
        "--rounds", type=int, default=41, help="rounds of each variant; the suite takes a sixth of them"
    )
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(parts):
        parser.error(f"{', '.join(sorted(unknown))} is not one of {', '.join(parts)}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with prepared() as aliases:
        for part in asked.parts or parts:
            parts[part](aliases, asked.rounds)


def queries(aliases: Iterable[str], rounds: int) -> None:
    """Measure a query in a view in each variant: raw, by the ORM, and as N+1; on each database."""
    for using in aliases:
        place = f"in a view, {FRAMES} frames deep, {using}"
        measure(f"a query {place}, raw cursor", f"raw,{using},300", WAYS, rounds)
        measure(f"a query {place}, ORM get", f"orm,{using},60", WAYS, rounds)
        measure(f"a query {place}, of N+1 by a foreign key", f"relation,{using},60", WAYS, rounds)


def hops(aliases: Iterable[str], rounds: int) -> None:
    """Measure a hop to asgiref's thread and back, empty and with a query."""
    ways = [way for way in WAYS if way == "nothing" or (way.startswith("plugin") and not way.endswith("key"))]
    measure("a hop, sync_to_async, with nothing in it", "hop,default,200", ways, rounds)
    for using in aliases:
        measure(f"a hop, sync_to_async, {using}, ORM get", f"hop with query,{using},60", ways, rounds)


def memory(aliases: Iterable[str], rounds: int) -> None:
    """Run a long test once on each database: a million queries, or 50,000 if only one round is asked for."""
    count = 1_000_000 if rounds > 1 else 50_000
    for using in aliases:
        print(f"\na test with {count:,} queries, {using}, raw cursor")
        for way in ("nothing", "recording"):
            command = [sys.executable, "-m", "tests.benchmarks.memory", way, using, str(count)]
            said = subprocess.run(command, cwd=HOME, stdout=subprocess.PIPE, text=True, check=True).stdout
            megabytes, ran, reported = map(float, said.split())
            print(f"  {way:32}{megabytes:+9.0f} MB, {ran:.1f} s, and {reported:.1f} s to report", flush=True)


def suite(aliases: Iterable[str], rounds: int) -> None:
    """Measure the example's tests as whole processes: plugin off, on, and with a report."""
    ways = {
        "plugin off": ["--dbperf=off"],
        "plugin on": [],
        "plugin on, with a report": [f"--dbperf-report=json:{os.devnull}"],
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    # The example has its own settings.
    environ = {
        key: value for key, value in os.environ.items() if key not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")
    }
    seconds: Measured = {name: [] for name in ways}
    for _ in range(max(rounds // 6, 1)):
        for name, options in ways.items():
            started = cpu_of_children()
            subprocess.run(
                [*command, *options, *SUITE],
                cwd=HOME,
                env=environ,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            seconds[name].append(cpu_of_children() - started)
    title = "a suite, the example's tests for users and campaigns"
    show(title, seconds, {}, unit="s of processor time", scale=1)


def cpu_of_children() -> float:
    """Processor time of all processes that have ended: a wall clock would include other programs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(title: str, order: str, ways: Iterable[str], rounds: int) -> None:
    """Let a process for each variant do the work in turn, and show the cost of one operation."""
    times = int(order.rsplit(",", 1)[1])
    clocks: list[Measured] = [{way: [] for way in ways} for _ in range(4)]
    with ExitStack() as stack:
        workers = {way: stack.enter_context(worker(way)) for way in ways}
        for _ in range(rounds):
            for way, process in workers.items():
                print(order, file=process.stdin, flush=True)
                for clock, seconds in zip(clocks, process.stdout.readline().split(), strict=True):
                    clock[way].append(float(seconds) / times)
    unwatched, of_processor_unwatched, watched, of_processor = clocks
    show(title, watched, unwatched, unit="us", scale=1e6)
    show(
        "  of this, processor time of this process",
        of_processor,
        of_processor_unwatched,
        unit="us",
        scale=1e6,
    )


@contextmanager
def worker(way: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that measures one variant."""
    command = [sys.executable, "-m", "tests.benchmarks.worker", way]
    with subprocess.Popen(
        command, cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def show(title: str, measured: Measured, unwatched: Measured, *, unit: str, scale: float) -> None:
    """Print medians, and differences and ratios within a round: to the same process, if possible."""
    first, *others = measured
    print(f"\n{title}  ({unit}, {len(measured[first])} rounds)")
    print(f"  {first:40}{statistics.median(measured[first]) * scale:9.2f}")
    for name in others:
        # A process cannot unload the plugin.
        base = unwatched.get(name, measured[first]) if name != IDLE else measured[first]
        pairs = list(zip(measured[name], base, strict=True))
        added = statistics.median(one - other for one, other in pairs) * scale
        ratio = statistics.median(one / other for one, other in pairs)
        median = statistics.median(measured[name]) * scale
        print(f"  {name:40}{median:9.2f} {added:+8.2f}  x{ratio:.3f}", flush=True)


@contextmanager
def prepared() -> Iterator[list[str]]:
    """Create databases with a row in them, and an environment in which all processes find them."""
    sys.path[:0] = [str(HOME / "example_project")]
    from throwaway_postgres import PostgresUnavailable, start

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["BENCHMARK_SQLITE"] = f"sqlite:///{folder}/benchmark.sqlite3"
        aliases = ["sqlite"]
        try:
            server = start()
        except PostgresUnavailable as unavailable:
            print(f"only SQLite: {unavailable}", file=sys.stderr)
        else:
            stack.callback(server.stop)
            # Every server has this database, and nothing but the benchmark uses this server.
            os.environ["BENCHMARK_POSTGRES"] = server.url("postgres")
            aliases.append("postgresql")
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.settings"
        os.environ["PYTHONPATH"] = os.pathsep.join([str(HOME), str(HOME / "tests" / "project")])
        sys.path[:0] = [str(HOME), str(HOME / "tests" / "project")]
        make_tables(aliases)
        yield aliases


def make_tables(aliases: Iterable[str]) -> None:
    """Create the tables of the small project, and the author that the ORM reads."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from shop.models import Author, Book

    for using in aliases:
        call_command("migrate", database=using, run_syncdb=True, verbosity=0)
        author = Author.objects.using(using).create(pk=1, name="Ada")
        Book.objects.using(using).create(pk=1, author=author, title="Notes")
    connections.close_all()


if __name__ == "__main__":
    main()

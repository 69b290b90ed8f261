"""How is it measured? All rows in turn, round after round; counting is separate because it takes time."""

import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmark.counts import Counts, Log, agreed, open_connections, told_by_workers
from benchmark.load import Load, drive
from benchmark.places import DATABASE, Place, Site, missing, prepared, renew, served
from benchmark.scenarios import Row, Serving

Loads = dict[Row, list[Load]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many requests to send."""

    rounds: int
    requests: int
    """For each row in a round."""
    clients: int
    """At a time."""

    @property
    def requests_alone(self) -> int:
        """The requests of a single client in a round."""
        return max(self.requests // 4, 1)

    @property
    def requests_to_warm_up(self) -> int:
        """Requests before the measurement: enough for every worker to have done everything once."""
        return 4 * self.clients


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of a row."""

    row: Row
    counts: Counts
    loads: tuple[Load, ...]
    """One for each round."""
    alone: tuple[Load, ...]
    """The same for a single client."""

    @property
    def latencies(self) -> list[float]:
        """The latencies of all rounds, in seconds."""
        return [latency for load in self.loads for latency in load.latencies]

    @property
    def rates(self) -> list[float]:
        """Requests a second in each round."""
        return [load.rate for load in self.loads]

    @property
    def milliseconds_alone(self) -> list[float]:
        """How long a single client waits for an answer, in each round: the mean of the questions' medians."""
        questions = len(self.row.mix.questions)
        return [
            statistics.fmean(
                statistics.median(load.latencies[number::questions])
                for number in range(min(questions, len(load.latencies)))
            )
            * 1000
            for load in self.alone
        ]


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that was measured together and can be compared."""

    plan: Plan
    postgresql: str
    """The version of PostgreSQL."""
    results: tuple[Measured, ...]
    left_out: tuple[str, ...] = ()
    """Rows that were not measured, each with the reason."""


def measure(asked: Sequence[Row], plan: Plan) -> Run:
    """Measure rows on one database, except rows that need a program that is not installed."""
    reasons = {row: missing(row.serving) for row in asked}
    rows = [row for row in asked if not reasons[row]]
    left_out = [f"{row.serving}, {row.mix.name}: {reason}" for row, reason in reasons.items() if reason]
    with prepared() as place, ExitStack() as servers:
        sites, counts = {}, {}
        for serving in dict.fromkeys(row.serving for row in rows):
            site = sites[serving] = servers.enter_context(served(serving, place))
            for number, row in enumerate(row for row in rows if row.serving == serving):
                tell(f"counting: {serving}, {row.mix.name}")
                if number:
                    renew(site, is_recorded=True)
                counts[row] = _counted(row, site, place, plan)
            renew(site, is_recorded=False)
        loads, alone = _timed(rows, sites, place, plan)
    results = [Measured(row, counts[row], tuple(loads[row]), tuple(alone[row])) for row in rows]
    return Run(plan, place.server.version, tuple(results), tuple(left_out))


def _counted(row: Row, site: Site, place: Place, plan: Plan) -> Counts:
    """Send requests to new workers, and count from their start."""
    open_before = open_connections(place.server, DATABASE)
    log = Log(place.server.log, DATABASE)
    drive(site.url, row.mix.requests(0, plan.requests, place.known), plan.clients)
    left_open = open_connections(place.server, DATABASE) - open_before
    told = told_by_workers(site.told)
    return agreed(told, plan.requests, log.new_connections(), left_open, is_pooled=row.serving.has_pgbouncer)


def _timed(
    rows: Sequence[Row], sites: Mapping[Serving, Site], place: Place, plan: Plan
) -> tuple[Loads, Loads]:
    """Send requests for all rows in turn: from many clients, and from one."""
    loads: Loads = {row: [] for row in rows}
    alone: Loads = {row: [] for row in rows}

    def ask(row: Row, first: int, count: int, clients: int) -> Load:
        return drive(sites[row.serving].url, row.mix.requests(first, count, place.known), clients)

    tell("measuring: to warm up")
    for row in rows:
        ask(row, 0, plan.requests_to_warm_up, plan.clients)
    asked = plan.requests_to_warm_up
    for number in range(plan.rounds):
        tell(f"measuring: round {number + 1} of {plan.rounds}")
        for row in rows:
            loads[row].append(ask(row, asked, plan.requests, plan.clients))
            alone[row].append(ask(row, asked + plan.requests, plan.requests_alone, 1))
        asked += plan.requests + plan.requests_alone
    return loads, alone


def tell(progress: str) -> None:
    """Print what is going on."""
    print(progress, file=sys.stderr, flush=True)

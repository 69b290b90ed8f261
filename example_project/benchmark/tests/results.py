"""Which results do the tests start from?"""

from benchmark.counts import Counts
from benchmark.load import Load
from benchmark.measuring import Measured, Plan, Run
from benchmark.scenarios import Row


def make_load(*latencies: float, seconds: float) -> Load:
    """Return a load of clients that took a tenth of the time themselves."""
    return Load(latencies, seconds, own_seconds=seconds / 10)


def make_result(
    row: Row,
    *,
    rates: tuple[float, ...],
    alone: tuple[float, ...] = (0.004,),
    new_connections: int = 2,
    hops: int = 8,
) -> Measured:
    """Return a result of two requests a round, with three queries each."""
    counts = Counts(
        requests=2, queries=6, hops=hops, connects=2, new_connections=new_connections, left_open=1
    )
    loads = tuple(make_load(0.01, 0.02, seconds=2 / rate) for rate in rates)
    return Measured(row, counts, loads, tuple(make_load(one, seconds=one) for one in alone))


def make_run(*results: Measured, left_out: tuple[str, ...] = ()) -> Run:
    """Return a run of these results."""
    return Run(Plan(rounds=2, requests=2, clients=1), "18.6", results, left_out)

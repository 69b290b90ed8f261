"""What do the numbers say about each claim of the report? Also where it was wrong.

The sentences are made of the numbers of the run, the verdicts too: another run may say something else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark import rows
from benchmark.figures import Spread, differences, ratios
from benchmark.measuring import Measured, Run
from benchmark.scenarios import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """A row before a remedy and one after it, with the numbers that they have in the table."""

    before: Measured
    after: Measured
    before_number: int
    after_number: int

    @property
    def speed(self) -> str:
        """How many times as many requests a second the one after answers."""
        return f"{self.ratio} times the requests a second of row {self.before_number}"

    @property
    def ratio(self) -> Spread:
        """The requests a second of the one after, by those of the one before."""
        return ratios(self.after.rates, self.before.rates)

    @property
    def change(self) -> Spread:
        """Milliseconds by which the wait of a client who is alone changes."""
        return differences(self.after.milliseconds_alone, self.before.milliseconds_alone)

    @property
    def saved(self) -> Spread:
        """Milliseconds that a client who is alone waits less."""
        return differences(self.before.milliseconds_alone, self.after.milliseconds_alone)

    @property
    def opened(self) -> str:
        """The connections of both."""
        before, after = self.before.counts, self.after.counts
        return (
            f"For {after.requests} requests row {self.after_number} opened {after.new_connections} "
            f"connections and left {after.left_open} open, where row {self.before_number} opened "
            f"{before.new_connections} and left {before.left_open}"
        )

    @property
    def reuses(self) -> str:
        """Whether the one after uses a connection for more than one request."""
        return "true" if self.after.counts.new_connections < self.after.counts.requests else "false"


Found = Callable[[Row, Row], Pair]


def answers(run: Run) -> list[str]:
    """Return a sentence or two for each claim that this run has measured."""
    results = {result.row: result for result in run.results}
    numbers = {result.row: number for number, result in enumerate(run.results, start=1)}

    def found(before: Row, after: Row) -> Pair:
        return Pair(results[before], results[after], numbers[before], numbers[after])

    return [answer(found) for needed, answer in CLAIMS if results.keys() >= set(needed)]


def verdict(measured: Spread, least: float, most: float) -> str:
    """Compare with the range that the report expected, where several rounds say the same."""
    if measured.least == measured.most:
        return "one round does not tell"
    if measured.most <= 0:
        return "not at all"
    if measured.most < least:
        return "less than said"
    if measured.least > most:
        return "more than said"
    return "as said" if least <= measured.least and measured.most <= most else "the rounds do not agree"


def outcome(ratio: Spread) -> str:
    """Say whether it is faster, if all rounds say the same, and there is more than one."""
    if ratio.least == ratio.most:
        return "one round does not tell"
    if ratio.least > 1:
        return "faster"
    return "slower" if ratio.most < 1 else "no difference on which all rounds agree"


def _keeping_under_wsgi(found: Found) -> str:
    pair = found(rows.WSGI_CLOSED, rows.WSGI_KEPT)
    said = f"**1.1 `CONN_MAX_AGE=600` reuses connections. Under WSGI: {pair.reuses}.**"
    return f"{said} {pair.opened}; {pair.speed}."


def _keeping_under_asgi(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.ASGI_KEPT)
    return (
        f"**1.1 The same under ASGI, where the service runs: {pair.reuses}.** {pair.opened}. There a request "
        f"has a thread of its own, and nobody comes back for what is kept in it; {pair.speed}."
    )


def _pooling(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.ASGI_POOLED)
    return f"**The pool reuses connections under ASGI: {pair.reuses}.** {pair.opened}; {pair.speed}."


def _connecting(found: Found) -> str:
    kept = found(rows.WSGI_CLOSED, rows.WSGI_KEPT)
    pooled = found(rows.ASGI_CLOSED, rows.ASGI_POOLED)
    return (
        f"**1.1 A new connection costs 10 to 50 ms: {verdict(kept.saved, 10, 50)} under WSGI, "
        f"{verdict(pooled.saved, 10, 50)} under ASGI.** Without one the wait of a client who is alone "
        f"changes by {kept.change} ms under WSGI, and by {pooled.change} ms with the pool. They are unix "
        "sockets here: TCP, TLS and passwords would add to it."
    )


def _native_calls(found: Found) -> str:
    pair = found(rows.CONVERTED, rows.ASGI_POOLED)
    before, after = pair.before.counts, pair.after.counts
    is_same = before.hops == after.hops
    return (
        f"**1.2 `aget` and its like in place of `sync_to_async`: {'the same' if is_same else 'other'} hops, "
        f"{outcome(pair.ratio)}.** {before.hops_each} a request before and {after.hops_each} after"
        f"{', as `aget` is `sync_to_async(get)`' if is_same else ''}; {pair.speed}."
    )


def _hopping(found: Found) -> str:
    pair = found(rows.ASGI_POOLED, rows.ONE_HOP)
    fewer = (pair.before.counts.hops - pair.after.counts.hops) / pair.after.counts.requests
    said = verdict(pair.saved.divided_by(fewer), 5, 15) if fewer > 0 else "no hop was saved"
    return (
        f"**1.2 A hop costs 5 to 15 ms: {said}.** One function for all that an endpoint "
        f"wants from the database saves {fewer:.4g} hops a request: the wait of a client who is alone "
        f"changes by {pair.change} ms; {pair.speed}. `run.py bench hops` measures a hop by itself."
    )


def _more_workers(found: Found) -> str:
    pair = found(rows.ASGI_POOLED, rows.MANY_WORKERS)
    return (
        f"**1.3 2 * CPU + 1 workers: {outcome(pair.ratio)}.** {pair.after.row.serving.workers} in place of "
        f"{pair.before.row.serving.workers}: {pair.speed}. {pair.opened}: each worker has a pool of its own. "
        "What the report sets besides (timeouts, restarts, keep-alive) is not for speed, and not measured."
    )


def _all_of_it(found: Found) -> str:
    reported = found(rows.ALL_BEFORE, rows.ALL_AS_REPORTED)
    after = found(rows.ALL_BEFORE, rows.ALL_AFTER)
    return (
        f"**3 All of it saves 50 to 100 ms a request: {verdict(reported.saved, 50, 100)}.** With "
        f"the report's settings and calls (row {reported.after_number}) the wait of a client who is alone "
        f"changes by {reported.change} ms, and there are {reported.speed}. With the pool, one hop, no N+1, "
        f"an index and the cache (row {after.after_number}) it changes by {after.change} ms, and there are "
        f"{after.speed}: {after.after.counts.queries_each} queries a request in place of "
        f"{after.before.counts.queries_each}."
    )


def _row_by_row(found: Found) -> str:
    pair = found(rows.PAGE_BEFORE, rows.PAGE_AFTER)
    return (
        f"**Not in the report, N+1: without it {outcome(pair.ratio)}.** {pair.after.counts.queries_each} "
        f"queries for a page in place of {pair.before.counts.queries_each}; {pair.speed}."
    )


def _pgbouncer(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.PGBOUNCER)
    counts = pair.after.counts
    return (
        f"**7.1 PgBouncer: {outcome(pair.ratio)}.** The workers connected {counts.connects} times to it for "
        f"{counts.requests} requests, and it opened {counts.new_connections} connections to PostgreSQL; "
        f"{pair.speed}."
    )


def _searching(found: Found) -> str:
    search = found(rows.NEARBY_BEFORE, rows.NEARBY_AFTER)
    cached = found(rows.NEARBY_AFTER, rows.NEARBY_CACHED)
    return (
        f"**7.2 The distance query, by an index: {outcome(search.ratio)}; cached: {outcome(cached.ratio)}.** "
        f"By an index, and without N+1, there are {search.speed}; where the place was asked for before, "
        f"{cached.speed}. The table is small: to compute the distance of every row takes longer with each."
    )


def _redis(found: Found) -> str:
    pair = found(rows.NEARBY_CACHED, rows.NEARBY_IN_REDIS)
    return (
        f"**7.3 Redis in place of a cache in each worker: {outcome(pair.ratio)}.** There are {pair.speed}; "
        f"from a cold start, {pair.after.counts.queries} queries in all in place of "
        f"{pair.before.counts.queries}. It is for "
        "what has to be one for all workers, as the limit of a rate, and that is no question of speed."
    )


CLAIMS: tuple[tuple[tuple[Row, ...], Callable[[Found], str]], ...] = (
    ((rows.WSGI_CLOSED, rows.WSGI_KEPT), _keeping_under_wsgi),
    ((rows.ASGI_CLOSED, rows.ASGI_KEPT), _keeping_under_asgi),
    ((rows.ASGI_CLOSED, rows.ASGI_POOLED), _pooling),
    ((rows.WSGI_CLOSED, rows.WSGI_KEPT, rows.ASGI_CLOSED, rows.ASGI_POOLED), _connecting),
    ((rows.CONVERTED, rows.ASGI_POOLED), _native_calls),
    ((rows.ASGI_POOLED, rows.ONE_HOP), _hopping),
    ((rows.ASGI_POOLED, rows.MANY_WORKERS), _more_workers),
    ((rows.ALL_BEFORE, rows.ALL_AS_REPORTED, rows.ALL_AFTER), _all_of_it),
    ((rows.PAGE_BEFORE, rows.PAGE_AFTER), _row_by_row),
    ((rows.ASGI_CLOSED, rows.PGBOUNCER), _pgbouncer),
    ((rows.NEARBY_BEFORE, rows.NEARBY_AFTER, rows.NEARBY_CACHED), _searching),
    ((rows.NEARBY_CACHED, rows.NEARBY_IN_REDIS), _redis),
)

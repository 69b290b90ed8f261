"""What do the numbers say about each claim of the report? The answer may be that it was wrong.

All sentences and verdicts come from the numbers of the run. Another run may say something else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark import rows
from benchmark.figures import Spread, differences, ratios
from benchmark.measuring import Measured, Run
from benchmark.scenarios import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """The row before a change and the row after it, with their numbers in the table."""

    before: Measured
    after: Measured
    before_number: int
    after_number: int

    @property
    def speed(self) -> str:
        """How many times as many requests a second the row after answers."""
        return (
            f"Row {self.after_number} served {self.ratio} times as many requests a second as row "
            f"{self.before_number}."
        )

    @property
    def ratio(self) -> Spread:
        """The requests a second of the row after, divided by those of the row before."""
        return ratios(self.after.rates, self.before.rates)

    @property
    def change(self) -> Spread:
        """Milliseconds by which the wait of a single client changes."""
        return differences(self.after.milliseconds_alone, self.before.milliseconds_alone)

    @property
    def saved(self) -> Spread:
        """Milliseconds that a single client waits less."""
        return differences(self.before.milliseconds_alone, self.after.milliseconds_alone)

    @property
    def opened(self) -> str:
        """The connections of both rows."""
        before, after = self.before.counts, self.after.counts
        return (
            f"For {after.requests} requests, row {self.after_number} opened {after.new_connections} "
            f"connections and left {after.left_open} open; row {self.before_number} opened "
            f"{before.new_connections} and left {before.left_open}."
        )

    @property
    def reuses(self) -> str:
        """Whether the row after uses a connection for more than one request."""
        return "true" if self.after.counts.new_connections < self.after.counts.requests else "false"


Found = Callable[[Row, Row], Pair]


def answers(run: Run) -> list[str]:
    """Return a few sentences for each claim that this run has measured."""
    results = {result.row: result for result in run.results}
    numbers = {result.row: number for number, result in enumerate(run.results, start=1)}

    def found(before: Row, after: Row) -> Pair:
        return Pair(results[before], results[after], numbers[before], numbers[after])

    return [answer(found) for needed, answer in CLAIMS if results.keys() >= set(needed)]


def verdict(measured: Spread, least: float, most: float) -> str:
    """Compare with the range that the report claims, if several rounds agree."""
    if measured.least == measured.most:
        return "one round is not enough"
    if measured.most <= 0:
        return "no saving"
    if measured.most < least:
        return "less than the report says"
    if measured.least > most:
        return "more than the report says"
    is_within = least <= measured.least and measured.most <= most
    return "as the report says" if is_within else "the rounds disagree"


def outcome(ratio: Spread) -> str:
    """Say whether it is faster, if there are several rounds and all of them agree."""
    if ratio.least == ratio.most:
        return "one round is not enough"
    if ratio.least > 1:
        return "faster"
    return "slower" if ratio.most < 1 else "the rounds disagree"


def _keeping_under_wsgi(found: Found) -> str:
    pair = found(rows.WSGI_CLOSED, rows.WSGI_KEPT)
    return (
        f"**1.1 `CONN_MAX_AGE=600` reuses connections under WSGI: {pair.reuses}.** {pair.opened} {pair.speed}"
    )


def _keeping_under_asgi(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.ASGI_KEPT)
    return (
        f"**1.1 It also does under ASGI, which the service uses: {pair.reuses}.** {pair.opened} Each "
        "request has its own thread under ASGI, and no later request uses the connection of that thread. "
        f"{pair.speed}"
    )


def _pooling(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.ASGI_POOLED)
    return f"**The pool reuses connections under ASGI: {pair.reuses}.** {pair.opened} {pair.speed}"


def _connecting(found: Found) -> str:
    kept = found(rows.WSGI_CLOSED, rows.WSGI_KEPT)
    pooled = found(rows.ASGI_CLOSED, rows.ASGI_POOLED)
    return (
        f"**1.1 A new connection costs 10 to 50 ms: {verdict(kept.saved, 10, 50)} under WSGI, "
        f"{verdict(pooled.saved, 10, 50)} under ASGI.** Without one, the wait of a single client "
        f"changes by {kept.change} ms under WSGI, and by {pooled.change} ms with the pool. The connections "
        "are unix sockets here. TCP, TLS and passwords would take longer."
    )


def _native_calls(found: Found) -> str:
    pair = found(rows.CONVERTED, rows.ASGI_POOLED)
    before, after = pair.before.counts, pair.after.counts
    is_same = before.hops == after.hops
    return (
        f"**1.2 `aget` and the like instead of `sync_to_async`: {'the same' if is_same else 'other'} hops, "
        f"requests a second: {outcome(pair.ratio)}.** {before.hops_each} hops a request before and "
        f"{after.hops_each} after{', because `aget` is `sync_to_async(get)`' if is_same else ''}. "
        f"{pair.speed}"
    )


def _hopping(found: Found) -> str:
    pair = found(rows.ASGI_POOLED, rows.ONE_HOP)
    fewer = (pair.before.counts.hops - pair.after.counts.hops) / pair.after.counts.requests
    said = verdict(pair.saved.divided_by(fewer), 5, 15) if fewer > 0 else "no hop was saved"
    return (
        f"**1.2 A hop costs 5 to 15 ms: {said}.** One function for all queries of an endpoint saves "
        f"{fewer:.4g} hops a request. The wait of a single client changes by {pair.change} ms. {pair.speed} "
        "`run.py bench hops` measures a single hop."
    )


def _more_workers(found: Found) -> str:
    pair = found(rows.ASGI_POOLED, rows.MANY_WORKERS)
    return (
        f"**1.3 2 * CPU + 1 workers: {outcome(pair.ratio)}.** {pair.after.row.serving.workers} workers "
        f"instead of {pair.before.row.serving.workers}. {pair.speed} {pair.opened} Each worker has its own "
        "pool. "
        "The report's other settings (timeouts, restarts, keep-alive) are not for speed, and not measured."
    )


def _all_of_it(found: Found) -> str:
    reported = found(rows.ALL_BEFORE, rows.ALL_AS_REPORTED)
    after = found(rows.ALL_BEFORE, rows.ALL_AFTER)
    return (
        f"**3 All changes together save 50 to 100 ms a request: {verdict(reported.saved, 50, 100)}.** With "
        f"the report's settings and calls (row {reported.after_number}), the wait of a single client "
        f"changes by {reported.change} ms. {reported.speed} With the pool, one hop, no N+1, "
        f"an index and the cache (row {after.after_number}), it changes by {after.change} ms. "
        f"{after.speed} A request makes {after.after.counts.queries_each} queries instead of "
        f"{after.before.counts.queries_each}."
    )


def _row_by_row(found: Found) -> str:
    pair = found(rows.PAGE_BEFORE, rows.PAGE_AFTER)
    return (
        f"**Not in the report, a page without N+1: {outcome(pair.ratio)}.** It makes "
        f"{pair.after.counts.queries_each} queries instead of {pair.before.counts.queries_each}. {pair.speed}"
    )


def _pgbouncer(found: Found) -> str:
    pair = found(rows.ASGI_CLOSED, rows.PGBOUNCER)
    counts = pair.after.counts
    return (
        f"**7.1 PgBouncer: {outcome(pair.ratio)}.** For {counts.requests} requests, the workers connected "
        f"{counts.connects} times to PgBouncer, which opened {counts.new_connections} connections to "
        f"PostgreSQL. {pair.speed}"
    )


def _searching(found: Found) -> str:
    search = found(rows.NEARBY_BEFORE, rows.NEARBY_AFTER)
    cached = found(rows.NEARBY_AFTER, rows.NEARBY_CACHED)
    return (
        f"**7.2 The distance query, by an index: {outcome(search.ratio)}; cached: {outcome(cached.ratio)}.** "
        f"By an index, and without N+1: {search.speed} For a place that is in the cache: {cached.speed} The "
        "table is small. Without an index, every further row adds a distance to compute."
    )


def _redis(found: Found) -> str:
    pair = found(rows.NEARBY_CACHED, rows.NEARBY_IN_REDIS)
    return (
        f"**7.3 Redis instead of a cache in each worker: {outcome(pair.ratio)}.** {pair.speed} "
        f"From a cold start, there are {pair.after.counts.queries} queries instead of "
        f"{pair.before.counts.queries}. Redis is for values that all workers share, such as a rate limit. "
        "It is not there for speed."
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

"""Does everything work together: a real PostgreSQL, gunicorns, the recorder in their workers, and clients?"""

import os
from dataclasses import replace

import pytest

from benchmark import rows
from benchmark.measuring import Plan, measure
from benchmark.scenarios import Mix, Question, Row
from benchmark.tests.results import make_load, make_result
from throwaway_postgres import PostgresUnavailable


@pytest.mark.services
def test_rows_are_counted_and_timed() -> None:
    """A small run has the numbers of its settings; it fails unless they agree with PostgreSQL's."""
    plan = Plan(rounds=1, requests=12, clients=3)
    try:
        run = measure([rows.WSGI_KEPT, rows.ASGI_KEPT], plan)
    except PostgresUnavailable as unavailable:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(unavailable))

    under_wsgi, under_asgi = (result.counts for result in run.results)
    assert under_wsgi.queries == under_asgi.queries == 3 * plan.requests
    assert under_wsgi.hops < under_asgi.hops
    # A thread keeps its connection, and each of the two workers has four threads.
    assert under_wsgi.new_connections == under_wsgi.left_open <= 8
    # Each request has its own thread, so a kept connection is of no use.
    assert under_asgi.new_connections == plan.requests
    for result in run.results:
        assert [len(load.latencies) for load in (*result.loads, *result.alone)] == [12, 3]


def test_a_client_alone_waits_the_mean_of_the_medians() -> None:
    """An outlier of one request does not change the others."""
    questions = Mix("two", (Question("GET", "/fast"), Question("GET", "/slow")))
    alone = make_load(0.001, 0.010, 0.001, 0.020, 0.900, 0.020, seconds=1)
    result = replace(make_result(Row(rows.ASGI, questions), rates=(1,)), alone=(alone,))

    assert result.milliseconds_alone == [pytest.approx((1 + 20) / 2)]

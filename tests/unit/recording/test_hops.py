"""The outcome of a hop comes from the events of both threads."""

import pytest

from pytest_dbperf.recording.cause import Cause
from tests.factories import hop, hop_ended, query, recording, request


def queued(*events):
    """The seconds in queues of these events."""
    return pytest.approx(recording(*events).seconds_in_queues)


def test_a_hop_knows_what_ran_there():
    """Its queries, its wait for the thread, and its time in it."""
    inside = query()._replace(cause=Cause(hop=7))
    bookkeeping = query("BEGIN")._replace(cause=Cause(hop=7))
    events = (hop(number=7, started=1.0), inside, query(), bookkeeping)
    (one,) = recording(*events, hop_ended(7, started=1.5, seconds=0.25)).hops

    assert (one.queries, one.waited, one.seconds, one.ran_in) == (1, 0.5, 0.25, "worker")


def test_a_hop_that_has_not_ended_says_so():
    """None is not zero."""
    (one,) = recording(hop()).hops

    assert (one.waited, one.seconds) == (None, None)


def test_async_to_sync_waits_in_no_queue():
    """It starts a loop, or runs on the one that is waiting."""
    (one,) = recording(hop(via="async_to_sync", started=1.0), hop_ended(started=1.5)).hops

    assert one.waited == 0


def test_a_hop_before_or_after_a_request_belongs_to_it():
    """Signals are sent before the request is made, the response is closed after it."""
    visit, other = object(), object()
    served = request()._replace(cause=Cause(visit=visit))
    before, elsewhere, within, nowhere = recording(
        hop(number=1, visit=visit),
        served,
        hop(number=2, visit=other),
        hop(number=3, visit=visit, request=request(9)),
        hop(number=4),
    ).hops

    assert before.request == served
    assert elsewhere.request is None
    assert within.request.number == 9
    assert nowhere.request is None


def test_hops_queue_for_a_thread_that_runs_others():
    """Three at once on one thread: the second waits for the first, the third for both."""
    three = [hop(number=n, started=0.0) for n in (1, 2, 3)]
    ends = [hop_ended(n, started=n - 1.0, seconds=1.0) for n in (1, 2, 3)]

    assert queued(*three, *ends) == 0 + 1 + 2


def test_a_wait_for_an_idle_thread_is_no_queue():
    """It takes a moment to wake up."""
    assert queued(hop(), hop_ended(started=0.5, seconds=1.0)) == 0


def test_threads_have_queues_of_their_own():
    """Two threads run two hops at once."""
    two = [hop(number=n) for n in (1, 2)]

    assert queued(*two, hop_ended(1, thread=1), hop_ended(2, started=0.5, thread=2)) == 0


def test_a_hop_that_came_later_waits_for_the_rest():
    """Only the part of a run that is left when it starts to wait."""
    early, late = hop(number=1, started=0.0), hop(number=2, started=0.75)

    assert queued(early, late, hop_ended(1, seconds=1.0), hop_ended(2, started=1.0)) == 0.25


def test_a_hop_within_a_hop_is_known_by_the_time_that_its_thread_ran_both():
    """A budget may not count the `async_to_sync` between them."""
    outer, inner = hop(number=1, started=0.0), hop(number=3, started=0.5)
    ends = (hop_ended(3, started=0.75, seconds=0.25), hop_ended(1, started=0.0, seconds=1.0))

    assert queued(outer, inner, *ends) == 0
    at_once = hop_ended(3, started=0.0, seconds=1.0), hop_ended(1, started=0.0, seconds=2.0)
    assert queued(outer, inner, *at_once) == 0
    after = hop_ended(3, started=1.0, seconds=0.0), ends[1]
    assert queued(outer, inner, *after) == 0.5


def test_a_hop_within_a_hop_does_not_queue_behind_it():
    """The thread of the outer one sits in async_to_sync and waits for just this."""
    outer = hop(number=1)
    back = hop(number=2, via="async_to_sync", within=1, started=0.25)
    inner = hop(number=3, within=2, started=0.5)
    ends = (
        hop_ended(3, started=0.75, seconds=0.25, within=3),
        hop_ended(2, started=0.25, seconds=1.0),
        hop_ended(1, started=0.0, seconds=2.0),
    )

    assert queued(outer, back, inner, *ends) == 0
    elsewhere = hop_ended(3, started=0.75, seconds=0.25, thread=2)
    assert queued(outer, back, inner, elsewhere, *ends[1:]) == 0

"""A recording is a window on the log of the process."""

import asyncio

import pytest

from pytest_dbperf.recording import cause
from pytest_dbperf.recording.recorder import Recorder
from tests.factories import (
    checkout,
    closed_connection,
    driver_query,
    hop,
    new_connection,
    query,
    recording,
    request,
)


@pytest.fixture
def recorder():
    """A recorder without probes: the tests emit the events."""
    return Recorder()


def sql_of(window):
    """The statements of a recording."""
    return [each.sql for each in window.statements]


def test_a_recorder_is_idle_until_a_recording_opens(recorder):
    """Probes emit nothing then."""
    assert not recorder.active

    with recorder.record():
        assert recorder.active

    assert not recorder.active


def test_a_recording_has_what_happened_while_it_was_open(recorder):
    """Events before and after are not part of it."""
    with recorder.record() as outer:
        recorder.emit(query("before"))
        with recorder.record() as inner:
            recorder.emit(query("inside"))
        recorder.emit(query("after"))

    assert sql_of(inner) == ["inside"]
    assert sql_of(outer) == ["before", "inside", "after"]


def test_a_recording_can_be_read_while_it_is_open(recorder):
    """An assertion in the middle of a test sees what has happened so far."""
    with recorder.record() as window:
        recorder.emit(query())
        assert len(window.queries) == 1
        recorder.emit(query())
        assert len(window.queries) == 2


def test_statements_of_the_driver_are_recorded_on_request(recorder):
    """Another window on the same log does not have them."""
    with recorder.record() as outer:
        assert not recorder.wants_driver_queries
        with recorder.record(driver_queries=True) as inner:
            assert recorder.wants_driver_queries
            recorder.emit(query("of django"))
            recorder.emit(driver_query("of the driver"))
            with inner.record() as innermost:
                recorder.emit(driver_query("within"))
        assert not recorder.wants_driver_queries

    assert sql_of(outer) == ["of django"]
    assert sql_of(inner) == ["of django", "of the driver", "within"]
    assert sql_of(innermost) == ["within"]
    assert not recorder.wants_driver_queries


def test_recordings_may_overlap(recorder):
    """The first to open need not be the last to close."""
    one, two = recorder.record(), recorder.record()
    one.__enter__()
    recorder.emit(query("a"))
    two.__enter__()
    recorder.emit(query("b"))
    one.__exit__()
    recorder.emit(query("c"))
    two.__exit__()

    assert sql_of(one) == ["a", "b"]
    assert sql_of(two) == ["b", "c"]


def test_a_later_recording_does_not_keep_an_earlier_log(recorder):
    """The log goes with the last recording that is open."""
    with recorder.record():
        recorder.emit(query())

    assert recorder.log == []


def test_what_is_paused_is_left_out(recorder):
    """The preparations of a test need not count."""
    with recorder.record() as outer, recorder.record() as inner:
        recorder.emit(query("a"))
        with outer.pause():
            recorder.emit(query("b"))
        recorder.emit(query("c"))

    assert sql_of(outer) == sql_of(inner) == ["a", "c"]


def test_a_recording_within_a_pause_counts(recorder):
    """A pause is for the recordings that are open when it begins."""
    with recorder.record() as outer, recorder.pause(), outer.record() as inner:
        recorder.emit(query())

    assert len(inner.queries) == 1
    assert outer.queries == []


def test_a_pause_within_a_pause_changes_nothing(recorder):
    """The outer pause ends it."""
    with recorder.record() as window:
        with recorder.pause():
            with recorder.pause():
                pass
            recorder.emit(query("paused"))
        recorder.emit(query("counted"))

    assert sql_of(window) == ["counted"]


def test_a_recording_that_closes_within_a_pause_stays_closed(recorder):
    """The end of the pause does not open it again."""
    with recorder.record():
        window = recorder.record().__enter__()
        with recorder.pause():
            window.__exit__()
        recorder.emit(query())

    assert window.queries == []


def test_bookkeeping_does_not_count(recorder):
    """Transaction control is kept apart."""
    window = recording(query("BEGIN"), query("SELECT 1"), query("COMMIT"))

    assert [each.sql for each in window.queries] == ["SELECT 1"]
    assert [each.sql for each in window.bookkeeping] == ["BEGIN", "COMMIT"]


def test_events_are_told_apart_by_type():
    """Each type of event has its own list."""
    window = recording(query(), new_connection(), hop(), request(), closed_connection())

    counts = [
        len(view)
        for view in (
            window.queries,
            window.new_connections,
            window.hops,
            window.requests,
            window.closed_connections,
            window.checkouts,
        )
    ]
    assert counts == [1, 1, 1, 1, 1, 0]
    assert len(window.events) == 5


def test_the_peak_counts_the_connections_from_before():
    """Connections that were open before count as well."""
    window = recording(
        new_connection(open_now=3),
        closed_connection(open_now=2),
        new_connection(open_now=3),
        open_connections=2,
    )

    assert window.peak_connections == 3


def test_without_changes_the_peak_is_what_was_open():
    """A recording in which nothing is opened has a peak as well."""
    assert recording(open_connections=2).peak_connections == 2


def test_the_time_of_all_statements_adds_up():
    """Transaction control takes time like anything else."""
    assert recording(query(seconds=0.25), query("COMMIT", seconds=0.5)).seconds == 0.75


def test_call_sites_are_taken_while_any_open_recording_wants_them(recorder):
    """A recording without call sites does not switch them off for another one."""
    with recorder.record(call_sites=False):
        assert not recorder.wants_frames
        with recorder.record():
            assert recorder.wants_frames
        assert not recorder.wants_frames


async def test_a_recording_is_an_async_context_manager_too(recorder):
    """A coroutine may say `async with`."""
    async with recorder.record() as window:
        recorder.emit(query())

    assert len(window.queries) == 1


async def test_task_recordings_keep_gathered_jobs_apart(recorder):
    """Each job sees its own statements, and those of the tasks it starts."""

    async def run(count):
        with recorder.record(task=True) as window:
            for _ in range(count):
                await asyncio.create_task(emit_one())
        return len(window.queries)

    async def emit_one():
        await asyncio.sleep(0)
        recorder.emit(query()._replace(cause=cause.inherited.get()))

    with recorder.record() as everything:
        counts = await asyncio.gather(run(1), run(2), run(3))

    assert counts == [1, 2, 3]
    assert len(everything.queries) == 6


def test_a_recording_says_what_it_has():
    """A failed assertion shows numbers, not an address."""
    assert repr(recording(query(), hop())) == "<Recording: 1 queries, 0 new connections, 1 hops>"


@pytest.mark.parametrize(
    ("events", "reuse"),
    [
        ([], None),
        ([new_connection()], None),
        ([*[request()] * 10, new_connection()], 0.9),
        ([request(), new_connection(), new_connection()], 0.0),
        ([*[request()] * 2, *[checkout()] * 4, new_connection()], 0.75),
    ],
)
def test_reuse_is_the_part_that_needed_no_new_connection(events, reuse):
    """Of the checkouts from a pool, or else of the requests."""
    assert recording(*events).reuse == reuse


def test_leaks_are_connections_that_were_not_closed():
    """Connections that are kept on purpose, or were opened before, are not in the list."""
    leaked = [new_connection(1), new_connection(2)]

    window = recording(
        *leaked,
        new_connection(3),
        new_connection(4, is_kept=True),
        closed_connection(2, dropped=True),
        closed_connection(3),
        closed_connection(9, dropped=True),
    )

    assert window.leaked_connections == leaked

"""The open connections are known, also while nothing is recorded."""

import contextvars
import gc
import threading

import pytest

from pytest_dbperf.recording.open_connections import OpenConnections, is_served


class Owner:
    """The owner of a connection."""


@pytest.fixture
def connections():
    """No connection yet."""
    return OpenConnections()


def test_a_connection_is_open_until_it_is_removed(connections):
    """Each has a number of its own."""
    one, other = Owner(), Owner()
    first = connections.add(one, "default", is_kept=False, dropped=print)
    second = connections.add(other, None, is_kept=True, dropped=print)

    assert (first.number, second.number, len(connections)) == (1, 2, 2)
    assert connections.remove(one) is first
    assert connections.remove(one) is None
    assert len(connections) == 1


def test_a_dropped_owner_is_reported_once(connections):
    """The garbage collector reports it, unless the connection was closed before."""
    dropped = []
    closed, left = Owner(), Owner()
    connections.add(closed, "default", is_kept=False, dropped=dropped.append)
    expected = connections.add(left, "default", is_kept=False, dropped=dropped.append)
    connections.remove(closed)

    del closed, left
    gc.collect()

    assert dropped == [expected]
    assert len(connections) == 0


def test_connections_inside_the_block_are_not_dropped(connections):
    """Connections are kept until the last block ends. Those kept open on purpose are not returned."""
    dropped = []

    def leave(*, is_kept):
        connections.add(Owner(), "default", is_kept=is_kept, dropped=dropped.append)

    leave(is_kept=False)
    assert len(dropped) == 1
    with connections.held() as left:
        thread = threading.Thread(target=leave, kwargs={"is_kept": False})
        thread.start()
        thread.join()
        with connections.held() as left_inside:
            leave(is_kept=True)
            assert left_inside() == []
        assert [type(owner) for owner in left()] == [Owner]
        assert len(dropped) == 1

    assert len(dropped) == 3


def test_a_living_thread_has_left_nothing_open(connections):
    """It is not returned as left open, unless it was opened for a client's request."""
    with connections.held() as left:
        owner = Owner()
        connections.add(owner, "default", is_kept=False, dropped=print)
        assert left() == []

        served = Owner()
        context = contextvars.copy_context()
        context.run(is_served.set, True)
        context.run(connections.add, served, "default", is_kept=False, dropped=print)
        assert left() == [served]


def test_pools_are_waited_for(connections):
    """The connection arrives in another thread."""
    task = Owner()
    connections.expect(task, lambda: True)
    timer = threading.Timer(0.01, connections.arrived, [task])
    timer.start()

    connections.wait_for_pools(30)

    assert not timer.is_alive() or timer.finished.wait(1)
    timer.join()


def test_a_closed_pool_is_not_waited_for(connections):
    """Its tasks will never run."""
    task = Owner()
    connections.expect(task, lambda: False)

    connections.wait_for_pools(30)
    connections.arrived(task)
    connections.arrived(task)

"""A client leaves no connection open, with any driver."""

import threading

import pytest
from django.db import connections

from pytest_dbperf.clients.preconditions import close_left
from shop.models import Author


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.parametrize("using", ["default", "sqlite"])
def test_a_connection_of_another_thread_can_be_closed(recorder, using):
    """Django would refuse to close it from another thread, and recordings do not see it."""
    thread = threading.Thread(target=Author.objects.using(using).count)
    with recorder.record() as recording, recorder.connections.held() as left:
        thread.start()
        thread.join()
        close_left(left)
        assert left() == []

    assert len(recording.new_connections) == 1
    assert recording.closed_connections == []
    connections[using].ensure_connection()

"""Events belong to requests, and a request to the route that served it."""

import pytest

from pytest_dbperf.recording.requests import by_request, route_of
from pytest_dbperf.results.model import RequestResult
from tests.factories import query, request


def test_events_are_grouped_by_their_request():
    """What runs outside of requests is left out."""
    one, two = request(1), request(2)
    first, second, third = query(request=two), query(request=one), query(request=two)

    assert by_request([first, query(), second, third]) == {2: [first, third], 1: [second]}


@pytest.mark.parametrize(
    ("written", "view", "route"),
    [
        ("GET /books/7/", "books/<int:pk>/", "GET books/<int:pk>/"),
        ("POST /books/", "books/", "POST books/"),
        # No pattern matched, or the pattern of the view is empty.
        ("GET /nothing/", "", "GET /nothing/"),
        ("GET /", "", "GET /"),
        # A route is one field of one line.
        ("GET /a\n b\t", "", "GET /a b"),
        ("GET /7", "(?x)\n  ^(?P<pk>\\d+)$", "GET (?x) ^(?P<pk>\\d+)$"),
    ],
)
def test_a_route_is_a_method_and_a_pattern(written, view, route):
    """It is the same for all requests that a pattern serves, and never longer than a line."""
    assert route_of(written, view) == route
    assert RequestResult(written, 1, view=view).route == route

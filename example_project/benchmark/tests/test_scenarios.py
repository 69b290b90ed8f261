"""Are the requests as the table names them?"""

from benchmark.rows import ROWS
from benchmark.scenarios import Known, Mix, Question, Request, Serving, Session

KNOWN = Known(
    sessions=(Session("ada", "secret"), Session("bob", "hidden")), positions=((52.52, 13.4), (48.14, 11.58))
)
LOOK = Question("GET", "/look?offset={offset}")
CHANGE = Question("PATCH", "/me", is_signed_in=True, body='{"nickname": "%(nickname)s"}')


def test_questions_are_asked_in_turn_and_by_one_after_the_other() -> None:
    """All rows send the same requests."""
    requests = Mix("both", (LOOK, CHANGE)).requests(2, 2, KNOWN)

    assert requests == [
        Request("GET", "/look?offset=40", {}, None),
        Request(
            "PATCH",
            "/me",
            {"Authorization": "Bearer hidden", "Content-Type": "application/json"},
            b'{"nickname": "bob"}',
        ),
    ]


def test_a_new_place_is_never_asked_for_twice() -> None:
    """So the search is measured, and not the cache."""
    near = Mix("near", (Question("GET", "{new_place}"),))

    paths = [request.path for request in near.requests(0, 100, KNOWN)]

    assert paths[:3] == [
        "latitude=52.52&longitude=13.4&radius_km=20",
        "latitude=48.14&longitude=11.58&radius_km=20",
        "latitude=52.52&longitude=13.4&radius_km=21",
    ]
    assert len(set(paths)) == 100


def test_the_same_place_is_asked_for_again_and_again() -> None:
    """It is the place with the most campaigns."""
    near = Mix("near", (Question("GET", "{place}"),))

    assert {request.path for request in near.requests(0, 100, KNOWN)} == {
        "latitude=52.52&longitude=13.4&radius_km=20"
    }


def test_a_serving_tells_the_service_and_the_reader_alike() -> None:
    """A pool excludes CONN_MAX_AGE, because the service refuses both together."""
    serving = Serving(interface="asgi", pool=8, workers=5)

    assert str(serving) == "ASGI, pool of 8, 5 workers"
    assert serving.environ == {"DB_POOL": "8", "DB_CONN_MAX_AGE": "0"}
    assert serving.arguments == ("--workers", "5", "--threads", "1")


def test_a_serving_names_the_programs_that_it_needs() -> None:
    """Without these programs, its rows are left out."""
    serving = Serving(interface="asgi", has_pgbouncer=True, has_redis=True)

    assert str(serving) == "ASGI, `CONN_MAX_AGE=0`, PgBouncer, Redis"
    assert serving.programs == ("pgbouncer", "redis-server")
    assert Serving(interface="asgi").programs == ()


def test_a_row_is_compared_with_one_of_the_table() -> None:
    """A ratio names the number of a row above."""
    for number, row in enumerate(ROWS):
        assert row.against is None or row.against in ROWS[:number]

"""Which campaigns does a search find, in which order, and what is refused?"""

from dataclasses import replace
from datetime import timedelta
from math import cos, radians
from random import Random
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.utils import timezone

from campaigns.geography import KM_PER_DEGREE, Position, distance_km
from campaigns.models import Campaign
from campaigns.schemas import LONGEST_PAGE
from campaigns.tests.clock import Clock
from campaigns.tests.factories import NEW_YEAR, make_campaign, make_campaigns_at
from config.cache import cache_settings
from config.environment import environment
from users.models import User
from users.tests.factories import make_user

CENTRE = Position(52.52, 13.405)
PLACES = {
    "at home": CENTRE,
    "equator": Position(0, 0),
    "date line": Position(-17.0, 180.0),
    "west of the date line": Position(52.0, 179.9951),
    "east of the date line": Position(0.003, -179.9951),
    "North Pole": Position(90, 0),
    "beside the North Pole": Position(89.97, -77),
    "South Pole": Position(-90, 12),
    "beside the South Pole": Position(-89.5, 179.999),
    "corner of a cell": Position(48.005, 16.005),
}


@pytest.fixture
def ada(db: None) -> User:
    """A user who owns campaigns."""
    return make_user("ada")


def make_at(owner: User, title: str, position: Position, **fields: Any) -> Campaign:
    """Save a campaign at this place."""
    return make_campaign(owner, title, latitude=position.latitude, longitude=position.longitude, **fields)


def search(client: Client, api: str, centre: Position = CENTRE, **parameters: Any) -> list[dict[str, Any]]:
    """Return the answer of a search."""
    where = {"latitude": centre.latitude, "longitude": centre.longitude}
    response = client.get(f"{api}nearby", where | parameters)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_search_does_without_a_redis_that_is_gone(
    client: Client, ada: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The search is slower then, and the log says why."""
    make_at(ada, "here", CENTRE)
    nobody = "unix:///nobody/listens/here"
    settings.CACHES = {"default": cache_settings(replace(environment(), cache_url=nobody))}

    assert [found["title"] for found in search(client, "/api/campaigns/")] == ["here"]
    assert "a search is not cached" in caplog.text


def test_the_nearest_is_found_first(client: Client, api: str, ada: User) -> None:
    """The start and the order of creation do not matter; campaigns beyond the radius are not found."""
    for title, north in [("beyond", 0.1), ("far", 0.08), ("here", 0), ("near", -0.02)]:
        make_at(ada, title, replace(CENTRE, latitude=CENTRE.latitude + north))

    found = search(client, api, radius_km=10)

    assert [(campaign["title"], campaign["distance_km"]) for campaign in found] == [
        ("here", 0),
        ("near", 2.224),
        ("far", 8.896),
    ]


def test_what_is_found_is_shown_as_in_the_list(client: Client, api: str, ada: User) -> None:
    """With owner, tags and join count, plus the distance."""
    make_at(ada, "here", CENTRE, tags=["water", "nature"], joined_by=[ada])

    (found,) = search(client, api)

    assert found == client.get(api).json()["items"][0] | {"distance_km": 0}
    assert (found["owner"], found["tags"], found["join_count"]) == ("ada", ["nature", "water"], 1)


@pytest.mark.query_budget(None, reason="the cost of the old API does not matter here")
def test_the_radius_is_ten_kilometres_unless_said(client: Client, api: str, ada: User) -> None:
    """And at most twenty campaigns are shown."""
    make_at(ada, "beyond", replace(CENTRE, latitude=CENTRE.latitude + 0.0905))
    for number in range(21):
        make_at(ada, f"campaign {number}", replace(CENTRE, latitude=CENTRE.latitude + number * 0.004))

    assert [found["title"] for found in search(client, api)] == [f"campaign {number}" for number in range(20)]
    assert len(search(client, api, limit=100)) == 21


def test_campaigns_without_a_place_are_not_found(client: Client, api: str, ada: User) -> None:
    """An online campaign is not near any position."""
    make_campaign(ada, "online")

    assert search(client, api, radius_km=100) == []
    assert search(client, api, centre=Position(0, 0), radius_km=100) == []


def test_what_has_begun_is_not_found(client: Client, api: str, ada: User) -> None:
    """They take no place on the page either."""
    for ago in (timedelta(seconds=1), timedelta(days=300)):
        make_at(ada, "begun", CENTRE, starts_at=timezone.now() - ago)
    make_at(ada, "upcoming", replace(CENTRE, latitude=CENTRE.latitude + 0.01))

    assert [found["title"] for found in search(client, api, limit=1)] == ["upcoming"]


def test_a_campaign_is_found_until_it_begins(client: Client, api: str, ada: User, clock: Clock) -> None:
    """To the exact moment, although the search may come from the cache."""
    make_at(ada, "here", CENTRE)
    make_at(ada, "later", CENTRE, starts_at=NEW_YEAR + timedelta(days=1))

    found = []
    for clock.now in (NEW_YEAR, NEW_YEAR + timedelta(microseconds=1)):
        found.append([campaign["title"] for campaign in search(client, api)])

    assert found == [["here", "later"], ["later"]]


def test_a_crowd_that_has_begun_hides_nothing(client: Client, api: str, ada: User) -> None:
    """Only campaigns that have not begun fill the page."""
    make_campaigns_at(ada, [CENTRE] * LONGEST_PAGE)
    Campaign.objects.update(starts_at=timezone.now() - timedelta(days=1))
    make_at(ada, "upcoming", replace(CENTRE, latitude=CENTRE.latitude + 0.05))

    assert [found["title"] for found in search(client, api)] == ["upcoming"]


def test_campaigns_at_one_place_come_in_the_order_of_their_making(
    client: Client, api: str, ada: User
) -> None:
    """So does each page of them, every time."""
    for number in range(6):
        make_at(ada, f"campaign {number}", CENTRE)

    # The last written row would come last in a database that does not sort.
    Campaign.objects.filter(title="campaign 0").update(starts_at=NEW_YEAR)

    for limit in (1, 3, 6):
        found = search(client, api, centre=Position(52.5, 13.4), limit=limit)
        assert [campaign["title"] for campaign in found] == [f"campaign {number}" for number in range(limit)]


def around(centre: Position, random: Random) -> Position:
    """Return a position within about 15 km, also on the other side of a pole or of the date line."""
    latitude = centre.latitude + random.uniform(-0.13, 0.13)
    if abs(latitude) > 90:
        latitude = (180 if latitude > 0 else -180) - latitude
    width = min(180, 0.15 / max(cos(radians(centre.latitude)), 1e-9))
    longitude = centre.longitude + random.uniform(-width, width)
    return Position(latitude, (longitude + 180) % 360 - 180)


@pytest.mark.query_budget(None, reason="the cost of the old API does not matter here")
@pytest.mark.parametrize("place", PLACES)
def test_a_search_finds_what_a_look_at_every_campaign_finds(
    client: Client, api: str, ada: User, place: str
) -> None:
    """Around the poles and the date line as well, and also for positions close to them."""
    random = Random(place)
    places = [around(PLACES[place], random) for _ in range(80)]
    campaigns = make_campaigns_at(ada, places)
    neighbour = Position(PLACES[place].latitude * 0.99999, PLACES[place].longitude * 0.99999)

    for centre in (PLACES[place], neighbour):
        distances = {
            campaign.pk: distance_km(centre, each) for campaign, each in zip(campaigns, places, strict=True)
        }
        near = sorted((number for number in distances if distances[number] <= 9.5), key=distances.__getitem__)
        found = search(client, api, centre, radius_km=9.5, limit=100)

        assert len(near) > 10
        assert [campaign["id"] for campaign in found] == near
        assert [campaign["distance_km"] for campaign in found] == [
            pytest.approx(distances[number], abs=0.001) for number in near
        ]


def test_a_crowd_is_found_from_everywhere_in_a_cell(client: Client, ada: User) -> None:
    """If there are more campaigns than fit on a page, the cache keeps the nearest for every position."""
    random = Random(3)
    places = [
        Position(CENTRE.latitude + random.gauss(0, 0.01), CENTRE.longitude + random.gauss(0, 0.02))
        for _ in range(600)
    ]
    campaigns = make_campaigns_at(ada, places)
    corners = [
        Position(CENTRE.latitude + north, CENTRE.longitude - 0.005 + east)
        for north in (-0.0049, 0, 0.0049)
        for east in (-0.0049, 0, 0.0049)
    ]

    for corner in corners:
        nearest = sorted(
            (distance_km(corner, place), campaign.pk)
            for campaign, place in zip(campaigns, places, strict=True)
        )
        found = search(client, "/api/campaigns/", corner, limit=LONGEST_PAGE)
        assert [campaign["id"] for campaign in found] == [number for _, number in nearest[:LONGEST_PAGE]]


def test_the_other_side_of_the_earth_is_far(client: Client, api: str, ada: User) -> None:
    """The haversine of this distance is more than 1 after rounding, and this raises no error."""
    make_at(ada, "antipode", Position(0.82, 80.91))

    assert search(client, api, Position(-0.82, -99.09), radius_km=100) == []


@pytest.mark.parametrize("radius_km", [10, 9.9])
def test_who_stands_at_the_edge_of_a_cell_sees_as_far(client: Client, ada: User, radius_km: float) -> None:
    """The cached area of a cell is larger than the circle around its middle."""
    north_east = radius_km / KM_PER_DEGREE / 2**0.5 * 0.999
    make_at(ada, "seen", Position(0.0049 + north_east, 0.0049 + north_east))

    assert search(client, "/api/campaigns/", Position(-0.0049, -0.0049), radius_km=radius_km) == []
    (found,) = search(client, "/api/campaigns/", Position(0.0049, 0.0049), radius_km=radius_km)
    assert found["title"] == "seen"


def test_a_crowd_does_not_hide_what_is_nearer_from_the_edge(client: Client, ada: User) -> None:
    """A whole page is nearer to the middle of the cell, and farther from a position at its edge."""
    make_campaigns_at(ada, [Position(-0.02, -0.02)] * LONGEST_PAGE)
    make_at(ada, "nearer", Position(0.0297, 0.0297))

    found = search(client, "/api/campaigns/", Position(0.0049, 0.0049), limit=1)

    assert [campaign["title"] for campaign in found] == ["nearer"]


@pytest.mark.parametrize("parameter", ["latitude", "longitude", "radius_km"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "north", "", "-180.001", "180.001"])
def test_a_bad_number_is_refused_by_its_name(client: Client, api: str, parameter: str, value: str) -> None:
    """Not a number, not finite, or nowhere on the Earth."""
    parameters = {"latitude": "1", "longitude": "2", "radius_km": "3"} | {parameter: value}

    response = client.get(f"{api}nearby", parameters)

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [parameter]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("latitude", "90.001"),
        ("latitude", "-90.001"),
        ("radius_km", "0"),
        ("radius_km", "-1"),
        ("radius_km", "100.001"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "1.5"),
    ],
)
def test_a_search_out_of_bounds_is_refused_by_its_name(
    client: Client, api: str, parameter: str, value: str
) -> None:
    """There is no latitude beyond the poles, and no client may get everything at once."""
    response = client.get(f"{api}nearby", {"latitude": "1", "longitude": "2"} | {parameter: value})

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [parameter]


def test_a_search_without_a_position_is_refused(client: Client, api: str) -> None:
    """Both numbers are named at once."""
    response = client.get(f"{api}nearby")

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == ["latitude", "longitude"]


@pytest.mark.django_db
@pytest.mark.parametrize("latitude", [-90, 90])
@pytest.mark.parametrize("longitude", [-180, 180])
def test_the_ends_of_the_earth_are_accepted(
    client: Client, api: str, latitude: float, longitude: float
) -> None:
    """The poles, and the date line from both sides."""
    assert search(client, api, Position(latitude, longitude), radius_km=100, limit=100) == []


@pytest.mark.django_db(transaction=True)
async def test_campaigns_are_found_by_an_async_client(async_client: AsyncClient, api: str) -> None:
    """The same call over ASGI, where a lazy query would be an error."""
    owner = await User.objects.acreate(email="ada@example.org", nickname="ada")
    await Campaign.objects.acreate(
        owner=owner, title="Clean the river", starts_at=NEW_YEAR, capacity=1, latitude=1, longitude=2
    )

    response = await async_client.get(f"{api}nearby", {"latitude": 1, "longitude": 2})

    assert [campaign["owner"] for campaign in response.json()] == ["ada"]

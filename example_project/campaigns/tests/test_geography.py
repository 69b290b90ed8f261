"""Are the distances right, and do the boxes contain everything near?"""

from math import acos, atan2, cos, degrees, hypot, nextafter, radians, sin
from random import Random

import pytest

from campaigns.geography import EARTH_RADIUS_KM, KM_PER_DEGREE, Box, Position, boxes_around, distance_km

HALF_AROUND = 180 * KM_PER_DEGREE
POLES = [Position(90, 0), Position(-90, 120)]
DATE_LINE = [Position(0, 180), Position(0, -180), Position(52, 179.95), Position(-17.8, -179.99)]
PLACES = [
    Position(0, 0),
    Position(52.52, 13.405),
    Position(-54.8, -68.3),
    Position(89.95, 17),
    Position(-89.99, -179.99),
    *POLES,
    *DATE_LINE,
]
RADII_KM = [0, 0.5, 10, 100, 2500, HALF_AROUND / 2, HALF_AROUND]


def by_vectors(one: Position, other: Position) -> float:
    """Return the distance by another formula: the angle between two vectors from the Earth's centre."""
    vectors = [
        (
            cos(radians(position.latitude)) * cos(radians(position.longitude)),
            cos(radians(position.latitude)) * sin(radians(position.longitude)),
            sin(radians(position.latitude)),
        )
        for position in (one, other)
    ]
    (a, b, c), (x, y, z) = vectors
    across = hypot(b * z - c * y, c * x - a * z, a * y - b * x)
    return EARTH_RADIUS_KM * atan2(across, a * x + b * y + c * z)


def anywhere(random: Random) -> Position:
    """Return a random position, evenly distributed over the sphere."""
    return Position(90 - degrees(acos(random.uniform(-1, 1))), random.uniform(-180, 180))


def around(centre: Position, random: Random, spread: float) -> Position:
    """Return a position that is likely to be near another one, also across a pole or the date line."""
    latitude = centre.latitude + random.gauss(0, spread)
    longitude = centre.longitude + random.gauss(0, spread / max(cos(radians(centre.latitude)), 1e-3))
    if abs(latitude) > 90:
        latitude, longitude = (180 if latitude > 0 else -180) - latitude, longitude + 180
    return Position(max(-90.0, min(90.0, latitude)), (longitude + 180) % 360 - 180)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        # https://rosettacode.org/wiki/Haversine_formula, with its radius of 6371.0 km.
        (Position(36.12, -86.67), Position(33.94, -118.40), 2886.444442837983 * 6371.0088 / 6371.0),
        # geopy's example for great_circle, with its radius of 6371.009 km.
        (
            Position(41.49008, -71.312796),
            Position(41.499498, -81.695391),
            864.2144943393627 * 6371.0088 / 6371.009,
        ),
        # These follow from the definition.
        (Position(0, 0), Position(0, 1), KM_PER_DEGREE),
        (Position(0, 0), Position(1, 0), KM_PER_DEGREE),
        (Position(60, 0), Position(60, 180), 60 * KM_PER_DEGREE),
        (Position(0, 0), Position(90, 77), HALF_AROUND / 2),
        (Position(90, 0), Position(-90, 0), HALF_AROUND),
        (Position(0, -90), Position(0, 90), HALF_AROUND),
        # Rounding makes the haversine of these larger than 1.
        (Position(-0.82, -99.09), Position(0.82, 80.91), HALF_AROUND),
        (Position(66.2, -4.72), Position(-66.2, 175.28), HALF_AROUND),
        (Position(0, 179.5), Position(0, -179.5), KM_PER_DEGREE),
        (Position(90, 0), Position(90, 120), 0),
        (Position(10, 180), Position(10, -180), 0),
        (Position(48.2, 16.37), Position(48.2, 16.37), 0),
    ],
)
def test_known_distances(one: Position, other: Position, km: float) -> None:
    """Published distances, and ones that follow from geometry; the way back is as long."""
    assert distance_km(one, other) == pytest.approx(km, rel=1e-12, abs=1e-9)
    assert distance_km(other, one) == distance_km(one, other)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        # Geodesics of the WGS84 ellipsoid, by GeographicLib: Paris to New York, Sydney to Santiago, and two
        # places on both sides of the date line and of the North Pole.
        (Position(48.8566, 2.3522), Position(40.7128, -74.0060), 5852.935),
        (Position(-33.8688, 151.2093), Position(-33.4489, -70.6693), 11368.984),
        (Position(-17.8, 179.99), Position(-17.8, -179.99), 2.120),
        (Position(89.9, 0), Position(89.9, 180), 22.339),
    ],
)
def test_the_sphere_is_near_to_the_earth(one: Position, other: Position, km: float) -> None:
    """An ellipsoid would be right to the metre; 0.6 per cent is enough to find campaigns nearby."""
    assert distance_km(one, other) == pytest.approx(km, rel=0.006)


def test_two_formulas_agree_everywhere() -> None:
    """Also for neighbours and for the other side of the Earth, where formulas lose digits."""
    random = Random(1)
    for _ in range(2000):
        one = anywhere(random)
        near, far = around(one, random, 1e-6), Position(-one.latitude, (one.longitude + 360) % 360 - 180)
        for other in (anywhere(random), near, far):
            assert distance_km(one, other) == pytest.approx(by_vectors(one, other), rel=1e-9, abs=1e-3)


@pytest.mark.parametrize("radius_km", RADII_KM)
@pytest.mark.parametrize("centre", PLACES)
def test_what_is_within_the_radius_is_in_a_box(centre: Position, radius_km: float) -> None:
    """The exact distance removes the rest of the box; a position outside the box would be lost."""
    random = Random(2)
    boxes = boxes_around(centre, radius_km)
    spread = min(radius_km / KM_PER_DEGREE, 60)
    places = [around(centre, random, spread) for _ in range(1000)] + [anywhere(random) for _ in range(1000)]
    near = [place for place in [centre, *PLACES, *places] if distance_km(centre, place) <= radius_km]

    assert near
    assert [place for place in near if not any(place in box for box in boxes)] == []


@pytest.mark.parametrize("radius_km", [1, 100, 2500])
@pytest.mark.parametrize("centre", [place for place in PLACES if abs(place.latitude) < 60])
def test_a_box_is_no_larger_than_it_has_to_be(centre: Position, radius_km: float) -> None:
    """Its sides touch the circle: in the north, and where a meridian is a tangent."""
    *_, box = boxes_around(centre, radius_km)
    span = 2 * radius_km / KM_PER_DEGREE
    width = sum(box.east - box.west for box in boxes_around(centre, radius_km))

    assert box.north - box.south == pytest.approx(span, abs=1e-6)
    assert radians(width / 2) == pytest.approx(
        # The tangent point, the centre and the pole are a triangle with a right angle (Napier).
        atan2(
            sin(radians(span / 2)),
            (cos(radians(centre.latitude)) ** 2 - sin(radians(span / 2)) ** 2) ** 0.5,
        ),
        abs=1e-6,
    )


@pytest.mark.parametrize("centre", DATE_LINE)
def test_the_date_line_splits_a_box(centre: Position) -> None:
    """180 degrees east and west are one meridian, and a position may be written with either."""
    west, east = boxes_around(centre, 50)

    assert (west.east, east.west) == (180, -180)
    assert west.west > 179
    assert east.east < -179


def test_on_the_date_line_nothing_is_beside_it() -> None:
    """A radius of 0 finds both ways to write the same place."""
    boxes = boxes_around(Position(10, 180), 0)

    assert {any(place in box for box in boxes) for place in (Position(10, 180), Position(10, -180))} == {True}


@pytest.mark.parametrize("centre", [*POLES, Position(89.5, 10), Position(-89.5, 10)])
def test_around_a_pole_are_all_longitudes(centre: Position) -> None:
    """It takes one step there to have walked around the Earth."""
    (box,) = boxes_around(centre, 100)

    assert (box.west, box.east) == (-180, 180)
    assert 90 in (box.north, -box.south)


def test_just_short_of_a_pole_there_are_not_all_longitudes() -> None:
    """The circle touches the pole, and its tangents are nearly at right angles to its meridian."""
    latitude = nextafter(90 - 100 / KM_PER_DEGREE - 1e-9, 0)
    (box,) = boxes_around(Position(latitude, 0), 100)

    assert box.north < 90
    assert -90 <= box.west < box.east <= 90


def test_half_around_the_earth_is_everywhere() -> None:
    """No position is farther away than its opposite."""
    assert boxes_around(Position(12, 34), HALF_AROUND) == (Box(-90, 90, -180, 180),)

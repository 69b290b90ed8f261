"""How far apart are two positions on the Earth, and which positions are near one?

The Earth is a sphere here, which makes distances wrong by at most 0.6 per cent.
"""

from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""The mean radius R1 of the Geodetic Reference System 1980 (Moritz, Journal of Geodesy 74, 2000)."""
KM_PER_DEGREE = EARTH_RADIUS_KM * pi / 180
"""Along a meridian, and along the equator."""

POLE = 90.0
DATE_LINE = 180.0
# A tenth of a millimetre, to make up for what rounding may take from a box.
MARGIN = 1e-9


@dataclass(frozen=True, slots=True)
class Position:
    """A point on the Earth; degrees north are -90 to 90, degrees east -180 to 180, and -180 equals 180."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Box:
    """The area between two parallels and two meridians, in degrees; it never crosses the date line."""

    south: float
    north: float
    west: float
    east: float

    def __contains__(self, position: Position) -> bool:
        return self.south <= position.latitude <= self.north and self.west <= position.longitude <= self.east


def distance_km(one: Position, other: Position) -> float:
    """Return the length of the great circle between two positions, by the haversine formula."""
    north_one, north_other = radians(one.latitude), radians(other.latitude)
    east = radians(other.longitude - one.longitude)
    haversine = (
        sin((north_other - north_one) / 2) ** 2 + cos(north_one) * cos(north_other) * sin(east / 2) ** 2
    )
    # On the other side of the Earth, rounding can make it larger than 1, which has no arc sine.
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, haversine)))


def boxes_around(centre: Position, radius_km: float) -> tuple[Box, ...]:
    """Return boxes that together hold all positions within a radius: two if the circle crosses the date line.

    If a pole is inside the circle, there is one box with all longitudes. The formula gives the meridians that
    touch a circle: https://janmatuschek.de/LatitudeLongitudeBoundingCoordinates#LongitudeOfTangentPoints
    """
    height = radius_km / KM_PER_DEGREE + MARGIN
    south, north = centre.latitude - height, centre.latitude + height
    if south <= -POLE or north >= POLE:
        return (Box(max(south, -POLE), min(north, POLE), -DATE_LINE, DATE_LINE),)
    # Neither pole is inside, so the sine is smaller than the cosine.
    width = degrees(asin(sin(radians(height)) / cos(radians(centre.latitude)))) + MARGIN
    west, east = centre.longitude - width, centre.longitude + width
    if west < -DATE_LINE:
        return (Box(south, north, west + 360, DATE_LINE), Box(south, north, -DATE_LINE, east))
    if east > DATE_LINE:
        return (Box(south, north, west, DATE_LINE), Box(south, north, -DATE_LINE, east - 360))
    return (Box(south, north, west, east),)

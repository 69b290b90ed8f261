"""Which campaigns are near a position?

The Earth has a grid of cells. What may be near to somebody in a cell is found once, by an index, and kept in
the cache for all who ask from there. How far it is from each of them is computed each time: distances, their
order and the end of the circle are exact, and what has begun since is left out. What was cached is up to a
minute old: a campaign that is new, or moved, or deleted shows that much later, and so does its number of
joins. Nothing invalidates it, and with a cache in each process (the default of CACHE_URL) nothing could: the
other processes would not hear of it.
"""

import logging
from dataclasses import dataclass
from functools import partial
from math import ceil, hypot
from typing import Self

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from campaigns.geography import KM_PER_DEGREE, Position, boxes_around, distance_km
from campaigns.models import Campaign
from campaigns.schemas import LONGEST_PAGE, CampaignSummary, NearbyCampaign

logger = logging.getLogger(__name__)

CACHED_SECONDS = 60
CELLS_PER_DEGREE = 100
"""1.1 km from south to north."""
# No position of a cell is farther from its middle: a degree east is nowhere longer than a degree north.
# A millimetre is for rounding.
REACH_KM = hypot(0.5, 0.5) / CELLS_PER_DEGREE * KM_PER_DEGREE + 1e-6

Facts = dict[str, object]
"""Plain values, which any version of this code can read from the cache."""


@dataclass(frozen=True, slots=True)
class Cell:
    """All positions that are one for the cache, and how far around them is looked, in whole kilometres."""

    north: int
    east: int
    radius_km: int

    @classmethod
    def around(cls, position: Position, radius_km: float) -> Self:
        """Return the cell of a position; on the date line there is one, whichever side it is written as."""
        east = round(position.longitude * CELLS_PER_DEGREE)
        if east == 180 * CELLS_PER_DEGREE:
            east = -east
        return cls(round(position.latitude * CELLS_PER_DEGREE), east, ceil(radius_km))

    @property
    def middle(self) -> Position:
        """Return the position that all in the cell are rounded to."""
        return Position(self.north / CELLS_PER_DEGREE, self.east / CELLS_PER_DEGREE)

    @property
    def key(self) -> str:
        """Return its name in the cache; the number changes with what is stored."""
        return f"nearby:1:{self.north}:{self.east}:{self.radius_km}"


def find_nearby(position: Position, radius_km: float, limit: int) -> list[NearbyCampaign]:
    """Return the nearest upcoming campaigns within a radius, those of equal distance by their numbers.

    It may look into the cache and the database, all in one thread.
    """
    cell = Cell.around(position, radius_km)
    try:
        candidates: list[Facts] = cache.get_or_set(cell.key, partial(candidates_of, cell), CACHED_SECONDS)
    except RedisError:
        # Without its cache the service is slower, but it finds what is there.
        logger.exception("a search is not cached: the cache does not answer")
        candidates = candidates_of(cell)
    now = timezone.now()
    measured = sorted(
        (distance_km(position, Position(facts["latitude"], facts["longitude"])), facts["id"], facts)
        for facts in candidates
        if facts["starts_at"] >= now
    )
    return [
        NearbyCampaign(**facts, distance_km=round(distance, 3))
        for distance, _, facts in measured[:limit]
        if distance <= radius_km
    ]


def candidates_of(cell: Cell) -> list[Facts]:
    """Return what may be among the nearest of anybody in a cell, and no more than that."""
    reach = cell.radius_km + REACH_KM
    places = Campaign.objects.upcoming().within(boxes_around(cell.middle, reach)).order_by()
    distances = {
        number: distance_km(cell.middle, Position(latitude, longitude))
        for number, latitude, longitude in places.values_list("pk", "latitude", "longitude")
    }
    nearest = sorted(distances.values())[:LONGEST_PAGE]
    if len(nearest) == LONGEST_PAGE:
        # From anywhere in the cell, a whole page is at most `REACH_KM` farther away than from its middle,
        # and whatever is farther than this cannot be as near as that.
        reach = min(reach, nearest[-1] + 2 * REACH_KM)
    near = [number for number, distance in distances.items() if distance <= reach]
    campaigns = Campaign.objects.for_display().filter(pk__in=near).order_by()
    return [CampaignSummary.from_orm(campaign).model_dump() for campaign in campaigns]

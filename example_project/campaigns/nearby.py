"""Which campaigns are near a position?

The Earth has a grid of cells. The campaigns that may be near any position in a cell are found once, by an
index. The cache keeps them for all requests from that cell.

The distance to each position is computed for every request. So distances, their order and the end of the
circle are exact, and campaigns that have begun are left out.

A cached campaign is up to a minute old. Campaigns that are new, moved or deleted show up that much later, and
so does the number of joins. Nothing invalidates the cache. With a cache in each process (the default of
CACHE_URL) nothing could, because the other processes would not notice.
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
# No position of a cell is farther from its middle: a degree east is nowhere longer than a degree north. One
# millimetre is for rounding.
REACH_KM = hypot(0.5, 0.5) / CELLS_PER_DEGREE * KM_PER_DEGREE + 1e-6

Facts = dict[str, object]
"""Plain values, which any version of this code can read from the cache."""


@dataclass(frozen=True, slots=True)
class Cell:
    """All positions that the cache treats as one, and the search radius around them, in whole kilometres."""

    north: int
    east: int
    radius_km: int

    @classmethod
    def around(cls, position: Position, radius_km: float) -> Self:
        """Return the cell of a position; on the date line it is the same cell for -180 and 180 degrees."""
        east = round(position.longitude * CELLS_PER_DEGREE)
        if east == 180 * CELLS_PER_DEGREE:
            east = -east
        return cls(round(position.latitude * CELLS_PER_DEGREE), east, ceil(radius_km))

    @property
    def middle(self) -> Position:
        """Return the position in the middle of the cell."""
        return Position(self.north / CELLS_PER_DEGREE, self.east / CELLS_PER_DEGREE)

    @property
    def key(self) -> str:
        """Return its key in the cache; the number changes when the stored format does."""
        return f"nearby:1:{self.north}:{self.east}:{self.radius_km}"


def find_nearby(position: Position, radius_km: float, limit: int) -> list[NearbyCampaign]:
    """Return the nearest upcoming campaigns within a radius, ordered by distance and then by number.

    It may read the cache and the database, all in one thread.
    """
    cell = Cell.around(position, radius_km)
    try:
        candidates: list[Facts] = cache.get_or_set(cell.key, partial(candidates_of, cell), CACHED_SECONDS)
    except RedisError:
        # Without its cache the service is slower, but still finds the campaigns.
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
    """Return the campaigns that can be among the nearest of any position in a cell, and no others."""
    reach = cell.radius_km + REACH_KM
    places = Campaign.objects.upcoming().within(boxes_around(cell.middle, reach)).order_by()
    distances = {
        number: distance_km(cell.middle, Position(latitude, longitude))
        for number, latitude, longitude in places.values_list("pk", "latitude", "longitude")
    }
    nearest = sorted(distances.values())[:LONGEST_PAGE]
    if len(nearest) == LONGEST_PAGE:
        # From anywhere in the cell, a whole page is at most `REACH_KM` farther away than from its middle. A
        # campaign farther away than this cannot be as near as the page.
        reach = min(reach, nearest[-1] + 2 * REACH_KM)
    near = [number for number, distance in distances.items() if distance <= reach]
    campaigns = Campaign.objects.for_display().filter(pk__in=near).order_by()
    return [CampaignSummary.from_orm(campaign).model_dump() for campaign in campaigns]

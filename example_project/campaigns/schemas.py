"""What does the campaigns API accept and return?"""

from datetime import datetime

from ninja import Field, Schema

from campaigns.geography import Position
from campaigns.models import Campaign

LONGEST_PAGE = 100


class Page(Schema):
    """Limit and offset with upper bounds: neither the page nor the skipped rows may grow without limit."""

    limit: int = Field(20, ge=1, le=LONGEST_PAGE)
    offset: int = Field(0, ge=0, le=10_000)


class Search(Schema):
    """A circle on the Earth, and the largest number of campaigns to return."""

    latitude: float = Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees north.")
    longitude: float = Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees east.")
    radius_km: float = Field(10, gt=0, le=100, allow_inf_nan=False)
    limit: int = Field(20, ge=1, le=LONGEST_PAGE)

    @property
    def position(self) -> Position:
        """Return the centre of the circle."""
        return Position(self.latitude, self.longitude)


class CampaignFacts(Schema):
    """What everyone may know about a campaign; a campaign online has no position."""

    id: int
    title: str
    starts_at: datetime
    owner: str
    tags: list[str]
    capacity: int
    join_count: int
    latitude: float | None
    longitude: float | None


class CampaignSummary(CampaignFacts):
    """A campaign in a list."""

    owner: str = Field(alias="owner.nickname")

    @staticmethod
    def resolve_tags(campaign: Campaign) -> list[str]:
        """Return the names of the tags, which must be loaded already: this runs on the event loop."""
        return [tag.name for tag in campaign.tags.all()]


class CampaignDetail(CampaignSummary):
    """A single campaign with its description."""

    description: str


class CampaignPage(Schema):
    """A part of the list, and the number of all campaigns."""

    items: list[CampaignFacts]
    count: int


class NearbyCampaign(CampaignFacts):
    """A campaign found by its place."""

    distance_km: float = Field(description="Rounded to metres.")


class Joined(Schema):
    """A place that was taken."""

    campaign: int = Field(alias="campaign_id")
    joined_at: datetime

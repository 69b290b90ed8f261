"""What does the campaigns API give?"""

from datetime import datetime

from ninja import Field, Schema

from campaigns.models import Campaign


class CampaignSummary(Schema):
    """A campaign in a list."""

    id: int
    title: str
    starts_at: datetime
    owner: str = Field(alias="owner.nickname")
    tags: list[str]
    capacity: int
    join_count: int

    @staticmethod
    def resolve_tags(campaign: Campaign) -> list[str]:
        """Return the names of the tags, which have to be loaded: this runs on the event loop."""
        return [tag.name for tag in campaign.tags.all()]


class CampaignDetail(CampaignSummary):
    """A campaign on its own."""

    description: str


class Joined(Schema):
    """A place that was taken."""

    campaign: int = Field(alias="campaign_id")
    joined_at: datetime

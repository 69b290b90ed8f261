"""Which campaigns do the tests start from?"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from campaigns.geography import Position
from campaigns.models import Campaign, Join, Tag
from users.models import User

NEW_YEAR = datetime(2100, 1, 1, 12, tzinfo=UTC)


def make_campaign(
    owner: User,
    title: str = "Clean the river",
    *,
    tags: Iterable[str] = (),
    joined_by: Iterable[User] = (),
    **fields: Any,
) -> Campaign:
    """Save a campaign with its tags and its joins."""
    campaign = Campaign.objects.create(
        **{"capacity": 10, "starts_at": NEW_YEAR} | fields, owner=owner, title=title
    )
    campaign.tags.set(Tag.objects.get_or_create(name=tag)[0] for tag in tags)
    Join.objects.bulk_create(Join(campaign=campaign, user=user) for user in joined_by)
    return campaign


def make_campaigns_at(owner: User, places: Iterable[Position]) -> list[Campaign]:
    """Save many campaigns at different places."""
    return Campaign.objects.bulk_create(
        Campaign(
            owner=owner,
            title="Clean the river",
            starts_at=NEW_YEAR,
            capacity=10,
            latitude=place.latitude,
            longitude=place.longitude,
        )
        for place in places
    )

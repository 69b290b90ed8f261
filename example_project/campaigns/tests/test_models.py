"""Which campaigns can there be?"""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from campaigns.models import Campaign, Join, Tag
from campaigns.tests.factories import make_campaign
from users.tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_campaign_without_places_is_refused_by_the_database() -> None:
    """Constraints hold for every writer."""
    with pytest.raises(IntegrityError):
        make_campaign(make_user(), capacity=0)


def test_a_campaign_without_places_is_refused_by_validation() -> None:
    """Forms show an error instead of an error page."""
    campaign = make_campaign(make_user())
    campaign.capacity = 0

    with pytest.raises(ValidationError, match="campaigns_campaign_capacity"):
        campaign.full_clean()


def test_a_user_cannot_have_two_places() -> None:
    """The database refuses what the code let through."""
    ada = make_user("ada")

    with pytest.raises(IntegrityError):
        make_campaign(ada, joined_by=[ada, ada])


def test_joins_are_counted_for_each_campaign() -> None:
    """None is 0, and tags do not multiply the count."""
    ada, bob = make_user("ada"), make_user("bob")
    make_campaign(ada, "empty")
    make_campaign(ada, "joined", tags=["nature", "water", "winter"], joined_by=[ada, bob])

    counts = {campaign.title: campaign.join_count for campaign in Campaign.objects.with_join_count()}

    assert counts == {"empty": 0, "joined": 2}


def test_a_campaign_goes_with_its_owner() -> None:
    """So do the places in it; tags stay for others."""
    ada, bob = make_user("ada"), make_user("bob")
    make_campaign(ada, tags=["water"], joined_by=[bob])

    ada.delete()

    assert (Campaign.objects.count(), Join.objects.count(), Tag.objects.count()) == (0, 0, 1)


def test_campaigns_joins_and_tags_have_readable_names() -> None:
    """The admin shows them."""
    ada = make_user("ada")
    campaign = make_campaign(ada, tags=["water"], joined_by=[ada])

    assert str(campaign) == "Clean the river"
    assert str(campaign.tags.get()) == "water"
    assert str(campaign.joins.get()) == f"user {ada.pk} in campaign {campaign.pk}"

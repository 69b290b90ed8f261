"""Which campaigns can there be?"""

from math import inf, nan

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


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(90.001, 0), (-90.001, 0), (0, 180.001), (0, -180.001), (1, None), (None, 1), (inf, 0), (0, -inf)],
)
def test_a_place_that_is_not_on_the_earth_is_refused_by_the_database(
    latitude: float | None, longitude: float | None
) -> None:
    """Neither is half of a position."""
    with pytest.raises(IntegrityError, match="campaigns_campaign_place"):
        make_campaign(make_user(), latitude=latitude, longitude=longitude)


@pytest.mark.parametrize("place", [{"latitude": nan, "longitude": 0}, {"latitude": 0, "longitude": nan}])
def test_a_place_that_is_no_number_is_refused_by_the_database(place: dict[str, float]) -> None:
    """PostgreSQL treats NaN as larger than any number; for SQLite it is NULL."""
    with pytest.raises(IntegrityError, match="campaigns_campaign_place"):
        make_campaign(make_user(), **place)


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ({"latitude": 91, "longitude": 0}, {"latitude"}),
        ({"latitude": 0, "longitude": -181}, {"longitude"}),
        ({"latitude": 1, "longitude": None}, {"__all__"}),
        ({"latitude": None, "longitude": 1}, {"__all__"}),
    ],
)
def test_a_wrong_place_is_refused_by_validation(place: dict[str, float | None], fields: set[str]) -> None:
    """Forms name the field that is wrong."""
    campaign = make_campaign(make_user())
    for name, value in place.items():
        setattr(campaign, name, value)

    with pytest.raises(ValidationError) as refusal:
        campaign.full_clean()

    assert fields <= refusal.value.message_dict.keys() <= fields | {"__all__"}


@pytest.mark.parametrize("place", [(None, None), (90, 180), (-90, -180), (0, 0)])
def test_a_campaign_has_a_place_or_is_online(place: tuple[float | None, float | None]) -> None:
    """The poles, the date line and the Gulf of Guinea are places."""
    latitude, longitude = place

    make_campaign(make_user(), latitude=latitude, longitude=longitude).full_clean()


def test_a_user_cannot_have_two_places() -> None:
    """The database refuses what the code missed."""
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
    """So are the joins in it; tags stay for others."""
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

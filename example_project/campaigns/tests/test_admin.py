"""What can the staff do with campaigns?"""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign, Tag
from campaigns.tests.factories import make_campaign
from users.tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    """A client of a superuser."""
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def test_a_long_list_of_campaigns_costs_as_many_queries_as_a_short_one(staff: Client) -> None:
    """Owners and join counts come with the campaigns."""
    users = [make_user(f"user-{number}") for number in range(3)]
    costs = set()
    for owner in users:
        make_campaign(owner, joined_by=users)
        with CaptureQueriesContext(connection) as queries:
            assert owner.nickname in staff.get("/admin/campaigns/campaign/").text
        costs.add(len(queries))

    assert len(costs) == 1


def test_a_campaign_can_be_added_with_tags_and_joins(staff: Client) -> None:
    """The form saves all of it at once."""
    ada, bob = make_user("ada"), make_user("bob")
    form = {
        "owner": ada.pk,
        "title": "Clean the river",
        "starts_at_0": "2030-01-01",
        "starts_at_1": "12:00",
        "capacity": 10,
        "latitude": 52.52,
        "longitude": 13.405,
        "tags": [Tag.objects.create(name="water").pk],
        "joins-TOTAL_FORMS": 1,
        "joins-INITIAL_FORMS": 0,
        "joins-0-user": bob.pk,
    }

    response = staff.post("/admin/campaigns/campaign/add/", form)

    assert response.status_code == 302
    campaign = Campaign.objects.get()
    assert (campaign.latitude, campaign.longitude) == (52.52, 13.405)
    assert [tag.name for tag in campaign.tags.all()] == ["water"]
    assert [join.user for join in campaign.joins.all()] == [bob]
    assert staff.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").status_code == 200


def test_half_a_position_is_refused_with_a_sentence(staff: Client) -> None:
    """The admin shows a sentence, not a database error."""
    campaign = make_campaign(make_user("ada"))
    form = {
        "owner": campaign.owner_id,
        "title": campaign.title,
        "starts_at_0": "2030-01-01",
        "starts_at_1": "12:00",
        "capacity": 10,
        "latitude": 52.52,
        "joins-TOTAL_FORMS": 0,
        "joins-INITIAL_FORMS": 0,
    }

    response = staff.post(f"/admin/campaigns/campaign/{campaign.pk}/change/", form)

    assert "A place has a latitude and a longitude, in degrees." in response.text


def test_campaigns_without_a_place_can_be_listed(staff: Client) -> None:
    """Staff look for campaigns with a forgotten place."""
    ada = make_user("ada")
    make_campaign(ada, "online")
    make_campaign(ada, "somewhere", latitude=1, longitude=2)

    page = staff.get("/admin/campaigns/campaign/", {"latitude__isempty": "1"}).text

    assert "online" in page
    assert "somewhere" not in page


def test_tags_are_completed_while_typing(staff: Client) -> None:
    """The campaign's form searches tags by a part of the name."""
    Tag.objects.create(name="water")

    parameters = {"app_label": "campaigns", "model_name": "campaign", "field_name": "tags", "term": "wat"}

    assert [row["text"] for row in staff.get("/admin/autocomplete/", parameters).json()["results"]] == [
        "water"
    ]

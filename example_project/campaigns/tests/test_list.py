"""What do clients see of the campaigns?"""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.tests.clock import Clock
from campaigns.tests.factories import NEW_YEAR, make_campaign
from users.tests.factories import make_user


@pytest.mark.django_db
def test_a_campaign_is_listed_with_owner_tags_and_join_count(client: Client, api: str) -> None:
    """No session is needed; tags are sorted, users are shown by nickname."""
    ada, bob = make_user("ada"), make_user("bob")
    campaign = make_campaign(
        ada, tags=["water", "nature"], joined_by=[ada, bob], latitude=51.5, longitude=-0.12
    )

    response = client.get(api)

    assert response.status_code == 200
    assert response.json() == {
        "count": 1,
        "items": [
            {
                "id": campaign.pk,
                "title": "Clean the river",
                "starts_at": "2100-01-01T12:00:00Z",
                "owner": "ada",
                "tags": ["nature", "water"],
                "capacity": 10,
                "join_count": 2,
                "latitude": 51.5,
                "longitude": -0.12,
            }
        ],
    }


@pytest.mark.django_db
def test_what_starts_first_is_listed_first(client: Client, api: str) -> None:
    """Campaigns that start at the same time come in the order of creation."""
    ada = make_user("ada")
    for title, days in [("second", 1), ("third", 1), ("first", 0)]:
        make_campaign(ada, title, starts_at=NEW_YEAR + timedelta(days=days))

    titles = [campaign["title"] for campaign in client.get(api).json()["items"]]

    assert titles == ["first", "second", "third"]


@pytest.mark.django_db
def test_what_has_begun_is_not_listed(client: Client, api: str) -> None:
    """They are not counted either: pages are for campaigns that can still be joined. Each can be read."""
    ada = make_user("ada")
    begun = [
        make_campaign(ada, starts_at=timezone.now() - ago)
        for ago in (timedelta(seconds=1), timedelta(days=300))
    ]
    make_campaign(ada, "upcoming")

    page = client.get(api).json()

    assert page["count"] == 1
    assert [campaign["title"] for campaign in page["items"]] == ["upcoming"]
    assert {client.get(f"{api}{campaign.pk}").status_code for campaign in begun} == {200}


@pytest.mark.django_db
def test_a_campaign_is_listed_until_it_begins(client: Client, api: str, clock: Clock) -> None:
    """At that very moment it is listed, and not after it."""
    make_campaign(make_user("ada"))

    counts = []
    for clock.now in (NEW_YEAR, NEW_YEAR + timedelta(microseconds=1)):
        counts.append(client.get(api).json()["count"])

    assert counts == [1, 0]


@pytest.mark.django_db
def test_the_list_comes_in_pages(client: Client, api: str) -> None:
    """A page has the number of all campaigns."""
    ada = make_user("ada")
    for number in range(5):
        make_campaign(ada, f"campaign {number}")

    page = client.get(api, {"limit": 2, "offset": 3}).json()

    assert page["count"] == 5
    assert [campaign["title"] for campaign in page["items"]] == ["campaign 3", "campaign 4"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parameter", "value"),
    [("limit", 0), ("limit", 101), ("limit", "all"), ("offset", -1), ("offset", 10**30)],
)
def test_a_page_out_of_bounds_is_refused_by_its_name(
    client: Client, parameter: str, value: str | int, api: str
) -> None:
    """A client cannot get everything at once, nor use a number that the database does not know."""
    response = client.get(api, {parameter: value})

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [parameter]


@pytest.mark.django_db
def test_a_long_list_costs_as_many_queries_as_a_short_one(client: Client) -> None:
    """One for the campaigns, one for their tags, one for the count."""
    users = [make_user(f"user-{number}") for number in range(4)]
    costs = []
    for owner in users:
        make_campaign(owner, tags=[owner.nickname, "all"], joined_by=users)
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/campaigns/")
        costs.append(len(queries))

    assert costs == [3, 3, 3, 3]


@pytest.mark.django_db
def test_one_campaign_is_shown_with_its_description(client: Client, api: str) -> None:
    """The detail has everything that the list has, and the description."""
    campaign = make_campaign(make_user("ada"), description="Bring gloves.", tags=["water"])

    response = client.get(f"{api}{campaign.pk}")

    assert response.status_code == 200
    assert response.json() == client.get(api).json()["items"][0] | {"description": "Bring gloves."}


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["0", "123456789", "9" * 30, "first"])
def test_a_campaign_that_does_not_exist_is_not_found(client: Client, number: str, api: str) -> None:
    """The same is true for a number that no database could hold."""
    assert client.get(f"{api}{number}").status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_campaigns_are_shown_to_an_async_client(async_client: AsyncClient, api: str) -> None:
    """The same calls over ASGI, where a lazy query would be an error."""
    campaign = await sync_to_async(lambda: make_campaign(make_user("ada"), tags=["water"]))()

    page = await async_client.get(api)
    detail = await async_client.get(f"{api}{campaign.pk}")

    assert page.json()["items"][0]["tags"] == ["water"]
    assert detail.json()["owner"] == "ada"

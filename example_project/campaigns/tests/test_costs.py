"""What may it cost to find and join campaigns?

Each endpoint has a budget: exactly the queries that it needs, for any number of rows.
"""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign
from pytest_dbperf import BudgetFixture, LiveRecording
from users.models import User
from users.tests.factories import make_user, sign_in

SEARCH = "/api/campaigns/nearby?latitude=52.52&longitude=13.4"

# No request opens its own connection: that would cost more than all its queries.
pytestmark = [pytest.mark.django_db, pytest.mark.max_new_connections(0), pytest.mark.no_n_plus_one]


@pytest.fixture
def ada(db: None) -> User:
    """A user who owns campaigns."""
    return make_user("ada")


@pytest.fixture
def campaign(ada: User) -> Campaign:
    """One of many, with tags and joins."""
    users = [make_user(f"user-{number}") for number in range(3)]
    for number in range(5):
        tags = ["water", f"tag {number}"]
        make_campaign(ada, f"campaign {number}", tags=tags, joined_by=users, latitude=52.52, longitude=13.4)
    return make_campaign(ada, tags=["water"], joined_by=users, latitude=52.53, longitude=13.41)


@pytest.mark.query_budget(3, at_least=3, tables={"users_user": 1})
def test_a_list_costs_three_queries(client: Client, campaign: Campaign) -> None:
    """Campaigns with their owners and join counts, the tags of all of them, and the total."""
    assert client.get("/api/campaigns/").json()["count"] == 6


def test_a_list_costs_the_same_for_any_number_of_campaigns(
    client: Client, ada: User, dbperf: LiveRecording
) -> None:
    """Two campaigns or five, each with an owner, tags and joins."""

    def make(number: int) -> None:
        for each in range(number):
            make_campaign(make_user(f"owner-{each}"), tags=[f"tag {each}"], joined_by=[ada])

    dbperf.assert_constant(lambda: client.get("/api/campaigns/"), populate=make)


@pytest.mark.query_budget(2, insert=0, update=0, delete=0)
def test_a_detail_costs_two_queries(client: Client, campaign: Campaign) -> None:
    """The campaign and its tags; reading changes nothing."""
    assert client.get(f"/api/campaigns/{campaign.pk}").status_code == 200


@pytest.mark.query_budget(3, at_least=3, insert=0, tables={"users_user": 1})
def test_a_search_costs_three_queries(client: Client, campaign: Campaign) -> None:
    """The campaigns in the box, the nearest of them with owners and join counts, and their tags."""
    assert len(client.get(SEARCH).json()) == 6


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({}, {}, id="the same again"),
        pytest.param({}, {"latitude": 52.5249, "longitude": 13.3951}, id="another position in the same cell"),
        pytest.param({}, {"limit": 1}, id="a shorter page"),
        pytest.param({"radius_km": 10}, {"radius_km": 9.5}, id="a smaller circle"),
        pytest.param({"longitude": 180}, {"longitude": -180}, id="the other side of the date line"),
        pytest.param({"longitude": 179.998}, {"longitude": -179.998}, id="a cell on the date line"),
        pytest.param({"latitude": 0.001}, {"latitude": -0.001}, id="a cell on the equator"),
        pytest.param({"latitude": -80}, {"latitude": -80}, id="where nothing is"),
    ],
)
def test_a_second_search_costs_nothing(
    client: Client,
    campaign: Campaign,
    query_budget: BudgetFixture,
    first: dict[str, float],
    second: dict[str, float],
) -> None:
    """A request from the same cell uses the cache, also if nothing is near."""
    home = {"latitude": 52.52, "longitude": 13.4}
    with query_budget(3, at_least=1):
        client.get("/api/campaigns/nearby", home | first)

    with query_budget(0):
        assert client.get("/api/campaigns/nearby", home | second).status_code == 200


@pytest.mark.parametrize("change", [{"latitude": 52.53}, {"longitude": 13.41}, {"radius_km": 10.5}])
def test_another_cell_or_a_larger_circle_is_looked_up(
    client: Client, campaign: Campaign, query_budget: BudgetFixture, change: dict[str, float]
) -> None:
    """The cache answers only the search that it has."""
    home = {"latitude": 52.52, "longitude": 13.4}
    client.get("/api/campaigns/nearby", home)

    with query_budget(3, at_least=1):
        client.get("/api/campaigns/nearby", home | change)


def test_joining_locks_counts_and_inserts(
    client: Client, ada: User, campaign: Campaign, query_budget: BudgetFixture
) -> None:
    """A block has its own budget, and shows its recording."""
    headers = sign_in(ada)

    with query_budget(4, insert=1) as recording:
        assert client.post(f"/api/campaigns/{campaign.pk}/join", headers=headers).status_code == 201

    kinds = [query.statement.kind for query in recording.queries]
    assert kinds == ["select", "select", "select", "insert"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.no_sync_to_async
async def test_lists_and_details_decide_on_no_hop(async_client: AsyncClient) -> None:
    """They await Django's ORM, which hops once for each call."""
    for path in ("/api/campaigns/", "/api/campaigns/123456789"):
        await async_client.get(path)


@pytest.mark.django_db(transaction=True)
async def test_a_search_is_one_hop_found_or_not(async_client: AsyncClient, dbperf: LiveRecording) -> None:
    """The asynchronous calls of Django's cache would each be one hop, and so would the queries."""
    ada = await sync_to_async(make_user)("ada")
    await sync_to_async(make_campaign)(ada, latitude=52.52, longitude=13.4)

    for queries in (3, 0):
        with dbperf.record() as recording:
            await async_client.get(SEARCH)

        in_view = [hop.function for hop in recording.hops if hop.origin in {"project", "orm"}]
        assert in_view == ["find_nearby"]
        assert len(recording.queries) == queries


@pytest.mark.django_db(transaction=True)
async def test_joining_is_one_hop_for_three_queries(async_client: AsyncClient, dbperf: LiveRecording) -> None:
    """Lock, count and insert are one function, and so one hop to the thread and back."""
    ada = await sync_to_async(make_user)("ada")
    campaign = await sync_to_async(make_campaign)(ada)
    headers = await sync_to_async(sign_in)(ada)

    with dbperf.record() as recording:
        await async_client.post(f"/api/campaigns/{campaign.pk}/join", headers=headers)

    decided = [hop.function for hop in recording.hops if hop.origin == "project"]
    assert decided == ["join_campaign"]
    assert len(recording.queries) == 4

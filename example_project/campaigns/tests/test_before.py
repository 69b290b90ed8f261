"""What does the plugin say about the old campaigns API, and about today's?

The failures in these blocks are intended. Each block is a test that a team would have written first.
"""

import re
from random import Random

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import connection
from django.test import AsyncClient, Client

from campaigns.api_before import haversine_km
from campaigns.geography import Position, boxes_around
from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign, make_campaigns_at
from pytest_dbperf import BudgetExceeded, BudgetFixture, LiveRecording
from users.tests.factories import make_user, sign_in

BEFORE, AFTER = "/api/before/campaigns/", "/api/campaigns/"
SEARCH = "nearby?latitude=52.52&longitude=13.405"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.query_budget(None, reason="broken on purpose; smaller budgets show it"),
]


def make_campaigns(number: int) -> None:
    """Save campaigns near each other that share nothing but a tag."""
    for each in range(number):
        owner = make_user(f"owner-{each}")
        make_campaign(owner, tags=["all", f"tag {each}"], joined_by=[owner], latitude=52.52, longitude=13.4)


@pytest.fixture
def twenty_campaigns(db: None) -> None:
    """One page of campaigns."""
    make_campaigns(20)


@pytest.fixture
def plans() -> None:
    """Skip on a database that cannot explain its plans."""
    if connection.vendor != "postgresql":
        pytest.skip(f"{connection.vendor} has no plans for no_unindexed_filters, which needs PostgreSQL")


@pytest.mark.parametrize(("path", "queries"), [("", 62), (SEARCH, 61)])
def test_twenty_campaigns_took_three_queries_each(
    client: Client, twenty_campaigns: None, query_budget: BudgetFixture, path: str, queries: int
) -> None:
    """The list itself takes two more; each fix names the line to write it on."""
    with pytest.raises(BudgetExceeded) as told, query_budget(3):
        client.get(BEFORE + path)

    message = str(told.value)
    assert message.startswith(f"queries {queries} > 3 (+{queries - 3})")
    for relation in ("owner", "tags", "joins"):
        assert re.search(rf"20x  SELECT .* N\+1: Campaign\.{relation} of 20 rows", message)
    assert re.search(r'fix   campaigns/api_before\.py:\d+  \.select_related\("owner"\)', message)
    assert re.search(r'fix   campaigns/api_before\.py:\d+  \.prefetch_related\("joins", "tags"\)', message)


@pytest.mark.parametrize("path", ["", SEARCH])
def test_the_queries_of_each_row_are_n_plus_one(
    client: Client, twenty_campaigns: None, no_n_plus_one: BudgetFixture, path: str
) -> None:
    """In the list and in the search. No limit is needed to see it."""
    with pytest.raises(BudgetExceeded, match=r"^N\+1 queries 60 > 0 .* GET /api/before/campaigns/"):
        with no_n_plus_one():
            client.get(BEFORE + path)

    with no_n_plus_one():
        client.get(AFTER + path)


@pytest.mark.parametrize("path", ["", SEARCH])
def test_a_row_cost_three_queries_and_a_hop(client: Client, dbperf: LiveRecording, path: str) -> None:
    """Two rows and five rows are enough to find the growth."""
    with pytest.raises(BudgetExceeded) as told:
        dbperf.assert_constant(lambda: client.get(BEFORE + path), populate=make_campaigns)

    message = str(told.value)
    assert message.startswith("queries grow 1.0 > 0 a row (2 -> 5), thread hops grow 1.0 > 0 a row (2 -> 5)")
    assert len(re.findall(r"5x  SELECT .* 2 -> 5, 1\.0 a row", message)) == 3
    assert re.search(r"5x  sync_to_async\(facts_of\)   2 -> 5, 1\.0 a row", message)
    assert re.search(r'fix   campaigns/api_before\.py:\d+  \.select_related\("owner"\) .*, constant', message)


@pytest.mark.parametrize("path", ["", SEARCH])
def test_a_row_costs_nothing_now(client: Client, dbperf: LiveRecording, path: str) -> None:
    """Not even with an empty cache."""

    def ask_anew() -> None:
        cache.clear()
        assert client.get(AFTER + path).status_code == 200

    dbperf.assert_constant(ask_anew, populate=make_campaigns)


def test_a_search_looked_at_every_campaign(
    client: Client, plans: None, twenty_campaigns: None, no_unindexed_filters: BudgetFixture
) -> None:
    """No index has the distance to a position, so PostgreSQL computes it for all campaigns."""
    with pytest.raises(BudgetExceeded) as told, no_unindexed_filters():
        client.get(BEFORE + SEARCH)

    assert re.match(
        r"unindexed filters 1 > 0 .*\n\n +1x  campaigns_campaign: .*asin\(sqrt\(", str(told.value)
    )
    assert "list_nearby" in str(told.value)


@pytest.mark.no_unindexed_filters
@pytest.mark.parametrize(
    ("latitude", "longitude"), [(52.52, 13.405), (-17.8, 180), (-17.8, -179.99), (89.99, 5), (-90, 0)]
)
def test_a_search_looks_into_an_index(
    client: Client, plans: None, twenty_campaigns: None, latitude: float, longitude: float
) -> None:
    """Also where the date line splits the box, and at the poles, which include all longitudes."""
    where = {"latitude": latitude, "longitude": longitude, "radius_km": 100}

    assert client.get(f"{AFTER}nearby", where).status_code == 200


@pytest.mark.parametrize("centre", [Position(52.52, 13.4), Position(0, 180), Position(89.99, 0)])
def test_with_many_campaigns_postgresql_takes_the_index(plans: None, centre: Position) -> None:
    """PostgreSQL's own plan uses the index. With two rows it would read the whole table."""
    random = Random(4)
    places = [Position(random.uniform(-90, 90), random.uniform(-180, 180)) for _ in range(5000)]
    make_campaigns_at(make_user("ada"), places)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_campaign")
    rows = Campaign.objects.order_by().values_list("pk", "latitude", "longitude")

    assert "campaigns_campaign_by_place" in rows.within(boxes_around(centre, 10)).explain()
    haversine = rows.annotate(distance_km=haversine_km(centre)).filter(distance_km__lte=10)
    assert "Seq Scan on campaigns_campaign" in haversine.explain()


@pytest.mark.no_unindexed_filters
def test_all_else_is_looked_up_in_an_index(client: Client, plans: None, twenty_campaigns: None) -> None:
    """The list and its tags, owners and join counts."""
    assert client.get(AFTER).json()["count"] == 20


@pytest.mark.django_db(transaction=True)
async def test_a_list_of_twenty_decided_on_twenty_two_hops(
    async_client: AsyncClient, no_sync_to_async: BudgetFixture
) -> None:
    """Each `sync_to_async` waits for the thread, and for all others that wait for it."""
    await sync_to_async(make_campaigns)(20)

    with pytest.raises(BudgetExceeded) as told:
        async with no_sync_to_async():
            await async_client.get(BEFORE)

    message = str(told.value)
    assert message.startswith("sync_to_async hops 22 > 0 (+22)")
    assert re.search(r"20x  sync_to_async\(facts_of\)   60 queries in it", message)


def test_the_search_again_cost_the_same_again(
    client: Client, twenty_campaigns: None, query_budget: BudgetFixture
) -> None:
    """The old search has no cache."""
    for _ in range(2):
        with query_budget(61, at_least=61):
            client.get(BEFORE + SEARCH)


def test_joining_and_leaving_cost_the_same(client: Client, query_budget: BudgetFixture) -> None:
    """A transaction belongs in one function and one thread; that was so before, too."""
    campaign, headers = make_campaign(make_user("ada")), sign_in(make_user("bob"))

    for path in (BEFORE, AFTER):
        with query_budget(4, at_least=4, insert=1):
            assert client.post(f"{path}{campaign.pk}/join", headers=headers).status_code == 201
        with query_budget(2, at_least=2, delete=1):
            assert client.delete(f"{path}{campaign.pk}/join", headers=headers).status_code == 204


def test_a_detail_made_four_queries(
    client: Client, twenty_campaigns: None, query_budget: BudgetFixture
) -> None:
    """One for the campaign, its owner, its tags and its joins."""
    number = client.get(AFTER).json()["items"][0]["id"]

    with query_budget(4, at_least=4):
        client.get(f"{BEFORE}{number}")

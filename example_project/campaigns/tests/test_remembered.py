"""How long does the cache keep the campaigns near a cell?"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.test.utils import override_settings
from redis import Redis

from campaigns.models import Campaign, Join
from campaigns.nearby import CACHED_SECONDS
from campaigns.tests.clock import Clock
from campaigns.tests.factories import NEW_YEAR, make_campaign
from config.cache import cache_settings
from config.environment import environment
from pytest_dbperf import BudgetFixture
from users.models import User
from users.tests.factories import make_user, sign_in

pytestmark = pytest.mark.django_db

HOME = {"latitude": 52.52, "longitude": 13.4}
BESIDE = {"latitude": 52.524, "longitude": 13.403}


@pytest.fixture
def ada(db: None) -> User:
    """A user who owns campaigns."""
    return make_user("ada")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """The Redis that is the site's cache in this test."""
    caches = {"default": cache_settings(replace(environment(), cache_url=redis_url))}
    with override_settings(CACHES=caches), Redis.from_url(redis_url) as client:
        yield client


def search(client: Client, **where: float) -> list[dict[str, Any]]:
    """Return the campaigns found by a search."""
    return client.get("/api/campaigns/nearby", HOME | where).json()


def join(campaign: Campaign, user: User) -> None:
    Join.objects.create(campaign=campaign, user=user)


def move_away(campaign: Campaign, user: User) -> None:
    campaign.latitude = 0
    campaign.save()


def rename(campaign: Campaign, user: User) -> None:
    campaign.title = "Clean the lake"
    campaign.save()


def delete(campaign: Campaign, user: User) -> None:
    campaign.delete()


def add_another(campaign: Campaign, user: User) -> None:
    make_campaign(user, **HOME)


@pytest.mark.parametrize("change", [join, move_away, rename, delete, add_another])
def test_a_change_shows_once_the_cache_has_forgotten(
    client: Client, ada: User, change: Callable[[Campaign, User], None]
) -> None:
    """Until then, all positions in the cell get the same rows; nothing else updates the cache."""
    campaign = make_campaign(ada, **HOME)
    old = search(client)

    change(campaign, ada)

    assert search(client) == old
    cache.clear()
    assert search(client) != old


def test_what_begins_is_left_out_of_what_is_remembered(
    client: Client, ada: User, clock: Clock, query_budget: BudgetFixture
) -> None:
    """This needs no query: the cache has the start of each campaign."""
    make_campaign(ada, **HOME)
    make_campaign(ada, "later", starts_at=NEW_YEAR + timedelta(days=1), **HOME)
    assert len(search(client)) == 2

    clock.now = NEW_YEAR + timedelta(microseconds=1)

    with query_budget(0):
        assert [found["title"] for found in search(client)] == ["later"]


def test_the_campaign_itself_is_never_remembered(client: Client, ada: User) -> None:
    """A user who joins sees it there, and the capacity holds whatever a search says."""
    campaign = make_campaign(ada, capacity=1, **HOME)
    assert [found["join_count"] for found in search(client)] == [0]

    first = client.post(f"/api/campaigns/{campaign.pk}/join", headers=sign_in(ada))
    second = client.post(f"/api/campaigns/{campaign.pk}/join", headers=sign_in(make_user("bob")))

    assert (first.status_code, second.status_code) == (201, 409)
    assert client.get(f"/api/campaigns/{campaign.pk}").json()["join_count"] == 1


@pytest.mark.services
def test_redis_remembers_for_a_minute(
    client: Client, ada: User, redis: Redis, query_budget: BudgetFixture
) -> None:
    """Redis itself says what it has and for how long; the values come back unchanged."""
    make_campaign(ada, tags=["water", "nature"], joined_by=[ada], **HOME)
    found = search(client)

    (key,) = redis.keys()
    assert b"nearby:" in key
    assert 0 < redis.ttl(key) <= CACHED_SECONDS == 60
    with query_budget(0):
        assert search(client) == found


@pytest.mark.services
def test_distances_are_exact_for_everybody_who_asks_redis(
    client: Client, ada: User, redis: Redis, query_budget: BudgetFixture
) -> None:
    """The cache has the campaigns of a cell, not the distances to them."""
    make_campaign(ada, **HOME)
    assert [found["distance_km"] for found in search(client)] == [0]

    with query_budget(0):
        assert [found["distance_km"] for found in search(client, **BESIDE)] == [0.489]

    assert len(redis.keys()) == 1


@pytest.mark.services
def test_redis_remembers_that_nothing_is_near(
    client: Client, redis: Redis, query_budget: BudgetFixture
) -> None:
    """The middle of an ocean is searched as often as a city."""
    assert search(client) == []

    with query_budget(0):
        assert search(client) == []

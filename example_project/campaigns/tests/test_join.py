"""Who gets a place in a campaign, and who gives it back?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import AsyncClient, Client
from django.utils import timezone

from campaigns.models import Campaign, Join
from campaigns.tests.clock import Clock
from campaigns.tests.factories import NEW_YEAR, make_campaign
from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.tests.factories import make_user, sign_in


@pytest.mark.django_db
def test_joining_takes_a_place(client: Client, api: str) -> None:
    """The answer says what was joined and when; the list counts it."""
    ada = make_user("ada")
    campaign = make_campaign(ada)

    response = client.post(f"{api}{campaign.pk}/join", headers=sign_in(ada))

    assert response.status_code == 201
    assert response.json().keys() == {"campaign", "joined_at"}
    assert response.json()["campaign"] == campaign.pk
    assert client.get(f"{api}{campaign.pk}").json()["join_count"] == 1


@pytest.mark.django_db
def test_joining_twice_is_a_conflict(client: Client, api: str) -> None:
    """A user takes one place, even if more are free."""
    ada = make_user("ada")
    campaign = make_campaign(ada, joined_by=[ada])

    response = client.post(f"{api}{campaign.pk}/join", headers=sign_in(ada))

    assert response.status_code == 409
    assert response.json() == {"detail": "You have joined this campaign already."}
    assert Join.objects.count() == 1


@pytest.mark.django_db
def test_joining_a_full_campaign_is_a_conflict(client: Client, api: str) -> None:
    """The last place is given, the next is refused."""
    ada, bob, eve = make_user("ada"), make_user("bob"), make_user("eve")
    campaign = make_campaign(ada, capacity=2, joined_by=[ada])
    join = f"{api}{campaign.pk}/join"

    last, refused = client.post(join, headers=sign_in(bob)), client.post(join, headers=sign_in(eve))

    assert (last.status_code, refused.status_code) == (201, 409)
    assert refused.json() == {"detail": "This campaign is full."}
    assert Join.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("ago", [timedelta(seconds=1), timedelta(days=300)])
def test_joining_a_campaign_that_has_begun_is_a_conflict(client: Client, api: str, ago: timedelta) -> None:
    """Just now or long ago, and although there are places."""
    ada = make_user("ada")
    campaign = make_campaign(ada, starts_at=timezone.now() - ago)

    response = client.post(f"{api}{campaign.pk}/join", headers=sign_in(ada))

    assert response.status_code == 409
    assert response.json() == {"detail": "This campaign has begun."}
    assert not campaign.joins.exists()


@pytest.mark.django_db
def test_a_campaign_can_be_joined_until_it_begins(client: Client, api: str, clock: Clock) -> None:
    """At that very moment it is possible, and not after it."""
    ada, bob = make_user("ada"), make_user("bob")
    campaign = make_campaign(ada)
    join = f"{api}{campaign.pk}/join"

    clock.now = NEW_YEAR
    in_time = client.post(join, headers=sign_in(ada))
    clock.now = NEW_YEAR + timedelta(microseconds=1)
    too_late = client.post(join, headers=sign_in(bob))

    assert (in_time.status_code, too_late.status_code) == (201, 409)


@pytest.mark.django_db
def test_a_campaign_that_has_begun_can_be_left(client: Client, api: str) -> None:
    """A user who did not come can be removed from the count."""
    ada = make_user("ada")
    campaign = make_campaign(ada, joined_by=[ada], starts_at=timezone.now() - timedelta(days=1))

    assert client.delete(f"{api}{campaign.pk}/join", headers=sign_in(ada)).status_code == 204
    assert not campaign.joins.exists()


@pytest.mark.django_db
def test_places_in_other_campaigns_do_not_count(client: Client, api: str) -> None:
    """Neither the user's places nor other users' count."""
    ada, bob = make_user("ada"), make_user("bob")
    make_campaign(ada, capacity=2, joined_by=[ada, bob])
    campaign = make_campaign(ada, capacity=1)

    assert client.post(f"{api}{campaign.pk}/join", headers=sign_in(bob)).status_code == 201


@pytest.mark.django_db
def test_leaving_gives_the_place_back(client: Client, api: str) -> None:
    """Another user can have it, and all other users keep theirs."""
    ada, bob = make_user("ada"), make_user("bob")
    campaign = make_campaign(ada, capacity=1, joined_by=[ada])
    other = make_campaign(ada, joined_by=[ada])
    join = f"{api}{campaign.pk}/join"

    response = client.delete(join, headers=sign_in(ada))

    assert (response.status_code, response.content) == (204, b"")
    assert client.post(join, headers=sign_in(bob)).status_code == 201
    assert other.joins.count() == 1


@pytest.mark.django_db
def test_leaving_without_a_place_is_not_found(client: Client, api: str) -> None:
    """A user cannot give back another user's place."""
    ada, bob = make_user("ada"), make_user("bob")
    campaign = make_campaign(ada, joined_by=[ada])

    assert client.delete(f"{api}{campaign.pk}/join", headers=sign_in(bob)).status_code == 404
    assert campaign.joins.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize("number", ["123456789", "9" * 30])
def test_a_campaign_that_does_not_exist_cannot_be_joined_or_left(
    client: Client, method: str, number: str, api: str
) -> None:
    """The answer is 404 and has a body, also for a number that no database could hold."""
    response = getattr(client, method)(f"{api}{number}/join", headers=sign_in(make_user()))

    assert response.status_code == 404
    assert "detail" in response.json()


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "delete"])
def test_joining_and_leaving_need_a_session(client: Client, method: str, api: str) -> None:
    """A place belongs to a user."""
    campaign = make_campaign(make_user())

    assert getattr(client, method)(f"{api}{campaign.pk}/join").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_joining_and_leaving_work_for_an_async_client(async_client: AsyncClient, api: str) -> None:
    """The same calls over ASGI: joined, refused, left."""
    ada = await sync_to_async(make_user)("ada")
    campaign = await sync_to_async(make_campaign)(ada)
    headers = await sync_to_async(sign_in)(ada)
    join = f"{api}{campaign.pk}/join"

    responses = [
        await async_client.post(join, headers=headers),
        await async_client.post(join, headers=headers),
        await async_client.delete(join, headers=headers),
    ]

    assert [response.status_code for response in responses] == [201, 409, 204]


@pytest.mark.django_db(transaction=True)
def test_the_capacity_holds_when_many_join_at_once(api: str) -> None:
    """Eight users ask for three places at once: three get one, five are refused."""
    require_row_locks()
    users = [make_user(f"user-{number}") for number in range(8)]
    campaign = make_campaign(users[0], capacity=3)

    def join(headers: dict[str, str]) -> int:
        return Client().post(f"{api}{campaign.pk}/join", headers=headers).status_code

    calls = [disconnecting(partial(join, sign_in(user))) for user in users]
    with ThreadPoolExecutor(len(users)) as threads:
        with transaction.atomic():
            Campaign.objects.select_for_update().get(pk=campaign.pk)
            answers = [threads.submit(call) for call in calls]
            wait_until_blocked(sessions=len(users))
        statuses = sorted(answer.result() for answer in answers)

    assert statuses == [201] * 3 + [409] * 5
    assert campaign.joins.count() == 3


@pytest.mark.django_db(transaction=True)
def test_who_deletes_the_account_while_joining_gets_no_place(client: Client, api: str) -> None:
    """The account was there when the session was read: 409, as for any change at the same time."""
    require_row_locks()
    ada, bob = make_user("ada"), make_user("bob")
    campaign = make_campaign(ada)
    headers = sign_in(bob)
    call = disconnecting(lambda: client.post(f"{api}{campaign.pk}/join", headers=headers))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            bob.delete()
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
        response = answer.result()

    assert response.status_code == 409
    assert response.json() == {"detail": "Another request changed this at the same time. Try again."}
    assert not Join.objects.exists()

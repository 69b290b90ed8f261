"""How is an account deleted, and what is deleted with it?"""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.utils import timezone

from campaigns.models import Campaign, Join
from campaigns.tests.factories import make_campaign
from users.models import FRESH, AuthToken, User
from users.tests.factories import make_user, sign_in


@pytest.mark.django_db
def test_all_that_hangs_on_an_account_goes_with_it(client: Client, users_url: str) -> None:
    """Its sessions, its campaigns with all their joins, and its places in other campaigns."""
    ada, bob = make_user("ada"), make_user("bob")
    make_campaign(ada, "Ada's", tags=["water"], joined_by=[bob])
    make_campaign(bob, "Bob's", tags=["water"], joined_by=[ada, bob])
    headers = sign_in(ada)
    sign_in(bob)

    response = client.delete(f"{users_url}/me", headers=headers)

    assert response.status_code == 204
    assert response.content == b""
    assert User.objects.get() == bob
    assert AuthToken.objects.get().user == bob
    assert Campaign.objects.get().title == "Bob's"
    assert Join.objects.get().user == bob
    assert client.get(f"{users_url}/me", headers=headers).status_code == 401


@pytest.mark.django_db
def test_a_session_that_is_not_fresh_deletes_nothing(client: Client, users_url: str) -> None:
    """A stranger with the owner's phone must not delete the account."""
    ada = make_user("ada")
    headers = sign_in(ada, created_at=timezone.now() - FRESH - timedelta(seconds=1))

    response = client.delete(f"{users_url}/me", headers=headers)

    assert response.status_code == 403
    assert response.json() == {"detail": "Log in again before you delete the account."}
    assert User.objects.get() == ada


@pytest.mark.django_db
def test_deleting_an_account_needs_a_session(client: Client, users_url: str) -> None:
    """Without a session there is no user."""
    make_user("ada")

    assert client.delete(f"{users_url}/me").status_code == 401
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
async def test_deleting_an_account_works_for_an_async_client(
    async_client: AsyncClient, users_url: str
) -> None:
    """The same call over ASGI."""
    headers = await sync_to_async(lambda: sign_in(make_user()))()

    response = await async_client.delete(f"{users_url}/me", headers=headers)

    assert response.status_code == 204
    assert not await User.objects.aexists()

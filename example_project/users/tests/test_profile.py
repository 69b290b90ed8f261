"""What can users see and change in their profile?"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import AsyncClient, Client

from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.models import User
from users.tests.factories import make_user, sign_in


def rename(client: Client, users_url: str, nickname: str, headers: dict[str, str] | None = None) -> Any:
    """Ask for another nickname."""
    payload = {"nickname": nickname}
    return client.patch(f"{users_url}/me", payload, content_type="application/json", headers=headers or {})


@pytest.mark.django_db
def test_the_profile_is_that_of_the_user_who_asks(client: Client, users_url: str) -> None:
    """Nothing else of the account is shown."""
    ada, bob = make_user("ada"), make_user("bob")

    profiles = [client.get(f"{users_url}/me", headers=sign_in(user)).json() for user in (ada, bob)]

    assert [profile["nickname"] for profile in profiles] == ["ada", "bob"]
    assert profiles[0].keys() == {"email", "nickname", "created_at"}


@pytest.mark.django_db
def test_the_nickname_can_be_changed(client: Client, users_url: str) -> None:
    """The answer shows the new profile, and nothing else has changed."""
    ada = make_user("ada")

    response = rename(client, users_url, "lovelace", sign_in(ada))

    assert response.status_code == 200
    assert response.json()["nickname"] == "lovelace"
    assert User.objects.values("email", "nickname", "password").get() == {
        "email": "ada@example.org",
        "nickname": "lovelace",
        "password": ada.password,
    }


@pytest.mark.django_db
def test_a_nickname_of_somebody_else_is_a_conflict(client: Client, users_url: str) -> None:
    """The old one stays."""
    make_user("bob")
    ada = make_user("ada")

    response = rename(client, users_url, "BOB", sign_in(ada))

    assert response.status_code == 409
    assert response.json() == {"detail": "This nickname is taken."}
    ada.refresh_from_db()
    assert ada.nickname == "ada"


@pytest.mark.django_db
def test_ones_own_nickname_is_no_conflict(client: Client, users_url: str) -> None:
    """Changing its case is a change like any other."""
    response = rename(client, users_url, "Ada", sign_in(make_user("ada")))

    assert response.status_code == 200
    assert response.json()["nickname"] == "Ada"


@pytest.mark.django_db
def test_a_bad_nickname_is_refused_by_its_name(client: Client, users_url: str) -> None:
    """The same rules hold as at sign-up."""
    response = rename(client, users_url, "x", sign_in(make_user("ada")))

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == ["nickname"]


@pytest.mark.django_db
def test_changing_the_profile_needs_a_session(client: Client, users_url: str) -> None:
    """Without one there is no profile."""
    assert rename(client, users_url, "lovelace").status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_the_profile_works_for_an_async_client(async_client: AsyncClient, users_url: str) -> None:
    """The same calls over ASGI: changed, then read."""
    headers = await sync_to_async(lambda: sign_in(make_user()))()

    payload = {"nickname": "lovelace"}
    await async_client.patch(f"{users_url}/me", payload, content_type="application/json", headers=headers)
    response = await async_client.get(f"{users_url}/me", headers=headers)

    assert response.json()["nickname"] == "lovelace"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_a_nickname_at_once_one_gets_it(client: Client, users_url: str) -> None:
    """The other request gets 409, although the nickname was free at the check."""
    require_row_locks()
    call = disconnecting(partial(rename, client, users_url, "bob", sign_in(make_user("ada"))))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            make_user("bob")
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
        response = answer.result()

    assert response.status_code == 409
    assert sorted(User.objects.values_list("nickname", flat=True)) == ["ada", "bob"]

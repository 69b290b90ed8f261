"""Who can change a password, and what happens to the sessions?"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import AsyncClient, Client

from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.apple import Identity, link
from users.models import AuthToken, User
from users.tests.factories import PASSWORD, make_user, sign_in

ADAS_ID = "000123.ada"
ANOTHER = "staple battery horse"
OUTDATED = "django.contrib.auth.hashers.MD5PasswordHasher"


def change(
    client: Client, users_url: str, headers: dict[str, str], old: str = PASSWORD, new: str = ANOTHER
) -> Any:
    """Ask for another password."""
    payload = {"old_password": old, "new_password": new}
    url = f"{users_url}/me/password"
    return client.post(url, payload, content_type="application/json", headers=headers)


@pytest.mark.django_db
def test_the_new_password_logs_in_and_the_old_one_does_not(client: Client, users_url: str) -> None:
    """The answer has no body."""
    ada = make_user("ada")

    response = change(client, users_url, sign_in(ada))

    assert response.status_code == 204
    assert response.content == b""
    ada.refresh_from_db()
    assert ada.check_password(ANOTHER)
    assert not ada.check_password(PASSWORD)


@pytest.mark.django_db
def test_the_users_other_sessions_are_closed(client: Client, users_url: str) -> None:
    """An intruder with the old password may have a session; other users keep theirs."""
    ada = make_user("ada")
    here, elsewhere, bobs = sign_in(ada), sign_in(ada), sign_in(make_user("bob"))

    change(client, users_url, here)

    answers = [client.get(f"{users_url}/me", headers=headers) for headers in (here, elsewhere, bobs)]
    assert [answer.status_code for answer in answers] == [200, 401, 200]


@pytest.mark.django_db
def test_a_wrong_old_password_changes_nothing(client: Client, users_url: str) -> None:
    """The session is valid, so the answer is 403: at 401 a client would log in again."""
    ada = make_user("ada")
    sign_in(ada)

    response = change(client, users_url, sign_in(ada), old="wrong horse battery")

    assert response.status_code == 403
    assert response.json() == {"detail": "Wrong password."}
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert AuthToken.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("weak", ["secret", "password1", "ada@example.org", "9876543210", f"{ANOTHER} " * 7])
def test_a_weak_new_password_is_refused_by_its_name(client: Client, users_url: str, weak: str) -> None:
    """The same rules hold as at sign-up, and the answer does not repeat the password."""
    ada = make_user("ada")

    response = change(client, users_url, sign_in(ada), new=weak)

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == ["new_password"]
    assert weak not in response.text
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.django_db
def test_an_account_without_a_password_has_none_to_change(client: Client, users_url: str) -> None:
    """A stranger with an open session cannot set one."""
    ada = User.objects.create_user("ada@example.org", "ada")

    assert change(client, users_url, sign_in(ada), old="").status_code == 403


@pytest.mark.django_db
def test_changing_the_password_needs_a_session(client: Client, users_url: str) -> None:
    """Without a session there is no user."""
    assert change(client, users_url, {}).status_code == 401
    assert change(client, users_url, {"Authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_changing_the_password_works_for_an_async_client(
    async_client: AsyncClient, users_url: str
) -> None:
    """The same call over ASGI."""
    ada = await sync_to_async(make_user)("ada")
    headers = await sync_to_async(sign_in)(ada)

    response = await change(async_client, users_url, headers)

    assert response.status_code == 204
    await ada.arefresh_from_db()
    assert await sync_to_async(ada.check_password)(ANOTHER)


def link_to_apple(ada: User) -> None:
    """Do what a sign-in with Apple does to the account with this address."""
    link(ada, Identity(ADAS_ID, ada.email, has_verified_email=True))


def change_elsewhere(ada: User) -> None:
    """Do what the same request from another of her devices does."""
    ada.set_password("somewhere else")
    ada.save_credentials(["password"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", [link_to_apple, change_elsewhere, User.delete])
def test_a_password_that_is_another_by_now_is_not_replaced(
    client: Client, users_url: str, meanwhile: Callable[[User], object]
) -> None:
    """It was right when it was checked, but a user who was locked out since then must stay locked out."""
    require_row_locks()
    ada = make_user("ada")
    headers = sign_in(ada)
    call = disconnecting(partial(change, client, users_url, headers))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get()
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
            meanwhile(ada)
            stored = list(User.objects.values("apple_id", "password"))
        response = answer.result()

    assert (response.status_code, response.json()) == (403, {"detail": "Wrong password."})
    assert list(User.objects.values("apple_id", "password")) == stored
    assert not AuthToken.objects.exists()


@pytest.mark.django_db
def test_to_renew_an_outdated_hash_brings_no_password_back(settings: Any) -> None:
    """Another request has changed the password since this one read it."""
    settings.PASSWORD_HASHERS = [OUTDATED]
    ada = make_user("ada")
    change_elsewhere(User.objects.get())
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", OUTDATED]

    assert ada.check_password(PASSWORD)

    assert User.objects.get().check_password("somewhere else")

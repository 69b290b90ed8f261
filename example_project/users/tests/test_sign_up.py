"""Who can open an account?"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import AsyncClient, Client

from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.models import AuthToken, User
from users.tests.factories import PASSWORD, make_user
from users.tokens import digest_of

ADA = {"email": "ada@example.org", "nickname": "ada", "password": PASSWORD}


def sign_up(client: Client, users_url: str, **payload: str) -> Any:
    """Send the sign-up form, Ada's unless told otherwise."""
    return client.post(f"{users_url}/sign-up", ADA | payload, content_type="application/json")


@pytest.mark.django_db
def test_signing_up_opens_an_account_and_a_session(client: Client, users_url: str) -> None:
    """The answer has the profile and a token that is valid for its user."""
    response = sign_up(client, users_url)

    assert response.status_code == 201
    assert response.json()["user"]["email"] == "ada@example.org"
    assert response.json()["user"]["nickname"] == "ada"
    headers = {"Authorization": f"Bearer {response.json()['token']}"}
    assert client.get(f"{users_url}/me", headers=headers).json() == response.json()["user"]


@pytest.mark.django_db
def test_neither_password_nor_token_is_stored_as_it_is(client: Client, users_url: str) -> None:
    """A reader of the database can neither log in nor take over a session."""
    token = sign_up(client, users_url).json()["token"]

    user = User.objects.get()
    assert PASSWORD not in user.password
    assert user.check_password(PASSWORD)
    assert AuthToken.objects.get().digest == digest_of(token) != token


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ada@example.org", "ADA@Example.ORG", " ada@example.org "])
def test_an_email_address_that_is_taken_is_a_conflict(client: Client, users_url: str, email: str) -> None:
    """An address is the same address in any case."""
    make_user("ada")

    response = sign_up(client, users_url, email=email, nickname="lovelace")

    assert response.status_code == 409
    assert response.json() == {"detail": "This e-mail address is taken."}


@pytest.mark.django_db
@pytest.mark.parametrize("nickname", ["ada", "ADA"])
def test_a_nickname_that_is_taken_is_a_conflict(client: Client, users_url: str, nickname: str) -> None:
    """A nickname is the same nickname in any case."""
    make_user("ada")

    response = sign_up(client, users_url, email="other@example.org", nickname=nickname)

    assert response.status_code == 409
    assert response.json() == {"detail": "This nickname is taken."}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("email", "ada", id="no e-mail address"),
        pytest.param("email", f"{'a' * 250}@example.org", id="e-mail address too long"),
        pytest.param("email", f"{'İ' * 150}@example.org", id="e-mail address too long in lower case"),
        pytest.param("email", "a\x00da@example.org", id="NUL in the e-mail address"),
        pytest.param("nickname", "a", id="nickname too short"),
        pytest.param("nickname", "a" * 31, id="nickname too long"),
        pytest.param("nickname", "ada lovelace", id="nickname with a space"),
        pytest.param("nickname", "ada\n", id="nickname with a line break"),
        pytest.param("nickname", "ada\x00", id="NUL in the nickname"),
        pytest.param("password", "secret", id="password too short"),
        pytest.param("password", "correct " * 17, id="password too long"),
        pytest.param("password", "password1", id="common password"),
        pytest.param("password", "ada@example.org", id="password like the e-mail address"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(client: Client, users_url: str, field: str, value: str) -> None:
    """The answer says which field is wrong, and no account is opened."""
    response = sign_up(client, users_url, **{field: value})

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [field]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_refusal_does_not_repeat_the_password(client: Client, users_url: str) -> None:
    """Answers end up in logs."""
    assert "hunter2" not in sign_up(client, users_url, password="hunter2").text


@pytest.mark.django_db(transaction=True)
async def test_signing_up_works_for_an_async_client(async_client: AsyncClient, users_url: str) -> None:
    """The same call over ASGI, and a second one is the conflict."""
    first = await async_client.post(f"{users_url}/sign-up", ADA, content_type="application/json")
    second = await async_client.post(f"{users_url}/sign-up", ADA, content_type="application/json")

    assert (first.status_code, second.status_code) == (201, 409)
    assert await User.objects.acount() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_sign_up_at_once_one_gets_the_address(client: Client, users_url: str) -> None:
    """The other request gets 409, although the address was free at the check."""
    require_row_locks()
    call = disconnecting(partial(sign_up, client, users_url, nickname="lovelace"))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            make_user("ada")
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
        response = answer.result()

    assert response.status_code == 409
    assert response.json() == {"detail": "This e-mail address or nickname is taken."}
    assert User.objects.get().nickname == "ada"

"""Who gets a session?"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import AsyncClient, Client

from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.models import AuthToken, User
from users.tests.factories import PASSWORD, make_user


def log_in(client: Client, users_url: str, email: str = "ada@example.org", password: str = PASSWORD) -> Any:
    """Send the log-in form, Ada's unless told otherwise."""
    payload = {"email": email, "password": password}
    return client.post(f"{users_url}/log-in", payload, content_type="application/json")


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["ada@example.org", "Ada@EXAMPLE.org"])
def test_email_address_and_password_open_a_session(client: Client, users_url: str, email: str) -> None:
    """The token in the answer is valid for its user."""
    make_user("ada")

    response = log_in(client, users_url, email=email)

    assert response.status_code == 201
    headers = {"Authorization": f"Bearer {response.json()['token']}"}
    assert client.get(f"{users_url}/me", headers=headers).json()["nickname"] == "ada"


@pytest.mark.django_db
def test_logging_in_is_remembered(client: Client, users_url: str) -> None:
    """The account has the time of the last log-in."""
    user = make_user("ada")

    log_in(client, users_url)

    user.refresh_from_db()
    assert user.last_login is not None


@pytest.mark.django_db
def test_each_log_in_opens_its_own_session(client: Client, users_url: str) -> None:
    """A second device does not log out the first."""
    make_user("ada")

    tokens = {log_in(client, users_url).json()["token"], log_in(client, users_url).json()["token"]}

    assert len(tokens) == 2
    assert AuthToken.objects.valid().count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"password": "wrong horse battery"}, id="wrong password"),
        pytest.param({"email": "nobody@example.org"}, id="unknown e-mail address"),
    ],
)
def test_a_refusal_does_not_say_what_was_wrong(client: Client, users_url: str, wrong: dict[str, str]) -> None:
    """Otherwise a stranger could find out who has an account."""
    make_user("ada")

    response = log_in(client, users_url, **wrong)

    assert response.status_code == 401
    assert response.json() == {"detail": "Wrong e-mail address or password."}
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not AuthToken.objects.exists()


@pytest.mark.django_db
def test_an_inactive_user_gets_no_session(client: Client, users_url: str) -> None:
    """The right password does not help."""
    make_user("ada", is_active=False)

    assert log_in(client, users_url).status_code == 401


@pytest.mark.django_db
def test_a_user_without_a_password_gets_no_session(client: Client, users_url: str) -> None:
    """An unusable password matches nothing."""
    User.objects.create_user("ada@example.org", "ada")

    assert log_in(client, users_url, password="").status_code == 401


@pytest.mark.django_db
def test_logging_in_renews_an_old_hash(client: Client, users_url: str) -> None:
    """`check_password` saves a new hash if the settings prefer another hasher."""
    user = make_user("ada")
    user.password = make_password(PASSWORD, salt="short")
    user.save()

    log_in(client, users_url)

    renewed = User.objects.get()
    assert renewed.password != user.password
    assert renewed.check_password(PASSWORD)


@pytest.mark.django_db
def test_a_malformed_email_address_is_refused_by_its_name(client: Client, users_url: str) -> None:
    """The answer is 422 and names the field."""
    response = log_in(client, users_url, email="ada")

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == ["email"]


@pytest.mark.django_db
def test_a_body_that_is_no_json_is_refused(client: Client, users_url: str) -> None:
    """The answer is 400 and has a body."""
    response = client.post(f"{users_url}/log-in", "{", content_type="application/json")

    assert response.status_code == 400
    assert "detail" in response.json()


@pytest.mark.django_db(transaction=True)
async def test_logging_in_works_for_an_async_client(async_client: AsyncClient, users_url: str) -> None:
    """The same call over ASGI: once right, once wrong."""
    payload = {"email": "ada@example.org", "password": PASSWORD}
    await async_client.post(
        f"{users_url}/sign-up", payload | {"nickname": "ada"}, content_type="application/json"
    )

    right = await async_client.post(f"{users_url}/log-in", payload, content_type="application/json")
    wrong = await async_client.post(
        f"{users_url}/log-in", payload | {"password": "wrong"}, content_type="application/json"
    )

    assert (right.status_code, wrong.status_code) == (201, 401)


@pytest.mark.django_db(transaction=True)
def test_a_password_that_is_changed_meanwhile_opens_nothing(client: Client, users_url: str) -> None:
    """It was right when it was checked, but the change has ended all sessions, including this one."""
    require_row_locks()
    ada = make_user("ada")
    call = disconnecting(partial(log_in, client, users_url))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get()
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
            ada.set_password("staple battery horse")
            ada.save_credentials(["password"])
        response = answer.result()

    assert response.status_code == 401
    assert not AuthToken.objects.exists()

"""Which account does Sign in with Apple open?"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.test import AsyncClient, Client, override_settings

from config.cache import cache_settings
from config.environment import environment
from config.tests.locks import disconnecting, require_row_locks, wait_until_blocked
from users.models import AuthToken, User
from users.tests.apple import Apple, claims_for, key_named, signed
from users.tests.conftest import STYLES
from users.tests.factories import PASSWORD, make_user, sign_in

ADAS_ID = "000123.ada"
TAKEN = {"detail": "This e-mail address is taken."}


def new_nonce(client: Client, users_url: str) -> str:
    """Start a sign-in."""
    nonce: str = client.post(f"{users_url}/apple/nonce").json()["nonce"]
    return nonce


def send(client: Client, users_url: str, token: str, nonce: str, nickname: str | None = "ada") -> Any:
    """Send Apple's answer."""
    payload = {"identity_token": token, "nonce": nonce, "nickname": nickname}
    return client.post(f"{users_url}/apple", payload, content_type="application/json")


def sign_in_with_apple(client: Client, users_url: str, nickname: str | None = "ada", **claims: Any) -> Any:
    """Sign in from the first step to the last, as Ada unless told otherwise."""
    nonce = new_nonce(client, users_url)
    return send(client, users_url, signed(claims_for(nonce, **claims)), nonce, nickname)


@pytest.mark.django_db
def test_the_first_sign_in_opens_an_account(client: Client, users_url: str, apple: Apple) -> None:
    """It has the address from Apple, in lower case, and no password."""
    response = sign_in_with_apple(client, users_url, email="Ada@example.org")

    assert response.status_code == 201
    assert response.json()["user"]["email"] == "ada@example.org"
    headers = {"Authorization": f"Bearer {response.json()['token']}"}
    assert client.get(f"{users_url}/me", headers=headers).json()["nickname"] == "ada"
    ada = User.objects.get()
    assert (ada.apple_id, ada.has_usable_password()) == (ADAS_ID, False)
    assert ada.last_login is not None


@pytest.mark.django_db
def test_the_next_sign_in_finds_the_account_by_apples_id(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Neither a nickname nor the address is needed, and a later address changes nothing."""
    sign_in_with_apple(client, users_url)

    without = sign_in_with_apple(client, users_url, nickname=None, email=None)
    other = sign_in_with_apple(client, users_url, nickname=None, email="x@privaterelay.appleid.com")

    assert (without.status_code, other.status_code) == (201, 201)
    assert User.objects.get().email == "ada@example.org"
    assert AuthToken.objects.count() == 3


@pytest.mark.django_db
def test_an_address_of_apples_relay_is_an_address(client: Client, users_url: str, apple: Apple) -> None:
    """Mail to it arrives."""
    relay = "x7k2@privaterelay.appleid.com"

    response = sign_in_with_apple(client, users_url, email=relay, is_private_email="true")

    assert response.json()["user"]["email"] == relay


@pytest.mark.django_db
@pytest.mark.parametrize("verified", [True, "true"])
def test_a_verified_address_opens_the_account_that_has_it(
    client: Client, users_url: str, apple: Apple, verified: object
) -> None:
    """Apple sends a boolean or its name. From then on, Apple's id identifies the account."""
    ada = make_user("ada")

    response = sign_in_with_apple(client, users_url, nickname=None, email_verified=verified)

    assert response.status_code == 201
    assert User.objects.get() == ada
    assert User.objects.get().apple_id == ADAS_ID


@pytest.mark.django_db
def test_whoever_had_taken_the_address_in_advance_is_locked_out(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Sign-up did not verify the address: the password and the sessions end."""
    squatter = sign_in(make_user("ada"))

    sign_in_with_apple(client, users_url)

    assert client.get(f"{users_url}/me", headers=squatter).status_code == 401
    payload = {"email": "ada@example.org", "password": PASSWORD}
    refused = client.post(f"{users_url}/log-in", payload, content_type="application/json")
    assert refused.status_code == 401
    assert AuthToken.objects.count() == 1


@pytest.mark.django_db
def test_sessions_stay_open_when_the_account_is_apples_already(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Only linking an account ends sessions."""
    headers = sign_in(make_user("ada", apple_id=ADAS_ID))

    sign_in_with_apple(client, users_url)

    assert client.get(f"{users_url}/me", headers=headers).status_code == 200
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize("verified", [None, False, "false", "yes", 1.5])
def test_an_address_that_is_not_verified_opens_no_account(
    client: Client, users_url: str, apple: Apple, verified: object
) -> None:
    """Otherwise it would be enough to write another user's address into a profile at Apple."""
    ada = make_user("ada")

    response = sign_in_with_apple(client, users_url, email_verified=verified)

    assert (response.status_code, response.json()) == (409, TAKEN)
    ada.refresh_from_db()
    assert ada.apple_id is None
    assert ada.check_password(PASSWORD)


@pytest.mark.django_db
def test_an_address_that_is_not_verified_is_kept_for_its_owner(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Otherwise a stranger's account would block the address for good."""
    response = sign_in_with_apple(client, users_url, email_verified=False)

    assert response.status_code == 422
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_account_has_one_apple_id(client: Client, users_url: str, apple: Apple) -> None:
    """A second Apple user with the same address is another person."""
    make_user("ada", apple_id="000456.somebody")

    response = sign_in_with_apple(client, users_url)

    assert (response.status_code, response.json()) == (409, TAKEN)
    assert User.objects.get().apple_id == "000456.somebody"


@pytest.mark.django_db
@pytest.mark.parametrize("apple_id", [None, ADAS_ID])
def test_a_deactivated_account_stays_closed(
    client: Client, users_url: str, apple: Apple, apple_id: str | None
) -> None:
    """No matter if Apple's id is known or new."""
    make_user("ada", is_active=False, apple_id=apple_id)

    response = sign_in_with_apple(client, users_url)

    assert response.status_code == 403
    assert User.objects.get().apple_id == apple_id
    assert not AuthToken.objects.exists()


@pytest.mark.django_db
def test_a_nickname_that_is_taken_is_a_conflict(client: Client, users_url: str, apple: Apple) -> None:
    """The same nonce and token stay valid: the user need not go to Apple again."""
    make_user("bob")
    nonce = new_nonce(client, users_url)
    token = signed(claims_for(nonce))

    taken = send(client, users_url, token, nonce, nickname="BOB")
    free = send(client, users_url, token, nonce, nickname="ada")

    assert (taken.status_code, taken.json()["detail"]) == (409, "This nickname is taken.")
    assert free.status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("nickname", "email", "field"),
    [
        (None, "ada@example.org", "nickname"),
        ("x", "ada@example.org", "nickname"),
        ("ada", None, "identity_token"),
    ],
)
def test_a_new_account_needs_a_nickname_and_an_address(
    client: Client, users_url: str, apple: Apple, nickname: str | None, email: str | None, field: str
) -> None:
    """The answer says which field is wrong."""
    response = sign_in_with_apple(client, users_url, nickname=nickname, email=email)

    assert response.status_code == 422
    assert [error["loc"][-1] for error in response.json()["detail"]] == [field]
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("forged", [{"key": key_named("somebody's")}, {"key_id": "unknown"}])
def test_a_bad_token_signs_nobody_in(
    client: Client, users_url: str, apple: Apple, forged: dict[str, Any]
) -> None:
    """The answer does not say what was wrong with it."""
    make_user("ada", apple_id=ADAS_ID)
    nonce = new_nonce(client, users_url)

    response = send(client, users_url, signed(claims_for(nonce), **forged), nonce)

    assert response.status_code == 401
    assert response.json() == {"detail": "Apple's identity token was not accepted."}
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not AuthToken.objects.exists()


@pytest.mark.django_db
def test_a_nonce_is_good_for_one_sign_in(client: Client, users_url: str, apple: Apple) -> None:
    """A nonce and its token cannot be used again, nor can the nonce with another token."""
    nonce = new_nonce(client, users_url)
    token = signed(claims_for(nonce))
    send(client, users_url, token, nonce)

    again = send(client, users_url, token, nonce)
    other = send(client, users_url, signed(claims_for(nonce, sub="000456.eve")), nonce)

    assert (again.status_code, other.status_code) == (401, 401)


@pytest.mark.django_db(transaction=True)
def test_a_nonce_that_is_sent_twice_at_once_is_good_for_one(
    client: Client, users_url: str, apple: Apple
) -> None:
    """Both requests have seen that it is unused."""
    require_row_locks()
    make_user("ada", apple_id=ADAS_ID)
    nonce = new_nonce(client, users_url)
    call = disconnecting(partial(send, client, users_url, signed(claims_for(nonce)), nonce))
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE users_user")
            answers = [threads.submit(call), threads.submit(call)]
            wait_until_blocked(sessions=2)
        responses = [answer.result() for answer in answers]

    assert sorted(response.status_code for response in responses) == [201, 401]
    assert AuthToken.objects.count() == 1


@pytest.mark.services
@pytest.mark.django_db
def test_processes_with_one_redis_share_nonces_and_keys(client: Client, apple: Apple, redis_url: str) -> None:
    """One process creates the nonce, another uses it, a third refuses it; Apple is asked once for all."""
    caches = {"default": cache_settings(replace(environment(), cache_url=redis_url))}
    users_url = STYLES["after"]
    statuses = []
    with override_settings(CACHES=caches):
        nonce = new_nonce(client, users_url)
        token = signed(claims_for(nonce))
    for _ in range(2):
        with override_settings(CACHES=caches):
            statuses.append(send(client, users_url, token, nonce).status_code)
    with override_settings(CACHES=caches):
        statuses.append(sign_in_with_apple(client, users_url).status_code)

    assert statuses == [201, 401, 201]
    assert apple.asked == 1


@pytest.mark.django_db
def test_while_apple_does_not_answer_the_nonce_stays_good(
    client: Client, users_url: str, apple: Apple
) -> None:
    """503 asks the client to try again, and that must not need another visit to Apple."""
    nonce = new_nonce(client, users_url)
    token = signed(claims_for(nonce))
    apple.status = 500
    away = send(client, users_url, token, nonce)
    apple.status = 200

    back = send(client, users_url, token, nonce)

    assert (away.status_code, away.json()) == (503, {"detail": "Apple does not answer. Try again later."})
    assert back.status_code == 201


@pytest.mark.django_db
def test_without_the_cache_nobody_can_begin(client: Client, users_url: str, apple: Apple) -> None:
    """A nonce that is not stored would be useless; a later attempt may succeed."""
    nobody = cache_settings(replace(environment(), cache_url="unix:///nobody/listens/here"))
    with override_settings(CACHES={"default": nobody}):
        response = client.post(f"{users_url}/apple/nonce")

    assert (response.status_code, response.json()) == (503, {"detail": "The cache did not answer in time."})


@pytest.mark.django_db
@override_settings(APPLE_CLIENT_ID="")
def test_a_site_without_a_client_id_does_not_offer_it(client: Client, users_url: str) -> None:
    """Neither step exists."""
    responses = [
        client.post(f"{users_url}/apple/nonce"),
        send(client, users_url, signed(claims_for("nonce", aud="")), "nonce"),
    ]

    assert [response.status_code for response in responses] == [404, 404]


@pytest.mark.django_db(transaction=True)
async def test_sign_in_with_apple_works_for_an_async_client(
    async_client: AsyncClient, users_url: str, apple: Apple
) -> None:
    """The same calls over ASGI: an account, and no link to the account with the same name."""
    await sync_to_async(make_user)("ada")
    nonce = (await async_client.post(f"{users_url}/apple/nonce")).json()["nonce"]

    first = await send(async_client, users_url, signed(claims_for(nonce)), nonce)
    second = await send(async_client, users_url, signed(claims_for(nonce)), nonce)

    assert (first.status_code, second.status_code) == (201, 401)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_sign_in_for_the_first_time_at_once_one_gets_the_address(
    client: Client, users_url: str, apple: Apple
) -> None:
    """The other request gets 409, although the address was free at the check."""
    require_row_locks()
    nonce = new_nonce(client, users_url)
    call = disconnecting(partial(send, client, users_url, signed(claims_for(nonce)), nonce, "lovelace"))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            make_user("ada")
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
        response = answer.result()

    assert response.status_code == 409
    assert User.objects.get().nickname == "ada"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_link_an_account_at_once_one_gets_it(client: Client, users_url: str, apple: Apple) -> None:
    """The other request gets 409, although the check found no link; the first one's session stays."""
    require_row_locks()
    make_user("ada")
    nonces = [new_nonce(client, users_url) for _ in range(2)]
    calls = [
        disconnecting(partial(send, client, users_url, signed(claims_for(nonce, sub=apple_id)), nonce))
        for nonce, apple_id in zip(nonces, [ADAS_ID, "000456.somebody"], strict=True)
    ]
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get()
            answers = [threads.submit(call) for call in calls]
            wait_until_blocked(sessions=2)
        responses = [answer.result() for answer in answers]

    assert sorted(response.status_code for response in responses) == [201, 409]
    [opened] = [response.json()["token"] for response in responses if response.status_code == 201]
    headers = {"Authorization": f"Bearer {opened}"}
    assert client.get(f"{users_url}/me", headers=headers).status_code == 200
    [refused] = [response.json() for response in responses if response.status_code == 409]
    assert refused == {"detail": "This account has just been changed. Try again."}


@pytest.mark.django_db(transaction=True)
def test_an_apple_id_that_is_somebody_elses_by_now_is_not_linked(
    client: Client, users_url: str, apple: Apple
) -> None:
    """It was free at the check."""
    require_row_locks()
    make_user("ada")
    nonce = new_nonce(client, users_url)
    call = disconnecting(partial(send, client, users_url, signed(claims_for(nonce)), nonce))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get()
            answer = threads.submit(call)
            wait_until_blocked(sessions=1)
            make_user("bob", apple_id=ADAS_ID)
        response = answer.result()

    assert response.status_code == 409
    assert User.objects.get(nickname="ada").check_password(PASSWORD)
